import { expect, it } from 'vitest';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { chooseRenewal } from '../../src/certificates/renewal.ts';
import { createCertificateBook } from './book.ts';
import { createCertificateDriver } from './driver.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 22);
const COUNT = 2_000;

const wantedOf = (i: number): WantedCertificate => ({
  id: `cert-${i}`,
  policy: `shop/p${i}`,
  names: [`h${i}.example.com`],
  key: 'ECDSA-P256',
  reuseKey: false,
  issuers: ['shop/ca'],
  challenge: 'dns-01',
  renewal: { ari: true },
});

/** All issued in the same minute, with a certificate of 6 days. */
function recordOf(wanted: WantedCertificate): CertificateRecord {
  const life = { notBeforeMs: NOW, notAfterMs: NOW + 6 * DAY };
  return {
    id: wanted.id,
    policy: wanted.policy,
    current: {
      names: wanted.names,
      key: wanted.key,
      issuer: 'shop/ca',
      serial: '01',
      sha256: wanted.id,
      ...life,
      ariId: `a.${wanted.id}`,
      issuedAtMs: NOW,
      renewAtMs: chooseRenewal(wanted, life, undefined).atMs,
    },
    history: [],
  };
}

it('after 12 hours of sleep what is due meanwhile begins some at a time, not all at once', async () => {
  const all = Array.from({ length: COUNT }, (_, i) => wantedOf(i));
  const store = {
    epoch: 1,
    listCertificates: async () =>
      all.map((wanted) => ({
        key: { kind: 'certificate' as const, namespace: 'shop', name: wanted.id },
        version: 1,
        state: JSON.stringify(recordOf(wanted)),
      })),
    certificateValues: async () => ({}),
    putCertificates: async () => undefined,
  };
  const silent = { info: () => undefined, warn: () => undefined };
  const book = createCertificateBook({
    store,
    onChange: () => undefined,
    onServed: () => undefined,
    log: silent,
  });
  await book.load();
  let nowMs = NOW + 2.8 * DAY;
  let asked = 0;
  const driver = createCertificateDriver({
    book,
    issuers: {
      // A CA that never answers.
      open() {
        asked += 1;
        return new Promise(() => undefined);
      },
    },
    presenters: [],
    agentKeys: { request: () => Promise.reject(new Error('not asked')) },
    forecast: {
      mayOrder: () => ({ ok: true }),
      ordered: () => undefined,
      resumed: () => undefined,
      ended: () => undefined,
    },
    news: {},
    wallMs: () => nowMs,
    wait: () => new Promise(() => undefined),
    after: () => () => undefined,
    log: silent,
  });
  const due = (): number => [...book.all.values()].filter((r) => (r.current?.renewAtMs ?? 0) <= nowMs).length;
  const before = due();
  nowMs += 12 * HOUR;
  expect(due() - before).toBeGreaterThan(COUNT / 4);
  driver.follow(all);
  driver.pass();
  driver.pass();
  // 8 orders and 4 questions for windows at one Issuer.
  expect(asked).toBeGreaterThanOrEqual(8);
  expect(asked).toBeLessThanOrEqual(12);
});
