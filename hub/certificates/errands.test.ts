import { describe, expect, it } from 'vitest';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { createCertificateBook } from './book.ts';
import { createErrands } from './errands.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 22);
const wanted: WantedCertificate = {
  id: 'cert-1',
  policy: 'shop/web',
  names: ['shop.example'],
  key: 'ECDSA-P256',
  reuseKey: false,
  issuers: ['shop/ca'],
  challenge: 'dns-01',
  renewal: { ari: true },
};
const record: CertificateRecord = {
  id: wanted.id,
  policy: wanted.policy,
  current: {
    names: wanted.names,
    key: wanted.key,
    issuer: 'shop/ca',
    serial: '01',
    sha256: 'aa',
    notBeforeMs: NOW,
    notAfterMs: NOW + 90 * DAY,
    ariId: 'a.b',
    issuedAtMs: NOW,
    renewAtMs: NOW + 60 * DAY,
  },
  revoking: {
    serial: '01',
    issuer: 'shop/ca',
    certificateDer: 'AA==',
    reason: 0,
    afterReplacement: false,
    askedAtMs: NOW,
  },
  history: [],
};

describe('what is asked of a CA that does not answer', () => {
  /** At a CA that is never there. */
  async function errandsAt(clock: { nowMs: number }) {
    let asked = 0;
    const book = createCertificateBook({
      store: {
        epoch: 1,
        listCertificates: async () => [
          {
            key: { kind: 'certificate', namespace: 'shop', name: record.id },
            version: 1,
            state: JSON.stringify(record),
          },
        ],
        certificateValues: async () => ({}),
        putCertificates: async () => undefined,
      },
      onChange: () => undefined,
      onServed: () => undefined,
      log: { warn: () => undefined },
    });
    await book.load();
    const errands = createErrands({
      book,
      async open() {
        asked += 1;
        throw new PortolanError('ISSUER_UNAVAILABLE', 'no answer');
      },
      wallMs: () => clock.nowMs,
      news: {},
      onDone: () => undefined,
      onStoreFailed: () => undefined,
      log: { warn: () => undefined },
    });
    return {
      asked: () => asked,
      consider: () => errands.consider(record, wanted, NOW, clock.nowMs),
    };
  }

  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('is asked for windows and told of revocations after a rest, and at once when the clock that said so was ahead', async () => {
    const clock = { nowMs: NOW + 400 * DAY };
    const { asked, consider } = await errandsAt(clock);
    consider();
    await settled();
    expect(asked()).toBe(2);
    expect(consider()).toBe(clock.nowMs + 60_000);
    await settled();
    expect(asked()).toBe(2);
    clock.nowMs = NOW + DAY;
    consider();
    await settled();
    expect(asked()).toBe(4);
  });
});
