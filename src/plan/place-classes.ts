import type { CompiledPolicy } from '../routing/compiled.ts';
import { countryLocation, UNLOCATED } from '../routing/location.ts';
import type { Located } from '../routing/model.ts';
import { type ResidencySet, residencySetOf } from '../routing/residency.ts';
import { matchingRules } from '../routing/walk.ts';
import { PLACES } from './answers.ts';

/** Places where the same rules match and the same endpoints are admitted: distance apart, their clients are answered alike in every state. */
export interface PlaceClass {
  /** Countries, subdivisions that a rule names, `unknown`; sorted. */
  readonly places: readonly string[];
  /** One of them. */
  readonly located: Located;
}

/* A policy does not change, and is asked about at every change of health. */
const known = new WeakMap<CompiledPolicy, readonly PlaceClass[]>();

/** The classes of all places; `unknown` is in the first one. */
export function placeClassesOf(policy: CompiledPolicy): readonly PlaceClass[] {
  const before = known.get(policy);
  if (before !== undefined) return before;
  const made = policy.usesLocation ? classesOf(policy) : [{ places: PLACES, located: UNLOCATED }];
  known.set(policy, made);
  return made;
}

/** Where a client in a place of the table is. */
export function locatedAt(place: string): Located {
  if (place === 'unknown') return UNLOCATED;
  const country = countryLocation(place.slice(0, 2));
  const location = place.includes('-') ? { ...country, subdivision: place } : country;
  return { location, prefixLength: 0, exact: true };
}

function classesOf(policy: CompiledPolicy): readonly PlaceClass[] {
  const sets = new Map<ResidencySet, number>();
  const classes = new Map<string, { readonly places: string[]; readonly located: Located }>();
  for (const place of ['unknown', ...PLACES.slice(0, -1), ...policy.bySubdivision.keys()]) {
    const located = locatedAt(place);
    const set = residencySetOf(policy.residency, located);
    const number = sets.get(set) ?? sets.size;
    sets.set(set, number);
    let key = `${number}`;
    for (const { rule } of matchingRules(policy, undefined, located.location)) key += ` ${rule.name}`;
    const there = classes.get(key);
    if (there === undefined) classes.set(key, { places: [place], located });
    else there.places.push(place);
  }
  return [...classes.values()].map(({ places, located }) => ({ places: places.sort(), located }));
}
