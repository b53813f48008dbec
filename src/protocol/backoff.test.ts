import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffDelayMs } from './backoff.ts';

describe('back-off', () => {
  it('doubles its ceiling from 0.25 s and stops at 8 s', () => {
    const almostOne = () => 1 - Number.EPSILON;
    const ceilings = [1, 2, 3, 4, 5, 6, 7, 50, 2_000].map(
      (failures) => backoffDelayMs(failures, almostOne) + 1,
    );
    expect(ceilings).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000]);
  });

  it('draws the whole delay (full jitter) and never spins', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (n, drawn) => {
          const ceiling = Math.min(8_000, 250 * 2 ** (n - 1));
          const delay = backoffDelayMs(n, () => drawn);
          expect(delay).toBe(Math.max(10, Math.floor(drawn * ceiling)));
        },
      ),
    );
  });
});
