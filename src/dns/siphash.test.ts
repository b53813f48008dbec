import { describe, expect, it } from 'vitest';
import { sipHash24, sipKey } from './siphash.ts';

const key = sipKey(Uint8Array.from({ length: 16 }, (_, i) => i));

function hash(length: number): string {
  const message = Uint8Array.from({ length: length + 3 }, (_, i) => i); // longer, to see that only `length` counts
  const into = new Uint8Array(10).fill(0xee);
  sipHash24(key, message, length, into, 1);
  expect([into[0], into[9]]).toEqual([0xee, 0xee]);
  return Buffer.from(into.subarray(1, 9)).toString('hex');
}

describe('SipHash-2-4', () => {
  // The vectors of the reference implementation: key 00..0f, message 00, 01, 02 …
  it.each([
    [0, '310e0edd47db6f72'],
    [1, 'fd67dc93c539f874'],
    [2, '5a4fa9d909806c0d'],
    [3, '2d7efbd796666785'],
    [4, 'b7877127e09427cf'],
    [5, '8da699cd64557618'],
    [6, 'cee3fe586e46c9cb'],
    [7, '37d1018bf50002ab'],
    [8, '6224939a79f5f593'],
    [15, 'e545be4961ca29a1'],
  ])('of %i octets is that of the reference', (length, expected) => expect(hash(length)).toBe(expected));
});
