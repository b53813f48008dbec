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

  it('does not show the token or the proof that it was sent and sends back (I33)', () => {
    const said = 'echo {"authorization":"Bearer CANARY-1.x_y"} grant=x&client_secret=CANARY-2&scope=y';
    const error = new ProviderError('denied', said, { cause: new Error(said) });
    expect(error.message).toBe('echo {"authorization":"Bearer ***"} grant=x&client_secret=***&scope=y');
    expect(error.cause).toBeUndefined();
  });
});
