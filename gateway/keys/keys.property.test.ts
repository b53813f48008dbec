import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createClusterDigest, hubDigest } from '../../src/identity/api-key.ts';
import type { KeyEntry } from '../../src/protocol/credential-entry.ts';
import { readImage, writeImage } from './image.ts';
import { readKeyTable } from './reader.ts';
import { createSharedKeyTable } from './writer.ts';

const peppers = { hub: randomBytes(32), cluster: randomBytes(32) };
const clusterDigest = createClusterDigest(peppers.cluster);
const digestOf = (key: string, pairId?: string) => clusterDigest(hubDigest(peppers.hub, key, pairId));

const entryOf = (key: string, more: Partial<KeyEntry> = {}): KeyEntry => ({
  digest: digestOf(key),
  removed: false,
  id: 'k-aaaaaaaaaa',
  namespace: 'default',
  principal: 'partner',
  roles: ['reader'],
  plan: 'gold',
  labels: {},
  attributes: {},
  expiresAtSeconds: 0,
  revoked: false,
  ...more,
});

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});
const folder = async (): Promise<string> => {
  const made = await mkdtemp(join(tmpdir(), 'portolan-keys-'));
  folders.push(made);
  return made;
};

describe('the shared key table', () => {
  it('answers with the whole record, whatever its texts are', () => {
    const texts = fc.dictionary(
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.string({ maxLength: 20 }),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    );
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.array(fc.string({ maxLength: 12 }), { maxLength: 4 }),
        texts,
        texts,
        (principal, roles, labels, attributes) => {
          const table = createSharedKeyTable();
          const entry = entryOf('a', { principal, roles, labels, attributes });
          table.apply(entry);
          const { digest: _, removed: __, revoked: ___, expiresAtSeconds: ____, ...record } = entry;
          expect(readKeyTable(table.shared, { peppers }).find('a', undefined, 0)).toEqual({
            type: 'known',
            record,
          });
          expect(table.get(entry.digest)).toEqual(entry);
        },
      ),
    );
  });

  it('holds what a map would hold after any changes, for a reader that was there from the start', () => {
    const change = fc.record({
      key: fc.integer({ min: 0, max: 40 }),
      kind: fc.constantFrom('live', 'revoked', 'removed'),
      principal: fc.string({ maxLength: 30 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
        const table = createSharedKeyTable();
        const reader = readKeyTable(table.shared, { peppers, cached: 8 });
        const model = new Map<number, KeyEntry>();
        for (const { key, kind, principal } of changes) {
          const entry = entryOf(`key-${key}`, {
            principal,
            removed: kind === 'removed',
            revoked: kind === 'revoked',
          });
          table.apply(entry);
          if (entry.removed) model.delete(key);
          else model.set(key, entry);
          const answer = reader.find(`key-${key}`, undefined, 0);
          expect(answer.type).toBe(kind === 'live' ? 'known' : kind === 'revoked' ? 'revoked' : 'unknown');
          if (answer.type === 'known') expect(answer.record.principal).toBe(principal);
        }
        expect(reader.size).toBe(model.size);
        const listed = [...table.entries()].map((e) => [Buffer.from(e.digest).toString('hex'), e.principal]);
        const expected = [...model].map(([key, e]) => [digestOf(`key-${key}`).toString('hex'), e.principal]);
        expect(listed.sort()).toEqual(expected.sort());
      }),
      { numRuns: 60 },
    );
  });

  it('a revocation counts from the next look-up on, however warm the reader is', () => {
    const table = createSharedKeyTable();
    const reader = readKeyTable(table.shared, { peppers });
    table.apply(entryOf('a', { id: 'k-bbbbbbbbbb' }));
    const first = reader.find('a', undefined, 0);
    // The record is decoded once, however often it is asked for.
    expect(reader.find('a', undefined, 0)).toBe(first);
    table.apply(entryOf('a', { id: 'k-bbbbbbbbbb', revoked: true }));
    expect(reader.find('a', undefined, 0)).toEqual({ type: 'revoked', id: 'k-bbbbbbbbbb' });
    table.apply(entryOf('a', { removed: true }));
    expect(reader.find('a', undefined, 0)).toEqual({ type: 'unknown' });
  });

  it('a key expires at its second, and a key of a pair is found only with its id', () => {
    const table = createSharedKeyTable();
    const reader = readKeyTable(table.shared, { peppers });
    table.apply(entryOf('a', { expiresAtSeconds: 100 }));
    table.apply(entryOf('b', { digest: digestOf('b', 'app-1'), id: 'k-pppppppppp' }));
    expect(reader.find('a', undefined, 99_999).type).toBe('known');
    expect(reader.find('a', undefined, 100_000)).toEqual({ type: 'expired', id: 'k-aaaaaaaaaa' });
    expect(reader.find('b', 'app-1', 0)).toMatchObject({ type: 'known', record: { id: 'k-pppppppppp' } });
    for (const pairId of [undefined, 'app-2', '']) expect(reader.find('b', pairId, 0).type).toBe('unknown');
    expect(reader.find('a', 'app-1', 0).type).toBe('unknown');
  });

  it('grows shard by shard, and uses what was left again', () => {
    const table = createSharedKeyTable();
    const reader = readKeyTable(table.shared, { peppers });
    const entries = Array.from({ length: 20_000 }, (_, i) => entryOf(`key-${i}`, { principal: `p${i}` }));
    for (const entry of entries) table.apply(entry);
    for (const i of [0, 1, 9_999, 19_999])
      expect(reader.find(`key-${i}`, undefined, 0)).toMatchObject({ record: { principal: `p${i}` } });
    const before = table.head;
    expect(before.size).toBe(20_000);
    // Churn of all keys three times over takes no more room than one key at a time needs.
    for (let round = 0; round < 3; round += 1)
      for (const entry of entries) {
        table.apply({ ...entry, removed: true });
        table.apply(entry);
      }
    expect(table.size).toBe(20_000);
    expect(table.head.arenaUsed).toBeLessThan(before.arenaUsed + 1_000);
    expect(table.head.slotsUsed).toBeLessThan(before.slotsUsed * 2.2);
    expect(reader.find('key-777', undefined, 0)).toMatchObject({ record: { principal: 'p777' } });
  });

  it('says how long the hub has been silent, in every thread by one clock', () => {
    let now = 5_000;
    const table = createSharedKeyTable({ monotonicMs: () => now });
    const reader = readKeyTable(table.shared, { peppers, monotonicMs: () => now });
    expect(reader.staleMs()).toBe(Number.POSITIVE_INFINITY);
    table.heard(3_600_000);
    expect(reader.staleMs()).toBe(3_600_000);
    table.heard(0);
    now += 12_300;
    expect(reader.staleMs()).toBe(12_300);
  });
});

