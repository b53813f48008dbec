import { COUNTRIES } from '../routing/countries.ts';
import type { PlaceGroup } from './placement.ts';

/** A table of places in the words of a provider: the most specific entry counts. A group of `undefined` is NODATA. */
export interface PlaceCover {
  /** What everybody gets who is in no entry, the unknown place among them (`*`, `WORLD`). */
  readonly fallback: string | undefined;
  /** Continents, then countries, then subdivisions; each sorted by its code. Only what differs from the entry above it. */
  readonly entries: readonly CoverEntry[];
  /** Places that differ from what they are given, because the provider has no name for them: sorted. */
  readonly unnamed: readonly string[];
}

export interface CoverEntry {
  readonly kind: 'continent' | 'country' | 'subdivision';
  /** As the provider's `continentOf` gives it; `DE`; `US-CA`. */
  readonly code: string;
  /** Id of the group. */
  readonly group: string | undefined;
}

/** Which places a provider has names for. */
export interface PlaceNames {
  /**
   * The provider's entry above a country, and `undefined` for countries that are always named one by one. Its idea of a continent must hold
   * for every country it is given for. Default: `undisputedContinent`.
   */
  readonly continentOf?: (country: string) => string | undefined;
  /** Default: all. */
  readonly hasCountry?: (country: string) => boolean;
  /** Default: none. */
  readonly hasSubdivision?: (subdivision: string) => boolean;
  /** Subdivisions in groups of other types at the same name: one that is in none of `groups` gets NODATA and not what its country gets. */
  readonly listed?: readonly string[];
}

/** Countries that lists count to one continent or to another, or that are not in all lists. */
const DISPUTED = new Set('AM AZ CY EG GE ID IO KZ PS RU SJ TF TL TR UM XK GS HM BV SX BQ CW BL'.split(' '));

/** The continent of a country, unless lists differ about it. */
export function undisputedContinent(country: string): string | undefined {
  return DISPUTED.has(country) ? undefined : COUNTRIES.get(country)?.continent;
}

/**
 * The fewest entries that give every place its group. Where the table has a subdivision the provider cannot name, or a country, that is
 * said in `unnamed`.
 */
export function coverPlaces(
  groups: readonly Pick<PlaceGroup, 'id' | 'places'>[],
  names: PlaceNames = {},
): PlaceCover {
  const groupOf = new Map(groups.flatMap(({ id, places }) => places.map((place) => [place, id] as const)));
  const fallback = groupOf.get('unknown');
  const continentOf = names.continentOf ?? undisputedContinent;
  const hasCountry = names.hasCountry ?? (() => true);
  const hasSubdivision = names.hasSubdivision ?? (() => false);
  const unnamed: string[] = [];

  const continents = entriesOfContinents(groupOf, fallback, continentOf);
  const countries: CoverEntry[] = [];
  const given = new Map<string, string | undefined>();
  for (const code of [...COUNTRIES.keys()].sort()) {
    const group = groupOf.get(code);
    const continent = continentOf(code);
    const above = continents.find((entry) => entry.code === continent);
    const inherited = above === undefined ? fallback : above.group;
    given.set(code, inherited);
    if (group === inherited) continue;
    if (hasCountry(code)) {
      countries.push({ kind: 'country', code, group });
      given.set(code, group);
    } else unnamed.push(code);
  }
  const subdivisions: CoverEntry[] = [];
  for (const code of new Set([...groupOf.keys(), ...(names.listed ?? [])].sort())) {
    const group = groupOf.get(code);
    if (!code.includes('-') || group === given.get(code.slice(0, 2))) continue;
    if (hasSubdivision(code)) subdivisions.push({ kind: 'subdivision', code, group });
    else unnamed.push(code);
  }
  return { fallback, entries: [...continents, ...countries, ...subdivisions], unnamed: unnamed.sort() };
}

/** What a client in a place gets of a provider that reads the cover. */
export function groupInCover(
  cover: PlaceCover,
  place: string,
  continentOf: (country: string) => string | undefined = undisputedContinent,
): string | undefined {
  const country = place.slice(0, 2);
  const find = (kind: CoverEntry['kind'], code: string | undefined): CoverEntry | undefined =>
    cover.entries.find((entry) => entry.kind === kind && entry.code === code);
  const entry =
    place === 'unknown'
      ? undefined
      : (find('subdivision', place) ?? find('country', country) ?? find('continent', continentOf(country)));
  return entry === undefined ? cover.fallback : entry.group;
}

/** An entry for each continent where that saves entries: of the group that most of its countries have. */
function entriesOfContinents(
  groupOf: ReadonlyMap<string, string>,
  fallback: string | undefined,
  continentOf: (country: string) => string | undefined,
): readonly CoverEntry[] {
  const counts = new Map<string, Map<string | undefined, number>>();
  for (const country of COUNTRIES.keys()) {
    const continent = continentOf(country);
    if (continent === undefined) continue;
    const ofContinent = counts.get(continent) ?? new Map<string | undefined, number>();
    counts.set(continent, ofContinent);
    const group = groupOf.get(country);
    ofContinent.set(group, (ofContinent.get(group) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([code, ofContinent]) => {
      // An entry costs one itself.
      let best = fallback;
      let saved = ofContinent.get(fallback) ?? 0;
      for (const [group, count] of ofContinent) {
        if (group === fallback || count - 1 <= saved) continue;
        best = group;
        saved = count - 1;
      }
      return best === fallback ? [] : [{ kind: 'continent', code, group: best } as const];
    });
}
