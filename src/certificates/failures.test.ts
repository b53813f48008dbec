import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterFailure,
  type Failure,
  type FailureKind,
  failureKind,
  nextTryAt,
  standing,
} from './failures.ts';
import { issuerOrder, mayWaitUntil } from './fallback.ts';
import type { Failures, IssuedCertificate } from './model.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 22);

const wanted = { id: 'cert-1', issuers: ['shop/first', 'shop/second'], revision: 'r1' };
const alone = { ...wanted, issuers: ['shop/first'] };

const served = (leftMs: number): IssuedCertificate => ({
  names: ['shop.example'],
  key: 'ECDSA-P256',
  issuer: 'shop/first',
  serial: '01',
  sha256: 'aa',
  notBeforeMs: NOW + leftMs - 90 * DAY,
  notAfterMs: NOW + leftMs,
  issuedAtMs: NOW + leftMs - 90 * DAY,
  renewAtMs: NOW + leftMs - 30 * DAY,
});

const failure = (over: Partial<Failure> = {}): Failure => ({
  atMs: NOW,
  issuer: 'shop/first',
  kind: 'unreachable',
  code: 'ISSUER_UNAVAILABLE',
  message: 'no answer',
  ...over,
});

/** Fails at each try, at whomever is to be asked; the instants and Issuers of the tries. */
function tries(
  policy: typeof wanted,
  current: IssuedCertificate | undefined,
  count: number,
  of: (issuer: string) => Partial<Failure> = () => ({}),
): readonly { readonly atMs: number; readonly issuer: string }[] {
  const made: { atMs: number; issuer: string }[] = [];
  let failures: Failures | undefined;
  let nowMs = NOW;
  for (let i = 0; i < count; i += 1) {
    nowMs = Math.max(nowMs, failures?.nextTryAtMs ?? 0);
    const kept = current === undefined ? {} : { current };
    const { issuer, atMs } = issuerOrder(policy, current, standing(policy, failures, nowMs), nowMs);
    nowMs = Math.max(nowMs, atMs);
    made.push({ atMs: nowMs, issuer });
    const record = failures === undefined ? kept : { ...kept, failures };
    failures = afterFailure(policy, record, failure({ atMs: nowMs, issuer, ...of(issuer) }));
  }
  return made;
}

const gaps = (made: readonly { readonly atMs: number }[]): readonly number[] =>
  made.slice(1).map(({ atMs }, i) => atMs - (made[i]?.atMs ?? 0));

describe('trying again', () => {
  it('after a minute, doubled with every failure up to 6 hours, up to a fifth more or less', () => {
    const waits = gaps(tries(alone, served(60 * DAY), 14, () => ({ kind: 'ours' })));
    for (const [i, wait] of waits.entries()) {
      const plain = Math.min(6 * HOUR, MINUTE * 2 ** i);
      expect(wait).toBeGreaterThanOrEqual(plain * 0.79);
      expect(wait).toBeLessThanOrEqual(plain * 1.21);
    }
  });

  it('ten thousand that failed together come back apart', () => {
    const next = Array.from(
      { length: 10_000 },
      (_, i) => afterFailure({ ...alone, id: `cert-${i}` }, undefined, failure({ kind: 'ours' })).nextTryAtMs,
    );
    expect(Math.max(...next) - Math.min(...next)).toBeGreaterThan(0.39 * MINUTE);
    expect(new Set(next).size).toBeGreaterThan(5_000);
  });

  it('obeys Retry-After up to 7 days', () => {
    const told = (retryAfterMs: number) =>
      afterFailure(alone, undefined, failure({ kind: 'rateLimited', retryAfterMs })).nextTryAtMs - NOW;
    expect(told(3 * HOUR)).toBe(3 * HOUR);
    expect(told(6 * DAY)).toBe(6 * DAY);
    expect(told(30 * DAY)).toBe(7 * DAY);
    expect(told(0)).toBeGreaterThanOrEqual(0.79 * MINUTE);
  });

  it('a refusal that will not change waits for hours, or for another spec', () => {
    const failures = afterFailure(alone, undefined, failure({ kind: 'permanent', code: 'ISSUER_REFUSED' }));
    expect(failures.nextTryAtMs).toBe(NOW + 6 * HOUR);
    expect(nextTryAt(alone, { failures }, NOW)).toBe(NOW + 6 * HOUR);
    expect(nextTryAt({ revision: 'r2' }, { failures }, NOW)).toBe(0);
    expect(afterFailure({ ...alone, revision: 'r2' }, { failures }, failure()).count).toBe(1);
  });

  it('of a certificate of a day it is tried every hour at least', () => {
    const current = { ...served(12 * HOUR), notBeforeMs: NOW - 12 * HOUR, renewAtMs: NOW };
    for (const wait of gaps(tries(alone, current, 12, () => ({ kind: 'ours' }))))
      expect(wait).toBeLessThanOrEqual(1.2 * HOUR);
  });
});

