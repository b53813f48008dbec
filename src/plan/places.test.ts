import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNTRIES } from '../routing/countries.ts';
import { coverPlaces, groupInCover, undisputedContinent } from './places.ts';

const countries = [...COUNTRIES.keys()].sort();
const inContinent = (continent: string): readonly string[] =>
  countries.filter((code) => COUNTRIES.get(code)?.continent === continent);
const except = (taken: readonly string[]): readonly string[] => [
  ...countries.filter((code) => !taken.includes(code)),
  'unknown',
];

describe('a table of places in entries', () => {
  it('is the fallback alone when everybody is answered alike', () => {
    expect(coverPlaces([{ id: 'all', places: [...countries, 'unknown'] }])).toEqual({
      fallback: 'all',
      entries: [],
      unnamed: [],
    });
  });

  it('has an entry for a continent, and one for each of its countries that lists count elsewhere', () => {
    const sa = inContinent('SA');
    const eu = inContinent('EU');
    const { fallback, entries } = coverPlaces([
      { id: 'rest', places: except([...sa, ...eu]) },
      { id: 'sa', places: sa },
      { id: 'eu', places: eu },
    ]);
    expect(fallback).toBe('rest');
    expect(entries).toContainEqual({ kind: 'continent', code: 'SA', group: 'sa' });
    expect(entries).toContainEqual({ kind: 'continent', code: 'EU', group: 'eu' });
    expect(entries.filter(({ kind }) => kind === 'country').map(({ code }) => code)).toEqual([
      'CY',
      'RU',
      'SJ',
      'XK',
    ]);
  });

  it('names single countries where a continent would not save entries, and those with another answer within one', () => {
    const eu = inContinent('EU').filter((code) => code !== 'CH');
    const { entries } = coverPlaces([
      { id: 'rest', places: except([...eu, 'JP']) },
      { id: 'eu', places: eu },
      { id: 'jp', places: ['JP'] },
    ]);
    expect(entries).toContainEqual({ kind: 'country', code: 'CH', group: 'rest' });
    expect(entries).toContainEqual({ kind: 'country', code: 'JP', group: 'jp' });
    expect(entries.filter(({ kind }) => kind === 'continent')).toEqual([
      { kind: 'continent', code: 'EU', group: 'eu' },
    ]);
  });

  it('says what the provider has no name for, and where nobody is answered', () => {
    const groups = [
      { id: 'rest', places: except(['US', 'XK', 'JP']) },
      { id: 'us', places: ['US', 'XK'] },
      { id: 'ca', places: ['US-CA'] },
    ];
    const blind = coverPlaces(groups, { hasCountry: (code) => code !== 'XK' });
    expect(blind.unnamed).toEqual(['US-CA', 'XK']);
    expect(blind.entries).toEqual([
      { kind: 'country', code: 'JP', group: undefined },
      { kind: 'country', code: 'US', group: 'us' },
    ]);
    const seeing = coverPlaces(groups, { hasSubdivision: () => true });
    expect(seeing.unnamed).toEqual([]);
    expect(seeing.entries.at(-1)).toEqual({ kind: 'subdivision', code: 'US-CA', group: 'ca' });
  });

  it('keeps a part of a country apart that gets another type of record', () => {
    const { entries } = coverPlaces([{ id: 'all', places: except([]) }], {
      hasSubdivision: () => true,
      listed: ['US-CA'],
    });
    expect(entries).toEqual([{ kind: 'subdivision', code: 'US-CA', group: undefined }]);
  });

  it('gives back the group of every place, whatever the provider counts to continents', () => {
    let continents = 0;
    const table = fc.array(fc.constantFrom('a', 'b', 'c', undefined), {
      minLength: countries.length + 3,
      maxLength: countries.length + 3,
    });
    // Continents whole, then single places otherwise: what rules make.
    const ofContinents = fc.record({
      AF: fc.constantFrom('a', 'b'),
      AN: fc.constantFrom('a', 'b'),
      AS: fc.constantFrom('a', 'b'),
      EU: fc.constantFrom('a', 'b', undefined),
      NA: fc.constantFrom('a', 'b'),
      OC: fc.constantFrom('a', 'b', 'c'),
      SA: fc.constantFrom('a', 'b'),
    });
    const regions = [
      undisputedContinent,
      (code: string) => (code < 'N' ? 'first' : 'second'),
      () => undefined,
    ];
    fc.assert(
      fc.property(
        fc.oneof(
          table,
          fc
            .tuple(ofContinents, fc.array(fc.tuple(fc.nat(countries.length + 2), fc.constantFrom('a', 'c'))))
            .map(([continent, others]) => {
              const rows: (string | undefined)[] = [
                ...countries.map((code) => continent[COUNTRIES.get(code)?.continent ?? 'AN']),
                'a',
                continent.NA,
                'b',
              ];
              for (const [at, group] of others) rows[at] = group;
              return rows;
            }),
        ),
        fc.constantFrom(...regions),
        (rows, continentOf) => {
          const places = [...countries, 'unknown', 'US-CA', 'DE-BY'];
          const groups = ['a', 'b', 'c']
            .map((id) => ({ id, places: places.filter((_, at) => rows[at] === id) }))
            .filter((group) => group.places.length > 0);
          const cover = coverPlaces(groups, { continentOf, hasSubdivision: () => true });
          continents += cover.entries.filter(({ kind }) => kind === 'continent').length;
          expect(cover.unnamed).toEqual([]);
          for (const [at, place] of places.entries()) {
            // A subdivision that is in no group is the rest of its country.
            if (place.includes('-') && rows[at] === undefined) continue;
            expect(groupInCover(cover, place, continentOf)).toBe(rows[at]);
          }
          // Fewer entries than places that differ.
          const differing = places.filter((_, at) => rows[at] !== rows[countries.length]).length;
          expect(cover.entries.length).toBeLessThanOrEqual(differing + 2);
        },
      ),
      { numRuns: 200 },
    );
    expect(continents).toBeGreaterThan(20);
  });
});
