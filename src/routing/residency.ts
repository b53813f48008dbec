import type { ResidencySpec } from '../resources/traffic-policy.ts';
import type { CompiledEndpoint, CompiledTier } from './compiled.ts';
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
  /** Tiers by distance from each country, once they were needed. */
  readonly nearest: Map<string, readonly CompiledTier[]>;
}

/** Residency sets by place; made when a place is first asked for, so that a policy costs little until it is used. */
export interface ResidencyIndex {
  /** For a location of unknown country: every rule with `unknownLocation: restrict`. */
  readonly unknown: ResidencySet;
  ofCountry(country: string): ResidencySet;
  /** For a country that is known of a part of the announced network only: the rules of both. */
  ofPartOf(country: string): ResidencySet;
  /** Every set there is, with a country it binds (`undefined`: only unknown locations). */
  all(): ReadonlyMap<ResidencySet, string | undefined>;
}

export function compileResidency(
  rules: readonly ResidencySpec[],
  regions: RegionTable,
  endpoints: readonly CompiledEndpoint[],
): ResidencyIndex {
  const made = new Map<string, ResidencySet>();
  const setFor = (inForce: readonly ResidencySpec[]): ResidencySet => {
    const key = inForce.map((rule) => rule.region).join(' ');
    const known = made.get(key);
    if (known !== undefined) return known;
    const set = residencySet(inForce, regions, endpoints);
    made.set(key, set);
    return set;
  };
  const rulesOf = (country: string): readonly ResidencySpec[] =>
    rules.filter((rule) => countriesOf(regions, rule.region)?.includes(country));
  const restrictUnknown = rules.filter((rule) => rule.unknownLocation === 'restrict');
  const unknown = setFor(restrictUnknown);
  const byCountry = new Map<string, ResidencySet>();
  const byPart = new Map<string, ResidencySet>();
  const ofCountry = (country: string): ResidencySet => {
    if (rules.length === 0) return unknown;
    const known = byCountry.get(country);
    if (known !== undefined) return known;
    const set = setFor(rulesOf(country));
    byCountry.set(country, set);
    return set;
  };
  return {
    unknown,
    ofCountry,
    ofPartOf(country) {
      const known = byPart.get(country);
      if (known !== undefined) return known;
      const own = rulesOf(country);
      const both = setFor(rules.filter((rule) => own.includes(rule) || restrictUnknown.includes(rule)));
      // Two regions that share no cluster cannot both be kept: what is known of the network then decides.
      const set = canAnswer(both) ? both : setFor(own);
      byPart.set(country, set);
      return set;
    },
    all() {
      const sets = new Map<ResidencySet, string | undefined>([[unknown, undefined]]);
      if (rules.length === 0) return sets;
      for (const country of COUNTRIES.keys()) {
        const set = ofCountry(country);
        if (sets.get(set) === undefined) sets.set(set, country);
      }
      return sets;
    },
  };
}

/** The set that binds a query, whatever the state of the world. */
export function residencySetOf(index: ResidencyIndex, located: Located): ResidencySet {
  const country = countryOf(located.location);
  if (country === undefined) return index.unknown;
  return located.exact ? index.ofCountry(country) : index.ofPartOf(country);
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
    nearest: new Map(),
  };
}
