import type { TypePlacement } from '../../src/plan/placement.ts';
import { type CoverEntry, coverPlaces, type PlaceCover, undisputedContinent } from '../../src/plan/places.ts';
import { COUNTRIES } from '../../src/routing/countries.ts';

/** "Route 53 doesn't support any other values for SubdivisionCode" than states of the United States (and, with them, DC): API_GeoLocation. */
const STATES = new Set(
  'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY'.split(
    ' ',
  ),
);
/** "The two-letter country codes that are specified in ISO standard 3166-1": Kosovo has none there. */
export const NO_COUNTRY = 'XK';

/**
 * The geolocation records that give every place its group.
 * @param all every type at the hostname: a state named for one of them is named for all
 */
export function coverOf(type: TypePlacement, all: readonly TypePlacement[]): PlaceCover {
  const names = {
    hasCountry: (code: string) => code !== NO_COUNTRY,
    hasSubdivision: (code: string) => code.startsWith('US-') && STATES.has(code.slice(3)),
    listed: all.flatMap(({ groups }) =>
      groups.flatMap(({ places }) => places.filter((p) => p.includes('-'))),
    ),
  };
  const cover = withDisputed(type, coverPlaces(type.groups, { ...names, continentOf }));
  // A country without an answer below a continent that has one: without continents it can be left out.
  return cover.entries.some(({ group }) => group === undefined)
    ? coverPlaces(type.groups, { ...names, continentOf: () => undefined })
    : cover;
}

function continentOf(code: string): string | undefined {
  return code === NO_COUNTRY ? 'EU' : undisputedContinent(code);
}

/** Which continent Route 53 counts Russia or Cyprus to is not documented: beside entries of continents they have entries of their own. */
function withDisputed(type: TypePlacement, cover: PlaceCover): PlaceCover {
  if (!cover.entries.some(({ kind }) => kind === 'continent')) return cover;
  const named = new Set(cover.entries.map(({ code }) => code));
  const added = [...COUNTRIES.keys()]
    .filter((code) => continentOf(code) === undefined && !named.has(code))
    .map(
      (code): CoverEntry => ({
        kind: 'country',
        code,
        group: type.groups.find(({ places }) => places.includes(code))?.id,
      }),
    );
  const rank = { continent: 0, country: 1, subdivision: 2 };
  const entries = [...cover.entries, ...added].sort(
    (a, b) => rank[a.kind] - rank[b.kind] || (a.code < b.code ? -1 : 1),
  );
  return { ...cover, entries };
}
