import { describe, expect, it } from 'vitest';
import { PortolanError } from '../src/errors/error.ts';
import { containing } from '../test/support/matchers.ts';
import { noAnswer, retryAfterMs } from './no-answer.ts';

const NOW = Date.UTC(2026, 0, 1);
const WRITE = { writes: true };
const broken = (code: string) =>
  new Error('request failed', { cause: Object.assign(new Error(`it says ${code}`), { code }) });

describe('a request that had no answer', () => {
  it.each([
    ['ECONNREFUSED', 'transient'],
    ['ENOTFOUND', 'transient'],
    ['ECONNRESET', 'ambiguous'],
    ['ETIMEDOUT', 'ambiguous'],
    ['CERT_HAS_EXPIRED', 'transient'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'transient'],
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'ambiguous'],
  ] as const)('that may change something: after %s it is %s', (code, failure) => {
    expect(noAnswer('api:443', broken(code), WRITE)).toMatchObject({
      failure,
      message: `api:443: it says ${code}`,
    });
  });

  it('that only reads leaves nothing open', () => {
    expect(noAnswer('api:443', broken('ECONNRESET'), { writes: false }).failure).toBe('transient');
  });

  it('names caSecret where the certificate is not trusted, and there alone', () => {
    expect(noAnswer('api', broken('SELF_SIGNED_CERT_IN_CHAIN'), WRITE).fix).toEqual(containing('caSecret'));
    expect(noAnswer('api', broken('ECONNRESET'), WRITE).fix).toBeUndefined();
  });

  it('I32 is denied where the guard refused the address', () => {
    const refusal = new PortolanError('ADDRESS_FORBIDDEN', '127.0.0.1 lies in 127.0.0.0/8');
    const error = noAnswer('api', new Error('failed', { cause: refusal }), WRITE);
    expect(error).toMatchObject({ failure: 'denied', message: refusal.message, fix: refusal.fix });
  });

  it('ends with causes that go in a circle', () => {
    const error = new Error('round');
    error.cause = error;
    expect(noAnswer('api', error, WRITE).message).toBe('api: round');
  });
});

it.each([
  ['7', NOW, 7_000],
  ['Thu, 01 Jan 2026 00:00:30 GMT', NOW, 30_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', NOW, 0],
  ['Thu, 01 Jan 2026 00:00:30 GMT', undefined, undefined],
  ['soon', NOW, undefined],
  ['-1', undefined, undefined],
  ['', NOW, undefined],
  [null, NOW, undefined],
] as const)('Retry-After: %s at %s is %s ms', (header, wallMs, expected) => {
  expect(retryAfterMs(header, wallMs)).toBe(expected);
});
