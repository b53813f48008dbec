import { describe, expect, test } from 'vitest';
import { regionTable } from './geography.ts';
import { type Origin, parseClient, parseOrigin } from './location.ts';

const REGIONS = regionTable({ DACH: ['DE', 'AT', 'CH'] });

describe('--from', () => {
  test.each<[string, Origin]>([
    ['DE', { kind: 'place', location: { country: 'DE', continent: 'EU' } }],
    ['de', { kind: 'place', location: { country: 'DE', continent: 'EU' } }],
    ['NA', { kind: 'place', location: { country: 'NA', continent: 'AF' } }],
    ['US-CA', { kind: 'place', location: { country: 'US', continent: 'NA', subdivision: 'US-CA' } }],
    ['unknown', { kind: 'place', location: {} }],
    ['dach', { kind: 'region', region: 'DACH', countries: ['DE', 'AT', 'CH'] }],
  ])('%s', (text, origin) => {
    expect(parseOrigin(text, REGIONS)).toEqual(origin);
  });

  test('a region or continent stands for its countries', () => {
    const eu = parseOrigin('EU', REGIONS);
    expect(eu.kind === 'region' && eu.countries).toHaveLength(27);
    const oceania = parseOrigin('continent:OC', REGIONS);
    expect(oceania.kind === 'region' && oceania.countries).toContain('NZ');
  });

  test.each(['', 'XX', 'XX-1', 'continent:XX', 'DE-', 'Atlantis'])(
    '"%s" is refused with what may be written',
    (text) => {
      expect(() => parseOrigin(text, REGIONS)).toThrow(
        expect.objectContaining({ code: 'USAGE', fix: expect.stringContaining('continent:AS') as unknown }),
      );
    },
  );
});

describe('--client', () => {
  test('an address is a resolver, a block is what one announces', () => {
    expect(parseClient('192.0.2.7')).toEqual({
      family: 4,
      bytes: Uint8Array.of(192, 0, 2, 7),
      prefixLength: 32,
      source: 'resolver',
    });
    expect(parseClient('192.0.2.7/24')).toEqual({
      family: 4,
      bytes: Uint8Array.of(192, 0, 2, 0),
      prefixLength: 24,
      source: 'ecs',
    });
    expect(parseClient('2001:db8::/32')).toMatchObject({ family: 6, prefixLength: 32, source: 'ecs' });
    expect(parseClient('0.0.0.0/0')).toMatchObject({ prefixLength: 0, source: 'ecs' });
  });

  test.each(['', 'example.com', '192.0.2.7/33', '192.0.2.7/', '192.0.2.7/1/2', '/24'])(
    '"%s" is refused',
    (text) => {
      expect(() => parseClient(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );
});
