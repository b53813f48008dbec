import { describe, expect, it } from 'vitest';
import { createRequestBudget } from './request-budget.ts';

describe('a request budget', () => {
  const start = (maxSources = 100) => {
    const clock = { ms: 0 };
    return { clock, budget: createRequestBudget({ burst: 3, perSecond: 2, maxSources }, () => clock.ms) };
  };
  const taken = (budget: { take(address: string): boolean }, address: string, times: number): number =>
    Array.from({ length: times }, () => budget.take(address)).filter(Boolean).length;

  it('lets a burst through, then the rate', () => {
    const { clock, budget } = start();
    expect(taken(budget, '192.0.2.1', 10)).toBe(3);
    clock.ms = 1_000;
    expect(taken(budget, '192.0.2.1', 10)).toBe(2);
    clock.ms = 60_000;
    expect(taken(budget, '192.0.2.1', 10)).toBe(3);
  });

  it('counts sources apart: an IPv4 address, however it is written, and an IPv6 /64', () => {
    const { budget } = start();
    expect(taken(budget, '192.0.2.1', 10)).toBe(3);
    expect(taken(budget, '::ffff:192.0.2.1', 10)).toBe(0);
    expect(taken(budget, '192.0.2.2', 10)).toBe(3);
    expect(taken(budget, '2001:db8::1', 10)).toBe(3);
    expect(taken(budget, '2001:db8:0:0:ffff::1', 10)).toBe(0);
    expect(taken(budget, '2001:db8:0:1::1', 10)).toBe(3);
  });

  it('remembers a bounded number of sources, the latest ones', () => {
    const { budget } = start(2);
    expect(taken(budget, '192.0.2.1', 10)).toBe(3);
    expect(taken(budget, '192.0.2.2', 10)).toBe(3);
    expect(taken(budget, '192.0.2.3', 10)).toBe(3);
    expect(taken(budget, '192.0.2.3', 10)).toBe(0);
    expect(taken(budget, '192.0.2.1', 10)).toBe(3);
  });
});
