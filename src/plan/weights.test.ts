import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scaleWeights } from './weights.ts';

describe('weights in the range of a provider', () => {
  it.each([
    { asked: [50, 50], max: 255, weights: [1, 1] },
    { asked: [75, 25], max: 255, weights: [3, 1] },
    { asked: [33.3333, 33.3333, 33.3333], max: 255, weights: [1, 1, 1] },
    { asked: [14.2857, 28.5714, 57.1429], max: 1000, weights: [1, 2, 4] },
    { asked: [100], max: 255, weights: [1] },
    { asked: [60, 40, 0], max: 255, weights: [3, 2, 0] },
    { asked: [0, 0], max: 255, weights: [0, 0] },
    { asked: [], max: 255, weights: [] },
  ])('$asked become $weights', ({ asked, max, weights }) => {
    const scaled = scaleWeights(asked, max);
    expect(scaled.weights).toEqual(weights);
    expect(scaled.largestErrorPercent).toBeLessThan(0.01);
  });

  it('say how far off they are where the range is too coarse, and leave nobody out', () => {
    const { weights, largestErrorPercent } = scaleWeights([9999, 1], 255);
    expect(weights).toEqual([255, 1]);
    expect(largestErrorPercent).toBeCloseTo(100 / 256 - 0.01, 6);
  });

  it('stay in range, keep their order and their zeros, and are off by no more than a rounding', () => {
    const weight = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 10_000 }));
    fc.assert(
      fc.property(
        fc.array(weight, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(255, 1000),
        (asked, max) => {
          const { weights, largestErrorPercent } = scaleWeights(asked, max);
          expect(weights).toHaveLength(asked.length);
          asked.forEach((one, at) => {
            const given = weights[at] ?? -1;
            expect(Number.isInteger(given)).toBe(true);
            expect(given === 0).toBe(one === 0);
            expect(given).toBeLessThanOrEqual(max);
            asked.forEach((other, there) => {
              if (one > other) expect(given).toBeGreaterThanOrEqual(weights[there] ?? -1);
            });
          });
          // Each member is off by one unit at most, and so is each of the others.
          expect(largestErrorPercent).toBeLessThanOrEqual((100 * (asked.length + 1)) / max);
        },
      ),
    );
  });
});
