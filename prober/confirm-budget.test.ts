import { describe, expect, it } from 'vitest';
import { ConfirmBudget } from './confirm-budget.ts';

describe('I13 the budget of confirms', () => {
  const takeAll = (budget: ConfirmBudget, nowMs: number) => {
    let taken = 0;
    while (budget.take(nowMs)) taken += 1;
    return taken;
  };

  it('lets a site of 32 endpoints fail at one instant with both confirms each', () => {
    expect(takeAll(new ConfirmBudget(0), 0)).toBe(64);
  });

  it('refills by 5 % of the schedule, at least one a second', () => {
    const small = new ConfirmBudget(0);
    takeAll(small, 0);
    expect(takeAll(small, 10_000)).toBe(10);
    const large = new ConfirmBudget(0);
    large.resize(1_000, 0);
    takeAll(large, 0);
    expect(takeAll(large, 1_000)).toBe(50);
  });

  it("never holds more than one second's schedule", () => {
    const budget = new ConfirmBudget(0);
    budget.resize(1_000, 0);
    expect(budget.available(3_600_000)).toBe(1_000);
    budget.resize(100, 3_600_000);
    expect(budget.available(3_600_000)).toBe(100);
  });

  it('mints nothing when targets come and go', () => {
    const budget = new ConfirmBudget(0);
    takeAll(budget, 0);
    for (let i = 0; i < 100; i += 1) budget.resize(i % 2 === 0 ? 10_000 : 0, 0);
    expect(budget.available(0)).toBe(0);
  });

  it('adds under 7 % to a minute of any large schedule', () => {
    const budget = new ConfirmBudget(0);
    budget.resize(1_000, 0);
    budget.available(3_600_000);
    let taken = 0;
    for (let ms = 0; ms < 60_000; ms += 10) taken += takeAll(budget, 3_600_000 + ms);
    expect(taken / 60_000).toBeLessThan(0.07);
  });

  it('is not confused by a clock that stands still or a late reading', () => {
    const budget = new ConfirmBudget(1_000);
    takeAll(budget, 1_000);
    expect(budget.take(0)).toBe(false);
    expect(budget.available(2_000)).toBe(1);
  });
});