describe('the image of a table', () => {
  const mark = { feed: 'f', epoch: 2, sequence: 7, hash: 'ab' };
  const save = async (count: number) => {
    const path = join(await folder(), 'image');
    const table = createSharedKeyTable({ expected: count });
    for (let i = 0; i < count; i += 1)
      table.apply(entryOf(`key-${i}`, { principal: `p${i}`, revoked: i % 10 === 3 }));
    const file = await open(path, 'w');
    await writeImage(file, table, { mark, heardWallMs: 123 });
    await file.close();
    return path;
  };

  it('gives the same table back, and one that can be changed further', async () => {
    const path = await save(3_000);
    const table = createSharedKeyTable();
    const reader = readKeyTable(table.shared, { peppers });
    expect(await readImage(path, table)).toEqual({ mark, heardWallMs: 123 });
    for (let i = 0; i < 3_000; i += 1)
      expect(reader.find(`key-${i}`, undefined, 0).type).toBe(i % 10 === 3 ? 'revoked' : 'known');
    for (let i = 3_000; i < 9_000; i += 1) table.apply(entryOf(`key-${i}`));
    table.apply(entryOf('key-0', { removed: true }));
    expect(table.size).toBe(8_999);
    expect(reader.find('key-0', undefined, 0).type).toBe('unknown');
    expect(reader.find('key-1', undefined, 0)).toMatchObject({ record: { principal: 'p1' } });
    expect(reader.find('key-8999', undefined, 0).type).toBe('known');
  });

  it('that is damaged anywhere is refused, and nothing of it is seen', async () => {
    const path = await save(50);
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        await writeFile(path, bytes);
        const table = createSharedKeyTable();
        await expect(readImage(path, table)).rejects.toMatchObject({ code: 'KEY_FEED_INVALID' });
        expect(table.size).toBe(0);
        expect(readKeyTable(table.shared, { peppers }).find('key-1', undefined, 0).type).toBe('unknown');
      }),
      { numRuns: 40 },
    );
    await writeFile(path, whole.subarray(0, whole.length - 40));
    await expect(readImage(path, createSharedKeyTable())).rejects.toMatchObject({ code: 'KEY_FEED_INVALID' });
  });
});
