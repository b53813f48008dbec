import { describe, expect, it } from 'vitest';
import { forecastOrders } from '../../src/certificates/forecast.ts';
import { createIssuanceLog } from '../../src/certificates/issuance-log.ts';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { createWanting } from '../../src/certificates/wanted.ts';
import { matching } from '../../test/support/matchers.ts';
import { objectsOf } from '../reconcile/objects.ts';
import { document, stored } from '../reconcile/testing.ts';
import { forecastWarnings } from './forecast-warnings.ts';

const NOW = Date.UTC(2030, 0, 31);
const LIMITS = { certificatesPerNameSet: 2, certificatesPerDomain: 3 };
const WORLD = [
  document('Issuer', 'ca', {
    acme: { directory: 'https://acme.example/dir', termsOfServiceAgreed: true },
  }),
];
const policy = (name: string, ...dnsNames: readonly string[]) =>
  document('CertificatePolicy', name, { issuers: ['ca'], dnsNames, namesPerCertificate: 1 });

function warningsOf(
  records: ReadonlyMap<string, CertificateRecord>,
  before: readonly WantedCertificate[],
  ...documents: readonly ReturnType<typeof policy>[]
): readonly string[] {
  const log = createIssuanceLog();
  for (const { id, names } of before) {
    const order = { certificate: `${id}-before`, account: 'default/ca', names, renews: 'nothing' } as const;
    log.begun(order, NOW - 1000);
    log.ended(order, { issued: true }, NOW - 500);
  }
  return forecastWarnings(
    documents.map(({ metadata }) => `default/${metadata.name}`),
    wantedOf(...documents),
    {
      record: (id) => records.get(id),
      forecast: (orders) => forecastOrders(LIMITS, log, orders, NOW),
    },
  );
}

function wantedOf(...documents: readonly ReturnType<typeof policy>[]) {
  return createWanting().wanted(objectsOf([...WORLD, ...documents].map((one) => stored(one))), new Map());
}

describe('the forecast of a change', () => {
  it('says nothing while there is room', () => {
    expect(warningsOf(new Map(), [], policy('shop', 'a.example.com'))).toEqual([]);
  });

  it('says which order of how many it would be', () => {
    const { certificates } = wantedOf(policy('shop', 'a.example.com'));
    expect(warningsOf(new Map(), certificates, policy('shop', 'a.example.com'))).toEqual([
      matching(
        /^CertificatePolicy default\/shop at Issuer default\/ca: would be certificate 2 of 2 in 7 days/,
      ),
    ]);
  });

  it('counts the orders of one change one after the other', () => {
    const many = policy('shop', 'a.example.com', 'b.example.com', 'c.example.com', 'd.example.com');
    const told = warningsOf(new Map(), [], many);
    expect(told.at(-1)).toMatch(/certificate 4 of 3 in 7 days for example\.com: waits until/);
  });

  it('says nothing of what is there already', () => {
    const shop = policy('shop', 'a.example.com');
    const { certificates } = wantedOf(shop);
    const records = new Map(
      certificates.map(({ id, names }) => [
        id,
        {
          id,
          policy: 'default/shop',
          history: [],
          order: {
            phase: 'ordered',
            issuer: 'default/ca',
            directory: 'https://acme.example/dir',
            names,
            key: 'ECDSA-P256',
            startedAtMs: NOW,
            challenges: [],
          },
        } satisfies CertificateRecord,
      ]),
    );
    expect(warningsOf(records, certificates, shop)).toEqual([]);
  });
});
