import { describe, expect, it } from 'vitest';
import { COUNTRIES } from '../../src/routing/countries.ts';
import { aboveOf, COUNTRY_OF, codesOf, GEOGRAPHIC_CODES, GROUPING_OF, WORLD } from './geography.ts';

describe("Traffic Manager's geographic hierarchy", () => {
  it('has every country in exactly one grouping, but for Western Sahara, which it does not know', () => {
    const without = [...COUNTRIES.keys()].filter((country) => !GROUPING_OF.has(country));
    expect(without).toEqual(['EH']);
    const codes = [...GROUPING_OF.keys()];
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.length).toBe(COUNTRIES.size - 1 + ['XE', 'XS', 'XJ'].length);
  });

  it('counts countries as Traffic Manager does, not as we do', () => {
    expect(['TR', 'YE', 'IL'].map((code) => GROUPING_OF.get(code))).toEqual(['GEO-ME', 'GEO-ME', 'GEO-ME']);
    expect(['EG', 'CY', 'AU', 'JP'].map((code) => GROUPING_OF.get(code))).toEqual([
      'GEO-AF',
      'GEO-EU',
      'GEO-AP',
      'GEO-AS',
    ]);
  });

  it('has states of three countries only', () => {
    expect(new Set(COUNTRY_OF.values())).toEqual(new Set(['AU', 'CA', 'US']));
    expect(COUNTRY_OF.size).toBe(8 + 13 + 51);
    expect(GEOGRAPHIC_CODES.has('GB-ENG')).toBe(false);
  });

  it('leads from every code up to the world', () => {
    for (const code of GEOGRAPHIC_CODES) {
      let at: string | undefined = code;
      for (let steps = 0; at !== undefined && at !== WORLD; steps += 1) {
        expect(steps, code).toBeLessThan(4);
        at = aboveOf(at);
      }
      expect(at, code).toBe(WORLD);
    }
  });

  it('takes along the codes that ISO counts to another country', () => {
    expect(codesOf('BQ')).toEqual(['BQ', 'XE', 'XS']);
    expect(codesOf('SJ')).toEqual(['SJ', 'XJ']);
    expect(codesOf('EH')).toEqual([]);
  });
});
