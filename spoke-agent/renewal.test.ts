import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renewalDueMs } from './renewal.ts';

describe('a renewal is due', () => {
  it('after a third of the life, give or take a tenth of that', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (drawn) => {
        const due = renewalDueMs({ notBeforeMs: 1_000, notAfterMs: 31_000 }, () => drawn);
        expect(due).toBeGreaterThanOrEqual(10_000);
        expect(due).toBeLessThanOrEqual(12_000);
      }),
    );
  });
});
