import type { ClientClasses } from '../dns/routed.ts';
import type { CompiledPolicy } from './compiled.ts';
import { COUNTRIES } from './countries.ts';
import type { Located, RegionTable } from './model.ts';
import { residencySetOf } from './residency.ts';
import { matchingRules } from './walk.ts';

/** Countries by number, from 1; 0 stands for a location of which nothing is known. */
const NUMBER_OF_COUNTRY: ReadonlyMap<string, number> = new Map(
  [...COUNTRIES.keys()].map((code, at) => [code, at + 1]),
);

/** Numbers of places are below this. */
export const PLACES = 2 * (NUMBER_OF_COUNTRY.size + 1);
const MAX_CLASSES = 250;
const MAX_RULE_SETS = 1_000;

/** A number for what a policy without rules for CIDR blocks and subdivisions goes by; -1 when there is more to a location. */
export function numberOfPlace({ location, exact }: Located): number {
  const { country, subdivision } = location;
  if (country === undefined && subdivision !== undefined) return -1;
  const number = country === undefined ? 0 : (NUMBER_OF_COUNTRY.get(country) ?? -1);
  if (number < 0 || (number === 0 && location.continent !== undefined)) return -1;
  return 2 * number + (exact ? 1 : 0);
}

/** Classes of clients for policies with the same rules about places. */
export class PlaceClasses implements ClientClasses {
  readonly byPlace = new Uint8Array(PLACES);
  readonly #numbers = new Map<string, number>();

  /**
   * The class of a place: the rules that match it and the residency rules in force there are those of no other class.
   * @param policy one with these rules
   * @returns 0 when it cannot be numbered
   */
  classOf(policy: CompiledPolicy, place: number, located: Located): number {
    const known = this.byPlace[place] ?? 0;
    if (known !== 0) return known;
    const residency = residencySetOf(policy.residency, located).rules.map(({ region }) => region);
    const rules = matchingRules(policy, undefined, located.location).map(({ rule }) =>
      policy.rules.indexOf(rule),
    );
    const key = `${residency.join(' ')}|${rules.join(' ')}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      if (this.#numbers.size >= MAX_CLASSES) return 0;
      number = this.#numbers.size + 1;
      this.#numbers.set(key, number);
    }
    this.byPlace[place] = number;
    return number;
  }
}

/* Many names have the same rules about places, and other endpoints. */
const byRegions = new WeakMap<RegionTable, Map<string, PlaceClasses>>();

/** The classes of a policy; the same for all that have the same rules. `undefined` when there are too many kinds of policies. */
export function placeClassesOf(policy: CompiledPolicy, regions: RegionTable): PlaceClasses | undefined {
  const { geo, residency } = policy.source;
  const key = JSON.stringify([
    geo.map((rule) => [rule.subdivisions, rule.countries, rule.regions, rule.continents]),
    residency,
    // Whether two residency rules leave anybody decides which of them is in force.
    residency.length === 0 ? [] : policy.endpoints.map(({ country }) => country),
  ]);
  let known = byRegions.get(regions);
  if (known === undefined) {
    known = new Map();
    byRegions.set(regions, known);
  }
  const classes = known.get(key);
  if (classes !== undefined) return classes;
  if (known.size >= MAX_RULE_SETS) return undefined;
  const made = new PlaceClasses();
  known.set(key, made);
  return made;
}
