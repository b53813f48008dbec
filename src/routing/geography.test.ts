import { describe, expect, test } from 'vitest';
import { COUNTRIES } from './countries.ts';
import { distanceKm, pointOf } from './distance.ts';
import { BUILT_IN_REGIONS, countriesOf, countryOf, regionContains, regionTable } from './geography.ts';
import { countryLocation } from './location.ts';

describe('countries', () => {
  test('there are 249 of ISO 3166-1 and Kosovo', () => {
    expect(COUNTRIES.size).toBe(250);
    for (const { code, latitude, longitude } of COUNTRIES.values()) {
      expect(code).toMatch(/^[A-Z]{2}$/);
      expect(Math.abs(latitude)).toBeLessThanOrEqual(90);
      expect(Math.abs(longitude)).toBeLessThanOrEqual(180);
    }
  });

  test.each([
    ['RU', 'EU'],
    ['CY', 'EU'],
    ['TR', 'AS'],
    ['GE', 'AS'],
    ['KZ', 'AS'],
    ['EG', 'AF'],
    ['GL', 'NA'],
    ['MX', 'NA'],
    ['NA', 'AF'],
    ['AQ', 'AN'],
  ])('%s is counted to %s', (country, continent) => {
    expect(COUNTRIES.get(country)?.continent).toBe(continent);
  });
});

describe('regions', () => {
  test('EU has 27 members, EEA three more, Europe is the continent', () => {
    expect(BUILT_IN_REGIONS.EU).toHaveLength(27);
    expect(BUILT_IN_REGIONS.EEA).toHaveLength(30);
    expect(BUILT_IN_REGIONS.Europe).toContain('CH');
    for (const region of ['EU', 'EEA']) {
      for (const country of BUILT_IN_REGIONS[region] ?? [])
        expect(BUILT_IN_REGIONS.Europe).toContain(country);
    }
  });

  test.each<[string, string, boolean]>([
    ['EU', 'DE', true],
    ['EU', 'GB', false],
    ['EU', 'NO', false],
    ['EEA', 'NO', true],
    ['EEA', 'CH', false],
    ['Europe', 'GB', true],
    ['Europe', 'TR', false],
    ['DACH', 'CH', true],
    ['Atlantis', 'DE', false],
  ])('%s with %s: %s', (region, country, inside) => {
    expect(regionContains(regionTable({ DACH: ['DE', 'AT', 'CH'] }), region, { country })).toBe(inside);
  });

  test("an unknown location is in no region, a subdivision in its country's", () => {
    expect(regionContains(regionTable(), 'EU', {})).toBe(false);
    expect(regionContains(regionTable(), 'EU', { subdivision: 'DE-BY' })).toBe(true);
    expect(countryOf({ country: 'ZZ' })).toBeUndefined();
  });

  test('an operator cannot redefine a built-in region', () => {
    expect(countriesOf(regionTable({ EU: ['US'] }), 'EU')).not.toContain('US');
    expect(countriesOf({ EU: ['US'] }, 'EU')).not.toContain('US');
  });

  test('names of object members are no regions', () => {
    expect(countriesOf(regionTable(), 'constructor')).toBeUndefined();
  });
});

describe('distance', () => {
  const frankfurt = { latitude: 50.11, longitude: 8.68 };
  const newYork = { latitude: 40.71, longitude: -74.01 };

  test('is that of the great circle', () => {
    expect(distanceKm(frankfurt, newYork)).toBeCloseTo(6206, -2);
    expect(distanceKm(frankfurt, frankfurt)).toBe(0);
    expect(distanceKm({ latitude: 0, longitude: 179 }, { latitude: 0, longitude: -179 })).toBeCloseTo(
      222.4,
      0,
    );
    expect(distanceKm({ latitude: 0, longitude: 0 }, { latitude: 0, longitude: 180 })).toBeCloseTo(
      20_015,
      -1,
    );
  });

  test("a location has its own point, else its country's, else none", () => {
    expect(pointOf({ country: 'DE', ...newYork })).toEqual(newYork);
    expect(pointOf(countryLocation('DE'))).toMatchObject({ latitude: 51, longitude: 10 });
    expect(pointOf({ continent: 'EU' })).toBeUndefined();
  });
});
