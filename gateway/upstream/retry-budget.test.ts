import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RetryBudget } from './retry-budget.ts';

test('retries stay a share of the requests of the last interval, or the least that is always allowed', () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 400 }),
    requests: fc.integer({ min: 0, max: 20 }),
    wanted: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 0, max: 5 }),
      (steps, percent, minPerSecond) => {
        const budget = { percent, intervalMs: 1_000, minPerSecond };
        const retries = new RetryBudget();
        const made: number[] = [];
        const requested: number[] = [];
        let now = 10_000;
        for (const { afterMs, requests, wanted } of steps) {
          now += afterMs;
          for (let at = 0; at < requests; at += 1) {
            retries.request(budget, now);
            requested.push(now);
          }
          for (let at = 0; at < wanted; at += 1) if (retries.take(budget, now)) made.push(now);
        }
        // The window moves in two halves: whatever the interval, no more than two of them allow.
        for (const end of made) {
          const within = (times: readonly number[], ms: number): number =>
            times.filter((time) => time > end - ms && time <= end).length;
          const most = Math.max((within(requested, 3_000) * percent) / 100, minPerSecond);
          expect(within(made, 1_000)).toBeLessThanOrEqual(Math.ceil(2 * most));
        }
      },
    ),
  );
});

test('without requests there are the fewest that are always allowed, and later again', () => {
  const budget = { percent: 20, intervalMs: 1_000, minPerSecond: 2 };
  const retries = new RetryBudget();
  const taken = (nowMs: number): number =>
    Array.from({ length: 10 }, () => retries.take(budget, nowMs)).filter(Boolean).length;
  expect(taken(5_000)).toBe(2);
  expect(taken(5_001)).toBe(0);
  expect(taken(7_100)).toBe(2);
});
