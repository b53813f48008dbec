import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createKeyDigest } from '../../src/identity/api-key.ts';
import { differenceAt } from './digest-words.ts';
import { readKeyTable } from './reader.ts';
import { createSharedKeyTable } from './writer.ts';

const LENGTH = 500;
const KEYS = 64;
const GUESSES = 2_000;

describe('I29 the time to refuse a key', () => {
  it('is that of a whole comparison, wherever the digests differ first', () => {
    const digest = [1, 2, 3, 4] as const;
    for (const differing of [undefined, 0, 1, 2, 3]) {
      const reads: string[] = [];
      const words = new Proxy(
        digest.map((word, i) => (i === differing ? word + 1 : word)),
        {
          get(target, property) {
            reads.push(String(property));
            return Reflect.get(target, property) as number;
          },
        },
      );
      expect(differenceAt(words, 0, ...digest) === 0).toBe(differing === undefined);
      expect(reads).toEqual(['0', '1', '2', '3']);
    }
  });

  it('says nothing about how much of it is right, also of keys that were used just now', () => {
    const peppers = { hub: randomBytes(32), cluster: randomBytes(32) };
    const digestOf = createKeyDigest(peppers);
    const table = createSharedKeyTable();
    const reader = readKeyTable(table.shared, { peppers });
    // Long, and alike but for their last characters: whoever compares character by character takes long for what is nearly right.
    const right = randomBytes(LENGTH).toString('hex').slice(0, LENGTH);
    for (let i = 0; i < KEYS; i += 1) {
      const key = `${right}${String(i).padStart(4, '0')}`;
      table.apply({
        digest: Buffer.from(digestOf(key, undefined), 'latin1').subarray(0, 16),
        removed: false,
        id: 'k-aaaaaaaaaa',
        namespace: 'default',
        principal: 'partner',
        roles: [],
        plan: '',
        labels: {},
        attributes: {},
        expiresAtSeconds: 0,
        revoked: false,
      });
      expect(reader.find(key, undefined, 0).type).toBe('known');
    }
    let made = 0;
    /** Microseconds of a guess, the median; every guess is a text of its own, as it is in a request. */
    const costOf = (start: string): number => {
      const times: number[] = [];
      for (let i = 0; i < GUESSES; i += 1) {
        made += 1;
        const guess = Buffer.from(`${start}${made.toString(36).padStart(8, 'x')}`).toString('latin1');
        const before = performance.now();
        const { type } = reader.find(guess, undefined, 0);
        times.push(performance.now() - before);
        expect(type).toBe('unknown');
      }
      return (times.toSorted((a, b) => a - b)[GUESSES / 2] ?? 0) * 1_000;
    };
    const nothing = randomBytes(LENGTH)
      .toString('hex')
      .slice(0, LENGTH - 4);
    const nearly = right.slice(0, LENGTH - 4);
    costOf(nothing);
    costOf(nearly);
    // What other programs take of the machine is in single rounds; a comparison that ends early is in all of them.
    const ratios: number[] = [];
    const even = (ratio: number): boolean => ratio > 0.8 && ratio < 1.25;
    for (let round = 0; round < 10 && !ratios.some(even); round += 1)
      ratios.push(costOf(nearly) / costOf(nothing));
    expect(ratios.some(even), ratios.join()).toBe(true);
  });
});
