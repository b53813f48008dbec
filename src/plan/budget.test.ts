import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chargeRemoval, DEFAULT_BUDGET, type Removal } from './budget.ts';

const MINUTE = 60_000;

describe('the change budget', () => {
  it('lets 30 % of the capacity go within 5 minutes and refuses more', () => {
    const first = chargeRemoval([], { atMs: 0, capacity: 3, endpoints: 3 }, { capacity: 10, endpoints: 10 });
    expect(first).toMatchObject({ allowed: true });
    const history = first.allowed ? first.history : [];
    const second = chargeRemoval(
      history,
      { atMs: MINUTE, capacity: 1, endpoints: 1 },
      { capacity: 7, endpoints: 7 },
    );
    expect(second).toEqual({ allowed: false, removedPercent: 40, limitPercent: 30, retryInMs: 4 * MINUTE });
  });

  it('frees the budget when the window has passed', () => {
    const history: Removal[] = [{ atMs: 0, capacity: 3, endpoints: 3 }];
    expect(
      chargeRemoval(history, { atMs: 5 * MINUTE, capacity: 2, endpoints: 2 }, { capacity: 7, endpoints: 7 })
        .allowed,
    ).toBe(true);
  });

  it('always lets one endpoint go, however large its share', () => {
    expect(
      chargeRemoval([], { atMs: 0, capacity: 9, endpoints: 1 }, { capacity: 10, endpoints: 2 }).allowed,
    ).toBe(true);
  });

  it('counts a removal dated in the future, after the clock went backwards', () => {
    const history: Removal[] = [{ atMs: 10 * MINUTE, capacity: 3, endpoints: 3 }];
    expect(
      chargeRemoval(history, { atMs: 0, capacity: 2, endpoints: 2 }, { capacity: 7, endpoints: 7 }).allowed,
    ).toBe(false);
  });

  it('says that a removal that is too large alone never passes by waiting', () => {
    const verdict = chargeRemoval(
      [],
      { atMs: 0, capacity: 5, endpoints: 5 },
      { capacity: 10, endpoints: 10 },
    );
    expect(verdict).toEqual({ allowed: false, removedPercent: 50, limitPercent: 30 });
  });

  it('I6 whatever is asked and when, no window loses more than 30 % unless it is a single endpoint', () => {
    const step = fc.record({
      wait: fc.integer({ min: 0, max: 8 * MINUTE }),
      endpoints: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 40 }), (total, steps) => {
        let now = 0;
        let left = total;
        let history: readonly Removal[] = [];
        const passed: Removal[] = [];
        for (const { wait, endpoints } of steps) {
          now += wait;
          if (endpoints > left) continue;
          const removal = { atMs: now, capacity: endpoints, endpoints };
          const verdict = chargeRemoval(history, removal, { capacity: left, endpoints: left });
          if (!verdict.allowed) continue;
          history = verdict.history;
          passed.push(removal);
          const inWindow = passed.filter((r) => now - r.atMs < DEFAULT_BUDGET.windowMs);
          const gone = inWindow.reduce((sum, r) => sum + r.endpoints, 0);
          const before = left + gone - endpoints;
          left -= endpoints;
          expect(gone <= 1 || gone <= before * DEFAULT_BUDGET.share + 1e-9).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
