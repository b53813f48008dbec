import { COUNTRIES } from './countries.ts';
import type { Location, RegionTable } from './model.ts';

/** The 27 member states (Treaty on European Union, since 2020-02-01). */
const EUROPEAN_UNION =
  'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' ');

/**
 * Regions that exist without being defined:
 * - `EU`: the 27 members of the European Union, by the code of the state. Territories with a code of their own (GP, MQ, RE,
 *   GF, YT, MF, AX, …) are not in it; an operator who counts them defines a region.
 * - `EEA`: EU and IS, LI, NO.
 * - `Europe`: every country of the continent (GeoNames convention, so with RU, without TR).
 */
export const BUILT_IN_REGIONS: RegionTable = {
  EU: EUROPEAN_UNION,
  EEA: [...EUROPEAN_UNION, 'IS', 'LI', 'NO'].sort(),
  Europe: [...COUNTRIES.values()].filter((c) => c.continent === 'EU').map((c) => c.code),
};

/** The operator's regions and the built-in ones, which nobody redefines: their meaning must be the same everywhere. */
export function regionTable(custom: RegionTable = {}): RegionTable {
  return { ...custom, ...BUILT_IN_REGIONS };
}

/** Countries of a region, built in or in `table`; `undefined` when there is no such region. */
export function countriesOf(table: RegionTable, region: string): readonly string[] | undefined {
  if (Object.hasOwn(BUILT_IN_REGIONS, region)) return BUILT_IN_REGIONS[region];
  return Object.hasOwn(table, region) ? table[region] : undefined;
}

/**
 * True when the location is known to be in the region. An unknown country is in none; a caller that guards residency asks
 * `countryOf` first and then goes by the rule's `unknownLocation`.
 */
export function regionContains(table: RegionTable, region: string, location: Location): boolean {
  const country = countryOf(location);
  return country !== undefined && countriesOf(table, region)?.includes(country) === true;
}

/** The country of a location, also from its subdivision; `undefined` when unknown or no country of the table. */
export function countryOf(location: Location): string | undefined {
  const code = location.country ?? location.subdivision?.slice(0, 2);
  return code !== undefined && COUNTRIES.has(code) ? code : undefined;
}
