import { PortolanError } from '../../src/errors/error.ts';
import type { Budget } from '../../src/quota/budget.ts';
import { nameOf } from './limit-view.ts';

/** The end of a key that was shortened: of the values before, some are not whole. */
const SHORTENED = /%~[\w-]{43}$/;

/**
 * What an operator says of a key that no request can have would have no effect. A key has one value of each counter; commas that are part
 * of a value are `%2C` in it.
 * @throws PortolanError VALIDATION_FAILED
 */
export function checkKey(budget: Pick<Budget, 'id' | 'counters'>, key: string): void {
  const { counters } = budget;
  if (counters === undefined || SHORTENED.test(key)) return;
  const limit = nameOf(budget);
  if (counters === 0) {
    if (key === '') return;
    throw new PortolanError(
      'VALIDATION_FAILED',
      `${limit} has no counters, so it has one key for all requests, and not ${key}`,
      { fix: 'Leave the key out, or write it as "".' },
    );
  }
  const values = key.split(',').length;
  if (values === counters) return;
  const many = counters === 1 ? '1 counter' : `${counters} counters`;
  throw new PortolanError(
    'VALIDATION_FAILED',
    `${limit} has ${many}, and the key ${key === '' ? '""' : key} has ${values === 1 ? '1 value' : `${values} values`}`,
    {
      fix:
        values < counters
          ? `Write one value of each counter with commas between: ${Array.from({ length: counters }, (_, place) => `value${place + 1}`).join(',')}.`
          : `Write one value of each counter, and a comma that is part of a value as %2C. \`portolan quota get ${limit}\` lists keys that are in use.`,
    },
  );
}