describe('who is asked next', () => {
  it('the first Issuer until it failed three times in a row, then the next, and round again', () => {
    const all = tries(wanted, served(60 * DAY), 9, () => ({ kind: 'validation' }));
    const made = all.map(({ issuer }) => issuer.slice(5));
    const thrice = (name: string): readonly string[] => [name, name, name];
    expect(made).toEqual([...thrice('first'), ...thrice('second'), ...thrice('first')]);
    // To one that was not asked yet in seconds, to one that failed too as slowly as ever.
    expect(gaps(all)[2]).toBeLessThanOrEqual(10_000);
    expect(gaps(all)[5]).toBeGreaterThan(20 * MINUTE);
  });

  it('the first stays the one while what fails is ours: a presenter, an agent, the store', () => {
    const made = tries(wanted, undefined, 12, () => ({ kind: 'ours' })).map(({ issuer }) => issuer);
    expect(new Set(made)).toEqual(new Set(['shop/first']));
  });

  it('the next one within seconds where nothing is served and the first cannot be had', () => {
    const [, second] = tries(wanted, undefined, 2);
    expect(second?.issuer).toBe('shop/second');
    expect((second?.atMs ?? 0) - NOW).toBeLessThanOrEqual(10_000);
  });

  it('the first again after its Retry-After, where what is served can wait so long', () => {
    const [, second] = tries(wanted, served(60 * DAY), 2, () => ({ kind: 'rateLimited', retryAfterMs: DAY }));
    expect(second).toEqual({ issuer: 'shop/first', atMs: NOW + DAY });
  });

  it('the next at once where a Retry-After is longer than what is served can wait', () => {
    const [, second] = tries(wanted, served(22 * DAY), 2, () => ({
      kind: 'rateLimited',
      retryAfterMs: 3 * DAY,
    }));
    expect(second?.issuer).toBe('shop/second');
    expect((second?.atMs ?? 0) - NOW).toBeLessThanOrEqual(10_000);
  });

  it('one whose limits are used up is passed over like one that said so', () => {
    const fits = (issuer: string): number => (issuer === 'shop/first' ? NOW + DAY : 0);
    expect(issuerOrder(wanted, undefined, undefined, NOW, fits)).toEqual({
      issuer: 'shop/second',
      atMs: NOW,
    });
    expect(issuerOrder(wanted, served(60 * DAY), undefined, NOW, fits)).toEqual({
      issuer: 'shop/first',
      atMs: NOW + DAY,
    });
  });

  it('a success forgets all: the first is asked at the next renewal', () => {
    expect(issuerOrder(wanted, served(30 * DAY), undefined, NOW).issuer).toBe('shop/first');
  });

  it('nothing runs out while another Issuer could be asked, and nobody is hammered', () => {
    const kinds: readonly FailureKind[] = ['permanent', 'rateLimited', 'unreachable', 'validation'];
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(...kinds),
        fc.option(fc.integer({ min: 0, max: 10 * DAY }), { nil: undefined }),
        (daysLeft, kind, retryAfterMs) => {
          const current = served(daysLeft * DAY);
          const bad = retryAfterMs === undefined ? { kind } : { kind, retryAfterMs };
          const made = tries(wanted, current, 10, (issuer) =>
            issuer === 'shop/first' ? bad : { kind: 'ours' },
          );
          const second = made.find(({ issuer }) => issuer === 'shop/second');
          expect(second?.atMs ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(
            Math.max(mayWaitUntil(current), NOW) + DAY,
          );
          for (const issuer of wanted.issuers) {
            const own = made.filter((each) => each.issuer === issuer);
            for (const wait of gaps(own)) expect(wait).toBeGreaterThanOrEqual(0.79 * MINUTE);
          }
        },
      ),
    );
  });
});

describe('kinds of failures', () => {
  it.each([
    ['ISSUER_RATE_LIMITED', 'rateLimited', 'rateLimited'],
    ['ISSUER_UNAVAILABLE', 'rateLimited', 'unreachable'],
    ['ISSUER_UNAVAILABLE', undefined, 'unreachable'],
    ['ISSUER_REFUSED', 'rejectedIdentifier', 'permanent'],
    ['ISSUER_REFUSED', 'externalAccountRequired', 'permanent'],
    ['ISSUER_REFUSED', 'unauthorized', 'unreachable'],
    ['NOT_FOUND', undefined, 'unreachable'],
    ['CHALLENGE_FAILED', 'caa', 'permanent'],
    ['CHALLENGE_FAILED', 'unauthorized', 'validation'],
    ['PROVIDER_DENIED', undefined, 'ours'],
  ] as const)('%s with %s is %s', (code, type, kind) => {
    expect(failureKind(code, type)).toBe(kind);
  });
});

describe('a clock that was ahead', () => {
  const failures = afterFailure(alone, { current: served(60 * DAY) }, failure({ atMs: NOW + 400 * DAY }));

  it('leaves no wait behind when it is right again, neither for the certificate nor for its Issuer', () => {
    expect(failures.resting?.['shop/first']).toBeGreaterThan(NOW + 400 * DAY);
    expect(nextTryAt(alone, { failures }, NOW)).toBe(0);
    expect(issuerOrder(alone, served(DAY), standing(alone, failures, NOW), NOW)).toEqual({
      issuer: 'shop/first',
      atMs: NOW,
    });
    expect(afterFailure(alone, { failures }, failure({ issuer: 'shop/second' })).resting).not.toHaveProperty([
      'shop/first',
    ]);
  });

  it('of minutes is taken for right: what failed a moment ago counts', () => {
    const slightly = afterFailure(alone, undefined, failure({ atMs: NOW + MINUTE }));
    expect(standing(alone, slightly, NOW)).toBe(slightly);
  });
});
