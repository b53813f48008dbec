import { describe, expect, it } from 'vitest';
import { budgetKey } from '../../src/quota/budget-key.ts';
import { checkKey } from './key-check.ts';

const limit = (counters: number) => ({ id: 'shop/customers/all/60s', counters });

describe('the key that an operator names', () => {
  it.each<[number, string]>([
    [0, ''],
    [1, 'acme'],
    [1, ''],
    [2, 'acme,GET'],
    [2, ','],
    [2, budgetKey(['Smith, Jones', 'GET'])],
    [2, budgetKey(['a'.repeat(300), 'GET'])],
  ])('may be one of a limit with %i counters: %s', (counters, key) => {
    expect(() => checkKey(limit(counters), key)).not.toThrow();
  });

  it.each<[number, string, string, string]>([
    [0, 'acme', 'has no counters', 'Leave the key out'],
    [2, 'acme', 'has 2 counters, and the key acme has 1 value', 'value1,value2'],
    [2, '', 'has 2 counters, and the key "" has 1 value', 'value1,value2'],
    [1, 'Smith, Jones', 'has 1 counter, and the key Smith, Jones has 2 values', '%2C'],
  ])('is refused where no request can have it: %i counters, %s', (counters, key, message, fix) => {
    let thrown: unknown;
    try {
      checkKey(limit(counters), key);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(String(thrown)).toContain(`customers/all/60s ${message}`);
    expect(thrown).toHaveProperty('fix', expect.stringContaining(fix));
  });

  it('is not judged where nobody knows the counters', () => {
    expect(() => checkKey({ id: 'shop/customers/all/60s' }, 'acme,GET')).not.toThrow();
  });
});
