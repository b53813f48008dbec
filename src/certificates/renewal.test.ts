import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CertificateRecord, IssuedCertificate, WantedCertificate } from './model.ts';
import {
  ariCheckDue,
  chooseRenewal,
  expiryLevel,
  nextAriCheck,
  renewalDue,
  warningTimes,
} from './renewal.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 22);

const wanted = (id = 'cert-1', over: Partial<WantedCertificate> = {}): WantedCertificate => ({
  id,
  policy: 'shop/web',
  names: ['shop.example'],
  key: 'ECDSA-P256',
  reuseKey: false,
  issuers: ['shop/le'],
  challenge: 'auto',
  renewal: { ari: true },
  ...over,
});

const issued = (lifeMs: number, over: Partial<IssuedCertificate> = {}): IssuedCertificate => ({
  names: ['shop.example'],
  key: 'ECDSA-P256',
  issuer: 'shop/le',
  serial: '01',
  sha256: 'aa',
  notBeforeMs: NOW,
  notAfterMs: NOW + lifeMs,
  ariId: 'a.b',
  issuedAtMs: NOW,
  renewAtMs: NOW + (lifeMs * 2) / 3,
  ...over,
});

const record = (current: IssuedCertificate, over: Partial<CertificateRecord> = {}): CertificateRecord => ({
  id: 'cert-1',
  policy: 'shop/web',
  current,
  history: [],
  ...over,
});

const spread = (
  instants: readonly number[],
): { readonly least: number; readonly most: number; readonly fullest: number } => {
  const least = Math.min(...instants);
  const most = Math.max(...instants);
  const slots = new Map<number, number>();
  for (const at of instants) {
    const slot = Math.floor(((at - least) / (most - least + 1)) * 100);
    slots.set(slot, (slots.get(slot) ?? 0) + 1);
  }
  return { least, most, fullest: Math.max(...slots.values()) };
};

describe('when a certificate is renewed', () => {
  it.each([
    [90, 33],
    [45, 33],
    [10, 50],
    [6, 50],
  ])('of %d days of life about %d %% are left', (days, percent) => {
    const { atMs, by } = chooseRenewal(wanted(), issued(days * DAY), undefined);
    const left = (100 * (NOW + days * DAY - atMs)) / (days * DAY);
    expect(by).toBe('lifetime');
    expect(Math.abs(left - percent)).toBeLessThanOrEqual(5.001);
  });

  it('ten thousand of the same minute are renewed over a tenth of their life, no hundredth of it has 2 % of them', () => {
    const all = Array.from(
      { length: 10_000 },
      (_, i) => chooseRenewal(wanted(`cert-${i}`), issued(90 * DAY), undefined).atMs,
    );
    const { least, most, fullest } = spread(all);
    expect(most - least).toBeGreaterThan(8.5 * DAY);
    expect(fullest).toBeLessThan(200);
  });

  it('a CA window is drawn from evenly, the same whenever it is asked', () => {
    const window = { startMs: NOW + 50 * DAY, endMs: NOW + 52 * DAY };
    const all = Array.from({ length: 10_000 }, (_, i) => {
      const drawn = chooseRenewal(wanted(`cert-${i}`), issued(90 * DAY), window);
      expect(drawn).toEqual(chooseRenewal(wanted(`cert-${i}`), issued(90 * DAY), window));
      return drawn.atMs;
    });
    const { least, most, fullest } = spread(all);
    expect(least).toBeGreaterThanOrEqual(window.startMs);
    expect(most).toBeLessThan(window.endMs);
    expect(most - least).toBeGreaterThan(1.98 * DAY);
    expect(fullest).toBeLessThan(200);
  });

  it('never later than a margin before its end, whatever the CA suggests or the policy says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 * 24 }),
        fc.option(fc.integer({ min: 5, max: 95 }), { nil: undefined }),
        fc.option(fc.tuple(fc.integer({ min: -1e10, max: 1e11 }), fc.integer({ min: 0, max: 1e10 })), {
          nil: undefined,
        }),
        (hours, remainingPercent, window) => {
          const lifeMs = hours * HOUR;
          const policy = wanted('cert-1', {
            renewal: { ari: true, ...(remainingPercent === undefined ? {} : { remainingPercent }) },
          });
          const ari = window && { startMs: NOW + window[0], endMs: NOW + window[0] + window[1] };
          const { atMs } = chooseRenewal(policy, issued(lifeMs), ari);
          expect(atMs).toBeLessThanOrEqual(NOW + lifeMs - Math.min(lifeMs / 10, 2 * DAY));
          if (ari === undefined) expect(atMs).toBeGreaterThan(NOW);
        },
      ),
    );
  });

  it('a window that is past, or was shortened, means now', () => {
    const ari = { startMs: NOW - 2 * DAY, endMs: NOW - DAY, nextCheckAtMs: NOW };
    const due = renewalDue(wanted(), record(issued(90 * DAY), { ari }));
    expect(due.reason).toBe('ari');
    expect(due.atMs).toBeLessThan(NOW);
    expect(
      renewalDue(wanted('cert-1', { renewal: { ari: false } }), record(issued(90 * DAY), { ari })).reason,
    ).toBe('lifetime');
  });

  it.each([
    ['none', undefined, {}],
    ['forced', record(issued(90 * DAY), { forced: { reason: 'by hand', atMs: NOW } }), {}],
    ['revoked', record(issued(90 * DAY, { revokedAtMs: NOW })), {}],
    ['names', record(issued(90 * DAY)), { names: ['other.example', 'shop.example'] }],
    ['key', record(issued(90 * DAY)), { key: 'ECDSA-P384' }],
    ['issuer', record(issued(90 * DAY)), { issuers: ['shop/other'] }],
  ] as const)('is due at once: %s', (reason, kept, over) => {
    const due = renewalDue(wanted('cert-1', over), kept);
    expect(due.reason).toBe(reason);
    expect(due.atMs).toBeLessThanOrEqual(NOW);
  });

  it('an Issuer that stood in is left at the next renewal only', () => {
    const policy = wanted('cert-1', { issuers: ['shop/first', 'shop/le'] });
    expect(renewalDue(policy, record(issued(90 * DAY))).reason).toBe('lifetime');
  });

  it('one that only stood in is replaced as soon as the one before it can be had, three times a day at most', () => {
    const policy = wanted('cert-1', { issuers: ['shop/le', 'shop/own'], standIns: ['shop/own'] });
    const stoodIn = issued(30 * DAY, { issuer: 'shop/own' });
    expect(renewalDue(policy, record(stoodIn))).toEqual({ atMs: NOW + 60_000, reason: 'issuer' });
    const entry = { atMs: NOW, event: 'renewed', issuer: 'shop/own', names: ['shop.example'] } as const;
    expect(renewalDue(policy, record(stoodIn, { history: [entry, entry, entry] })).atMs).toBe(NOW + DAY);
    expect(renewalDue(policy, record(issued(90 * DAY))).reason).toBe('lifetime');
  });

  it('a CA or clock that makes every certificate due at once gets three orders a day, not one after the other', () => {
    const ari = { startMs: NOW - 2 * DAY, endMs: NOW - DAY, nextCheckAtMs: NOW };
    const entry = (atMs: number) =>
      ({ atMs, event: 'renewed', issuer: 'shop/le', names: ['shop.example'] }) as const;
    const history = [entry(NOW), entry(NOW - HOUR), entry(NOW - 2 * HOUR), entry(NOW - 9 * DAY)];
    expect(renewalDue(wanted(), record(issued(90 * DAY), { ari, history })).atMs).toBe(NOW + 22 * HOUR);
    const calm = [entry(NOW), entry(NOW - 60 * DAY), entry(NOW - 120 * DAY)];
    expect(renewalDue(wanted(), record(issued(90 * DAY), { ari, history: calm })).atMs).toBeLessThan(NOW);
  });

  it('a clock that runs behind makes nothing due', () => {
    const due = renewalDue(wanted(), record(issued(90 * DAY)));
    expect(due.atMs).toBeGreaterThan(NOW - 30 * DAY);
  });
});

