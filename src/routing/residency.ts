import type { ResidencySpec } from '../resources/traffic-policy.ts';
import type { CompiledEndpoint } from './compiled.ts';
import { COUNTRIES } from './countries.ts';
import { countriesOf, countryOf } from './geography.ts';
import type { Located, RegionTable } from './model.ts';

/** The endpoints a query may be answered with, by the residency rules in force for it. */
export interface ResidencySet {
  /** The rules in force; none: no restriction. */
  readonly rules: readonly ResidencySpec[];
  /** The rule whose `onAllDown` applies: the one with the smallest region, the first of equals. */
  readonly governing: ResidencySpec | undefined;
  /** By endpoint index. */
  readonly admitted: readonly boolean[];
  /** What the admitted endpoints can be answered with. Does not depend on health. */
  readonly has: { readonly v4: boolean; readonly v6: boolean; readonly cname: boolean };
}

/** Residency sets by place. */
export interface ResidencyIndex {
  /** The set for a location; see `residencySetOf`. */
  readonly byCountry: ReadonlyMap<string, ResidencySet>;
  /** For a location of unknown country: every rule with `unknownLocation: restrict`. */
  readonly unknown: ResidencySet;
  /** For a country that is known of a part of the announced network only: the rules of both. */
  readonly inexact: ReadonlyMap<string, ResidencySet>;
}

export function compileResidency(
  rules: readonly ResidencySpec[],
  regions: RegionTable,
  endpoints: readonly CompiledEndpoint[],
): ResidencyIndex {
  const made = new Map<string, ResidencySet>();
  const setFor = (inForce: readonly ResidencySpec[]): ResidencySet => {
    const key = inForce.map((rule) => rules.indexOf(rule)).join(' ');
    const known = made.get(key);
    if (known !== undefined) return known;
    const set = residencySet(inForce, regions, endpoints);
    made.set(key, set);
    return set;
  };
  const restrictUnknown = rules.filter((rule) => rule.unknownLocation === 'restrict');
  const byCountry = new Map<string, ResidencySet>();
  const inexact = new Map<string, ResidencySet>();
  for (const country of COUNTRIES.keys()) {
    const own = rules.filter((rule) => countriesOf(regions, rule.region)?.includes(country));
    const set = setFor(own);
    byCountry.set(country, set);
    const both = setFor(rules.filter((rule) => own.includes(rule) || restrictUnknown.includes(rule)));
    // Two regions that share no cluster cannot both be kept: what is known of the network then decides.
    inexact.set(country, canAnswer(both) ? both : set);
  }
  return { byCountry, unknown: setFor(restrictUnknown), inexact };
}

/** The set that binds a query, whatever the state of the world. */
export function residencySetOf(index: ResidencyIndex, located: Located): ResidencySet {
  const country = countryOf(located.location);
  if (country === undefined) return index.unknown;
  return (located.exact ? index.byCountry : index.inexact).get(country) ?? index.unknown;
}

/** False when the rules leave no cluster and name no maintenance address: such a place could never be answered. */
export function canAnswer(set: ResidencySet): boolean {
  return set.admitted.includes(true) || set.governing?.onAllDown.action === 'maintenance';
}

function residencySet(
  rules: readonly ResidencySpec[],
  regions: RegionTable,
  endpoints: readonly CompiledEndpoint[],
): ResidencySet {
  const sizeOf = (rule: ResidencySpec): number => countriesOf(regions, rule.region)?.length ?? 0;
  const admitted = endpoints.map((endpoint) =>
    rules.every((rule) => countriesOf(regions, rule.region)?.includes(endpoint.country) === true),
  );
  const inside = endpoints.filter((endpoint) => admitted[endpoint.index]);
  return {
    rules,
    governing: rules.toSorted((a, b) => sizeOf(a) - sizeOf(b))[0],
    admitted,
    has: {
      v4: inside.some((endpoint) => endpoint.v4.length > 0),
      v6: inside.some((endpoint) => endpoint.v6.length > 0),
      cname: inside.some((endpoint) => endpoint.cname !== undefined),
    },
  };
}
