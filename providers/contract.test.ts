import { describe, expect, it } from 'vitest';
import { ProviderError } from './contract.ts';

describe('what a server says in a failure', () => {
  it('is quoted without what a terminal would act on', () => {
    const said = 'no\u001b[2J\u001b]0;owned\u0007 such\r\nzone \u202egnp.exe';
    expect(new ProviderError('gone', said).message).toBe('no [2J ]0;owned  such zone  gnp.exe');
  });

  it('is cut where it would fill statuses and logs, its cause with it', () => {
    const book = 'a'.repeat(1_000_000);
    const error = new ProviderError('invalid', book, { cause: new Error(book) });
    expect(error.message.length).toBeLessThan(3_000);
    expect(error.cause).toBeUndefined();
  });
});
