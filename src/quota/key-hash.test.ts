import { describe, expect, it } from 'vitest';
import { KeyHash } from './key-hash.ts';

function octets(hash: KeyHash): string {
  const out = Buffer.alloc(8);
  out.writeInt32LE(hash.low, 0);
  out.writeInt32LE(hash.high, 4);
  return out.toString('hex');
}

describe('the hash of a key', () => {
  // The authors' vectors: key 00 01 … 07, input 00 01 02 …; four octets are the budget, and each unit of the key is two.
  it.each([
    [0, 'd5e78a175be52ea1'],
    [1, 'ce3e91358aa2bc25'],
    [2, 'edfee820bce4858c'],
    [3, '95b0469f06a6f2ee'],
    [4, '7bc71f9faef5c799'],
    [5, '3bb1a870eae8e658'],
  ])('is HalfSipHash-2-4 of the budget and %i units', (units, expected) => {
    const hash = new KeyHash(0x03020100, 0x07060504);
    const key = Array.from({ length: units }, (_, at) =>
      String.fromCharCode((4 + 2 * at) | ((5 + 2 * at) << 8)),
    ).join('');
    hash.of(0x03020100, key);
    expect(octets(hash)).toBe(expected);
  });

  it('depends on the seeds, the budget, and every unit', () => {
    const hash = new KeyHash(1, 2);
    const seen = new Set<string>();
    const put = (from: KeyHash, budget: number, key: string): void => {
      from.of(budget, key);
      seen.add(octets(from));
    };
    const cases: [number, string][] = [
      [0, ''],
      [1, ''],
      [0, '\u0000'],
      [0, '\u0000\u0000'],
      [0, 'a'],
      [0, 'b'],
      [0, 'ab'],
      [0, 'ba'],
      [0, 'ab\u0000'],
      [0, 'ǡ'],
    ];
    for (const [budget, key] of cases) put(hash, budget, key);
    for (const [budget, key] of cases) put(new KeyHash(2, 1), budget, key);
    expect(seen.size).toBe(2 * cases.length);
  });
});
