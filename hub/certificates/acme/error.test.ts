import { describe, expect, it } from 'vitest';
import type { AcmeProblem } from '../contract.ts';
import { type Asked, acmeError, problemCode } from './error.ts';

const problem = (type: string, more: Partial<AcmeProblem> = {}): AcmeProblem => ({
  type,
  detail: 'so it is',
  subproblems: [],
  ...more,
});

describe('what a problem of a CA is', () => {
  it.each<[string, Partial<AcmeProblem>, Asked, string]>([
    ['accountDoesNotExist', {}, 'order', 'ISSUER_REFUSED'],
    ['alreadyReplaced', { status: 409 }, 'order', 'ISSUER_REFUSED'],
    ['badCSR', {}, 'finalize', 'ISSUER_REFUSED'],
    ['caa', { status: 403 }, 'challenge', 'ISSUER_REFUSED'],
    ['caa', { status: 403 }, 'finalize', 'ISSUER_REFUSED'],
    ['connection', {}, 'challenge', 'CHALLENGE_FAILED'],
    ['dns', {}, 'challenge', 'CHALLENGE_FAILED'],
    ['dns', {}, 'finalize', 'CHALLENGE_FAILED'],
    ['tls', {}, 'challenge', 'CHALLENGE_FAILED'],
    ['incorrectResponse', {}, 'challenge', 'CHALLENGE_FAILED'],
    ['unauthorized', { status: 403 }, 'challenge', 'CHALLENGE_FAILED'],
    ['unauthorized', { status: 403 }, 'order', 'ISSUER_REFUSED'],
    ['externalAccountRequired', {}, 'account', 'ISSUER_REFUSED'],
    ['userActionRequired', { status: 403 }, 'order', 'ISSUER_REFUSED'],
    ['rejectedIdentifier', {}, 'order', 'ISSUER_REFUSED'],
    ['orderNotReady', { status: 403 }, 'finalize', 'ISSUER_REFUSED'],
    ['malformed', { status: 400 }, 'order', 'ISSUER_REFUSED'],
    ['serverInternal', { status: 500 }, 'order', 'ISSUER_UNAVAILABLE'],
    ['rateLimited', { status: 429 }, 'order', 'ISSUER_RATE_LIMITED'],
    ['rateLimited', { status: 503 }, 'order', 'ISSUER_UNAVAILABLE'],
    ['about:blank', { status: 429 }, 'order', 'ISSUER_RATE_LIMITED'],
    ['about:blank', { status: 502 }, 'order', 'ISSUER_UNAVAILABLE'],
    ['somethingNew', { status: 403 }, 'order', 'ISSUER_REFUSED'],
  ])('%s with %o of a request for the %s: %s', (type, more, asked, code) => {
    expect(problemCode(problem(type, more), asked)).toBe(code);
    expect(acmeError(problem(type, more), { host: 'ca.example', asked }).fix).not.toBe('');
  });

  it('of several names is what all of them have, in the words of each', () => {
    const sub = (type: string, name: string) => ({ type, detail: `${type} of it`, name });
    const alike = problem('compound', {
      subproblems: [sub('dns', 'a.example'), sub('connection', 'b.example')],
    });
    const error = acmeError(alike, { host: 'ca.example', asked: 'challenge' });
    expect(error.code).toBe('CHALLENGE_FAILED');
    expect(error.message).toBe(
      'ca.example did not find the challenge: compound: so it is; a.example: dns of it; b.example: connection of it',
    );
    expect(error.fix).toContain('dig +trace');
    const mixed = problem('compound', { subproblems: [sub('dns', 'a'), sub('rejectedIdentifier', 'b')] });
    expect(problemCode(mixed, 'order')).toBe('ISSUER_REFUSED');
    const many = problem('compound', {
      subproblems: Array.from({ length: 9 }, (_, i) => sub('dns', `n${i}`)),
    });
    expect(acmeError(many, { host: 'ca.example', asked: 'order' }).message).toContain('; and 4 more');
  });

  it('of CAA says which record would allow this CA', () => {
    const context = { host: 'ca.example', asked: 'finalize', caaIdentities: ['ca.example'] } as const;
    expect(acmeError(problem('caa'), context).fix).toContain('`<name> CAA 0 issue "ca.example"`');
  });

  it('says how long to wait in words', () => {
    const said = (retryAfterMs: number): string =>
      acmeError(problem('rateLimited', { retryAfterMs, status: 429 }), { host: 'ca', asked: 'order' })
        .message;
    expect(said(1_500)).toMatch(/ask again in 2 s$/);
    expect(said(7_000_000)).toMatch(/ask again in 117 min$/);
    expect(said(604_800_000)).toMatch(/ask again in 168 h$/);
  });
});