describe('asking for the window', () => {
  it('first checks of ten thousand certificates of one minute are spread over an hour, later ones apart from each other', () => {
    const first = Array.from(
      { length: 10_000 },
      (_, i) => ariCheckDue(wanted(`cert-${i}`), record(issued(90 * DAY))) ?? 0,
    );
    const { least, most, fullest } = spread(first);
    expect(least).toBeGreaterThanOrEqual(NOW);
    expect(most - least).toBeGreaterThan(0.98 * HOUR);
    expect(fullest).toBeLessThan(200);
    const next = Array.from({ length: 10_000 }, (_, i) =>
      nextAriCheck({ ...issued(90 * DAY), id: `cert-${i}` }, 6 * HOUR, NOW),
    );
    expect(Math.min(...next)).toBeGreaterThanOrEqual(NOW + 6 * HOUR);
    expect(spread(next).fullest).toBeLessThan(200);
  });

  it.each([
    [90, 1, 60_000],
    [90, 30 * DAY, DAY],
    [6, 30 * DAY, 0.6 * DAY],
  ])('with %d days of life and Retry-After %d ms it waits about %d ms', (days, retryAfterMs, waitMs) => {
    const at = nextAriCheck({ ...issued(days * DAY), id: 'cert-1' }, retryAfterMs, NOW);
    expect(at - NOW).toBeGreaterThanOrEqual(waitMs);
    expect(at - NOW).toBeLessThanOrEqual(waitMs * 1.1);
  });

  it('is not asked for what has no id, nor where the policy does not follow it', () => {
    const { ariId: _, ...plain } = issued(90 * DAY);
    expect(ariCheckDue(wanted(), record(plain))).toBeUndefined();
    expect(ariCheckDue(wanted('cert-1', { renewal: { ari: false } }), record(issued(DAY)))).toBeUndefined();
  });
});

describe('warnings', () => {
  it('come 21 and 7 days before the end of 90 days, sooner in short lives', () => {
    const current = issued(90 * DAY, { renewAtMs: NOW + 60 * DAY });
    const levels = [20, 22, 68, 70, 82, 84, 89, 90].map((day) => expiryLevel(current, NOW + day * DAY));
    expect(levels).toEqual(['none', 'none', 'none', 'soon', 'soon', 'urgent', 'urgent', 'expired']);
    const short = issued(6 * DAY, { renewAtMs: NOW + 3 * DAY });
    expect(warningTimes(short).soonMs).toBeCloseTo(0.1 * 21 * DAY * (6 / 9), 0);
  });

  it('never come before it should have been renewed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (hours, at) => {
          const current = issued(hours * HOUR, { renewAtMs: NOW + hours * HOUR * at });
          expect(warningTimes(current).soonMs).toBeLessThanOrEqual(current.notAfterMs - current.renewAtMs);
        },
      ),
    );
  });
});
