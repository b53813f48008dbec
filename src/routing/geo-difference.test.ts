import { describe, expect, it } from 'vitest';
import { compareGeo, type GeoDifference } from './geo-difference.ts';
import { createGeoLookup } from './geoip.ts';
import { type MmdbValue, writeMmdb } from './testing/mmdb.ts';

const at = (country: string): MmdbValue => ({ country: { iso_code: country } });

/** Twenty countries with a /8 each, and one with an IPv6 /32. */
const COUNTRIES = 'DE FR IT ES PT NL BE AT CH PL CZ SK HU RO BG GR SE FI DK US'.split(' ');
const WORLD: Readonly<Record<string, MmdbValue>> = {
  ...Object.fromEntries(COUNTRIES.map((country, i) => [`${i + 1}.0.0.0/8`, at(country)])),
  '2001:db8::/32': at('DE'),
};

function compare(
  before: Readonly<Record<string, MmdbValue>>,
  after: Readonly<Record<string, MmdbValue>>,
): GeoDifference {
  const steps = compareGeo(createGeoLookup(writeMmdb(6, before)), createGeoLookup(writeMmdb(6, after)));
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

describe('the difference of two GeoIP databases', () => {
  it('is nothing between equal ones, and nobody has to approve', () => {
    expect(compare(WORLD, WORLD)).toEqual({
      countries: 20,
      moved: [],
      addressesMovedPercent: 0,
      added: [],
      approvalReasons: [],
    });
  });

  it('names a country that moved and where it went; one of twenty passes without approval', () => {
    const { '1.0.0.0/8': _, ...rest } = WORLD;
    const found = compare(WORLD, { ...rest, '1.0.0.0/9': at('DE'), '1.128.0.0/9': at('FR') });
    expect(found.moved).toEqual([{ country: 'DE', movedPercent: 50, mostlyTo: 'FR' }]);
    expect(found.addressesMovedPercent).toBeCloseTo(2.5);
    expect(found.approvalReasons).toEqual([]);
  });

  it('leaves out a country of which 5 % or less moved', () => {
    const { '1.0.0.0/8': _, ...rest } = WORLD;
    const halves = Object.fromEntries(
      Array.from({ length: 32 }, (_half, i) => [`1.${i * 8}.0.0/13`, at(i === 0 ? 'FR' : 'DE')]),
    );
    const found = compare(WORLD, { ...rest, ...halves });
    expect(found.moved).toEqual([]);
    expect(found.addressesMovedPercent).toBeCloseTo(100 / 32 / 20);
  });

  it('I25 wants approval when more than 5 % of the countries moved', () => {
    const { '1.0.0.0/8': _a, '2.0.0.0/8': _b, ...rest } = WORLD;
    const swapped = compare(WORLD, {
      ...rest,
      '1.0.0.0/9': at('DE'),
      '1.128.0.0/9': at('FR'),
      '2.0.0.0/9': at('FR'),
      '2.128.0.0/9': at('DE'),
    });
    expect(swapped.moved.map(({ country }) => country)).toEqual(['DE', 'FR']);
    expect(swapped.approvalReasons).toEqual([
      '2 of 20 countries moved (more than 5 % of their addresses lie elsewhere)',
    ]);
  });

  it('I25 wants approval when more than 5 % of the addresses moved, though few countries did', () => {
    const big = { ...WORLD, '64.0.0.0/2': at('US') };
    const found = compare(big, { ...WORLD, '64.0.0.0/3': at('US'), '96.0.0.0/3': at('DE') });
    expect(found.moved.map(({ country }) => country)).toEqual(['US']);
    expect(found.approvalReasons).toEqual([
      expect.stringContaining('% of all located addresses lie elsewhere'),
    ]);
  });

  it('counts networks that nobody is found at any more, and countries seen for the first time', () => {
    const { '3.0.0.0/8': _, ...rest } = WORLD;
    const found = compare(WORLD, { ...rest, '200.0.0.0/8': at('BR') });
    expect(found.moved).toEqual([{ country: 'IT', movedPercent: 100, mostlyTo: 'unknown' }]);
    expect(found.added).toEqual(['BR']);
  });

  it('sees what moved in IPv6 alone', () => {
    const found = compare(WORLD, { ...WORLD, '2001:db8::/32': at('US') });
    expect(found.moved).toEqual([{ country: 'DE', movedPercent: 100, mostlyTo: 'US' }]);
    expect(found.addressesMovedPercent).toBe(100);
  });

  it('lets others work in between', () => {
    const steps = compareGeo(createGeoLookup(writeMmdb(6, WORLD)), createGeoLookup(writeMmdb(6, many())));
    let breaths = 0;
    while (steps.next().done !== true) breaths += 1;
    expect(breaths).toBeGreaterThan(1);
  });
});

function many(): Readonly<Record<string, MmdbValue>> {
  const record = at('DE');
  return Object.fromEntries(
    Array.from({ length: 2_000 }, (_, i) => [`20.${i >> 8}.${i & 255}.0/24`, record]),
  );
}

it('a tree that leads back into itself is refused, not walked address by address', () => {
  const looped = writeMmdb(4, { '1.0.0.0/8': at('DE') });
  looped.fill(0, 0, 6); // both sides of the root are the root
  const steps = compareGeo(createGeoLookup(looped), createGeoLookup(looped));
  expect(() => {
    while (steps.next().done !== true);
  }).toThrow(/more than \d+ networks/);
});
