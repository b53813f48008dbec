import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { budgetKey, MAX_KEY } from './budget-key.ts';

describe('keys of limits', () => {
  it('are the values that people know, as long as these say nothing else', () => {
    expect(budgetKey([])).toBe('');
    expect(budgetKey(['acme'])).toBe('acme');
    expect(budgetKey(['acme', 'GET', '/orders'])).toBe('acme,GET,/orders');
    expect(budgetKey(['a,b'])).toBe('a%2Cb');
    expect(budgetKey(['100%', ''])).toBe('100%25,');
    expect(budgetKey(['\u001b[31m', 'x\u202ey'])).toBe('%1B[31m,x%E2%80%AEy');
  });

  it('are different when the values are, of whatever length they are', () => {
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', ',', '%', '2', 'C', '\u0000'), maxLength: 6 }),
      fc.string({ minLength: MAX_KEY - 2, maxLength: MAX_KEY + 2, unit: fc.constantFrom('a', 'b') }),
    );
    const values = fc.array(value, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(values, values, (a, b) => {
        fc.pre(a.length === b.length);
        expect(budgetKey(a) === budgetKey(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
        expect(budgetKey(a).length).toBeLessThanOrEqual(MAX_KEY);
      }),
    );
  });
});
