import { expect, it } from 'vitest';
import type { CertificateRecord } from '../../src/certificates/model.ts';
import { createExpiryWatch } from './expiry-watch.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 22);

const record = (sha256: string): CertificateRecord => ({
  id: 'cert-1',
  policy: 'shop/web',
  current: {
    names: ['shop.example'],
    key: 'ECDSA-P256',
    issuer: 'shop/le',
    serial: '01',
    sha256,
    notBeforeMs: NOW,
    notAfterMs: NOW + 90 * DAY,
    issuedAtMs: NOW,
    renewAtMs: NOW + 60 * DAY,
  },
  history: [],
});

it('says once for each level that a certificate comes to its end, and again of the next certificate', () => {
  const said: string[] = [];
  const watch = createExpiryWatch({ warn: (_, message) => said.push(message) });
  const old = new Map([['cert-1', record('aa')]]);
  for (const day of [60, 68, 70, 75, 84, 85, 91, 92]) watch.look(old, NOW + day * DAY);
  expect(said).toEqual([
    'a certificate ends soon and should have been renewed for long',
    'a certificate ends very soon and could not be renewed',
    'a certificate has ended and could not be renewed',
  ]);
  watch.look(new Map([['cert-1', record('bb')]]), NOW + 84 * DAY);
  expect(said).toHaveLength(4);
});
