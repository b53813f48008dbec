import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forecastOrders, forecastSentence, useSentence } from './forecast.ts';
import { createIssuanceLog } from './issuance-log.ts';
import { type AskedOrder, type CaLimits, judgeOrder, limitsOf, mostNames, WINDOWS_MS } from './limits.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 22);

const acme = (directory: string, limits?: CaLimits) =>
  limitsOf({
    acme: { directory, termsOfServiceAgreed: true, ...(limits === undefined ? {} : { limits }) },
  } as Parameters<typeof limitsOf>[0]);
const LE = acme('https://acme-v02.api.letsencrypt.org/directory');

const order = (over: Partial<AskedOrder> = {}): AskedOrder => ({
  certificate: 'cert-1',
  account: 'shop/le',
  names: ['shop.example.com'],
  renews: 'nothing',
  ...over,
});

describe('limits of a CA', () => {
  it("are Let's Encrypt's for its directory, none for its staging and others, and the Issuer's own before them", () => {
    expect(LE).toEqual({
      certificatesPerNameSet: 5,
      certificatesPerDomain: 50,
      ordersPerAccount: 300,
      failuresPerName: 5,
      namesPerCertificate: 100,
    });
    expect(acme('https://acme-staging-v02.api.letsencrypt.org/directory')).toEqual({});
    expect(acme('https://ca.example/directory')).toEqual({});
    expect(acme('https://ca.example/directory', { ordersPerAccount: 7 })).toEqual({ ordersPerAccount: 7 });
    expect(acme('https://acme-v02.api.letsencrypt.org/directory', { certificatesPerDomain: 2000 })).toEqual({
      ...LE,
      certificatesPerDomain: 2000,
    });
    expect(limitsOf({ internal: { lifetimeDays: 30 } })).toEqual({});
    expect(mostNames(100, [{}, { namesPerCertificate: 25 }])).toBe(25);
  });

  it('the sixth certificate for the same names in a week waits until the first is a week old', () => {
    const log = createIssuanceLog();
    for (let i = 0; i < 5; i += 1) {
      const verdict = judgeOrder(LE, log, order({ renews: 'sameNames' }), NOW + i * HOUR);
      expect(verdict.atMs).toBe(NOW + i * HOUR);
      if (i === 4)
        expect(forecastSentence(verdict)).toBe(
          'would be certificate 5 of 5 in 7 days for exactly the names of shop.example.com',
        );
      log.begun(order({ renews: 'sameNames' }), NOW + i * HOUR);
      log.ended(order({ renews: 'sameNames' }), { issued: true }, NOW + i * HOUR);
    }
    const sixth = judgeOrder(LE, log, order({ renews: 'sameNames' }), NOW + DAY);
    expect(sixth.atMs).toBe(NOW + 7 * DAY);
    expect(forecastSentence(sixth)).toBe(
      'would be certificate 6 of 5 in 7 days for exactly the names of shop.example.com: waits until 2026-11-29T00:00:00Z',
    );
  });

  it('a renewal that names what it replaces is exempt from all, one for the same names from domain and account', () => {
    const log = createIssuanceLog();
    for (let i = 0; i < 50; i += 1) {
      const each = order({ certificate: `cert-${i}`, names: [`h${i}.example.com`] });
      log.begun(each, NOW);
      log.ended(each, { issued: true }, NOW);
    }
    const another = order({ names: ['new.example.com'] });
    expect(judgeOrder(LE, log, another, NOW + HOUR).atMs).toBe(NOW + 7 * DAY);
    expect(
      judgeOrder(LE, log, { ...another, names: ['h1.example.com'], renews: 'sameNames' }, NOW + HOUR).atMs,
    ).toBe(NOW + HOUR);
    expect(judgeOrder(LE, log, { ...another, renews: 'replaces' }, NOW)).toEqual({ atMs: NOW, uses: [] });
  });

  it('orders under way count, so that parallel ones cannot pass a limit together; a certificate does not count its own', () => {
    const log = createIssuanceLog();
    for (let i = 0; i < 5; i += 1) log.begun(order({ certificate: `cert-${i}` }), NOW);
    expect(judgeOrder(LE, log, order({ certificate: 'cert-9' }), NOW).atMs).toBe(NOW + 7 * DAY);
    expect(judgeOrder(LE, log, order({ certificate: 'cert-0' }), NOW).atMs).toBe(NOW);
    log.ended(order({ certificate: 'cert-0' }), { issued: false, failed: [] }, NOW);
    expect(judgeOrder(LE, log, order({ certificate: 'cert-9' }), NOW).atMs).toBe(NOW);
  });

  it('five failed validations of a name in an hour are the last', () => {
    const log = createIssuanceLog();
    for (let i = 0; i < 5; i += 1)
      log.ended(
        order({ names: ['*.example.com', 'a.example.com'] }),
        { issued: false, failed: ['*.example.com'] },
        NOW + i,
      );
    const verdict = judgeOrder(LE, log, order({ names: ['*.example.com'] }), NOW + 10);
    expect(verdict.atMs).toBe(NOW + HOUR);
    expect(verdict.uses[0]).toEqual({
      limit: 'failuresPerName',
      subject: 'example.com',
      used: 5,
      allowed: 5,
      windowMs: HOUR,
      fitsAtMs: NOW + HOUR,
    });
    expect(judgeOrder(LE, log, order({ names: ['a.example.com'] }), NOW + 10).atMs).toBe(NOW + 10);
    expect(judgeOrder(LE, log, order({ names: ['*.example.com'], account: 'other/le' }), NOW + 10).atMs).toBe(
      NOW + 10,
    );
  });

  it('a forecast counts what goes before: keys made by agents for the same names are one certificate for each cluster', () => {
    const orders = Array.from({ length: 6 }, (_, i) => order({ certificate: `cert-${i}` }));
    const verdicts = forecastOrders(LE, createIssuanceLog(), orders, NOW);
    expect(verdicts.map(({ atMs }) => atMs - NOW)).toEqual([0, 0, 0, 0, 0, 7 * DAY]);
    const named = orders.map((each, i) => ({ ...each, names: [`c${i}.example.com`, 'shop.example.com'] }));
    expect(forecastOrders(LE, createIssuanceLog(), named, NOW).every(({ atMs }) => atMs === NOW)).toBe(true);
  });

  it('of each limit one sentence', () => {
    const use = { subject: 'example.com', used: 49, allowed: 50, windowMs: 7 * DAY };
    expect(useSentence({ ...use, limit: 'certificatesPerDomain' })).toBe(
      'would be certificate 50 of 50 in 7 days for example.com',
    );
    expect(useSentence({ ...use, limit: 'ordersPerAccount', windowMs: 3 * HOUR, subject: 'shop/le' })).toBe(
      'would be order 50 of 50 in 3 hours of the account of Issuer shop/le',
    );
    expect(useSentence({ ...use, limit: 'failuresPerName', windowMs: HOUR })).toBe(
      '49 of 50 failed validations in an hour of example.com',
    );
  });

  it('no window ever holds more than is allowed, whoever asks and whenever, and nobody waits longer than it takes', () => {
    const limits: CaLimits = { certificatesPerNameSet: 2, certificatesPerDomain: 4, ordersPerAccount: 5 };
    const asked = fc.record({
      afterMs: fc.integer({ min: 0, max: 2 * DAY }),
      host: fc.integer({ min: 0, max: 2 }),
      domain: fc.constantFrom('example.com', 'example.org'),
      account: fc.constantFrom('a/le', 'b/le'),
      issued: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 60 }), (steps) => {
        const log = createIssuanceLog();
        const counted: { limit: keyof typeof WINDOWS_MS; key: string; atMs: number }[] = [];
        let nowMs = NOW;
        for (const { afterMs, host, domain, account, issued } of steps) {
          nowMs += afterMs;
          const each = order({ account, names: [`h${host}.${domain}`] });
          const verdict = judgeOrder(limits, log, each, nowMs);
          if (verdict.atMs > nowMs) {
            // A moment before, there is no room; then there is.
            expect(judgeOrder(limits, log, each, verdict.atMs - 1).atMs).toBe(verdict.atMs);
            expect(judgeOrder(limits, log, each, verdict.atMs).atMs).toBe(verdict.atMs);
            continue;
          }
          log.begun(each, nowMs);
          log.ended(each, issued ? { issued: true } : { issued: false, failed: [] }, nowMs);
          counted.push({ limit: 'ordersPerAccount', key: account, atMs: nowMs });
          if (issued) {
            counted.push({ limit: 'certificatesPerNameSet', key: `h${host}.${domain}`, atMs: nowMs });
            counted.push({ limit: 'certificatesPerDomain', key: domain, atMs: nowMs });
          }
          log.prune(nowMs);
          for (const one of counted) {
            const inWindow = counted.filter(
              (c) =>
                c.limit === one.limit &&
                c.key === one.key &&
                c.atMs <= one.atMs &&
                c.atMs > one.atMs - WINDOWS_MS[one.limit],
            );
            expect(inWindow.length).toBeLessThanOrEqual(limits[one.limit] ?? 0);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
