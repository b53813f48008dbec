import { describe, expect, it } from 'vitest';
import type { CertificateRecord, IssuedCertificate } from '../../src/certificates/model.ts';
import { createWanting } from '../../src/certificates/wanted.ts';
import { NO_GATEWAY, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import {
  type CertificatePolicyStatus,
  certificatePolicySpec,
} from '../../src/resources/certificate-policy.ts';
import { issuerSpec } from '../../src/resources/issuer.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import { NO_OBJECTS, type Objects } from '../reconcile/objects.ts';
import { createIssuance } from './issuance.ts';
import { certificateMetrics, createCertificateCounts } from './metrics.ts';
import { type CertificatesView, certificateStatuses } from './statuses.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 22);
const KEY = 'shop/web';

function metadata(name: string): Resource['metadata'] {
  return {
    namespace: 'shop',
    name,
    uid: name,
    resourceVersion: '1',
    generation: 3,
    creationTimestamp: '2026-01-01T00:00:00Z',
    finalizers: [],
    labels: { tier: 'web' },
    annotations: {},
  };
}

const base = { apiVersion: 'portolan.dev/v1alpha1' } as const;
const LE = issuerSpec.parse({
  acme: { directory: 'https://acme-v02.api.letsencrypt.org/directory', termsOfServiceAgreed: true },
});

function objectsOf(spec: object): Objects {
  const policy: Resource<'CertificatePolicy'> = {
    ...base,
    kind: 'CertificatePolicy',
    metadata: metadata('web'),
    spec: certificatePolicySpec.parse({ issuers: ['le'], clusters: { tier: 'web' }, ...spec }),
  };
  const cluster: Resource<'Cluster'> = {
    ...base,
    kind: 'Cluster',
    metadata: metadata('fra'),
    spec: { location: { country: 'DE' }, addresses: [] },
  };
  const issuer: Resource<'Issuer'> = { ...base, kind: 'Issuer', metadata: metadata('le'), spec: LE };
  return {
    ...NO_OBJECTS,
    CertificatePolicy: new Map([[KEY, policy]]),
    Cluster: new Map([['shop/fra', cluster]]),
    Issuer: new Map([['shop/le', issuer]]),
  };
}

const issued: IssuedCertificate = {
  names: ['shop.example.com'],
  key: 'ECDSA-P256',
  issuer: 'shop/le',
  serial: '01',
  sha256: 'ab'.repeat(32),
  notBeforeMs: NOW,
  notAfterMs: NOW + 90 * DAY,
  issuedAtMs: NOW,
  renewAtMs: NOW + 60 * DAY,
};

interface World {
  readonly objects?: Objects;
  readonly record?: Partial<CertificateRecord>;
  readonly delivered?: boolean;
  readonly served?: CertificatesView['served'];
  readonly nowMs?: number;
  readonly setUp?: (view: ReturnType<typeof createIssuance>, id: string) => void;
}

function viewOf(world: World) {
  const { objects = objectsOf({ dnsNames: ['shop.example.com'] }), record } = world;
  const wanted = createWanting().wanted(objects, new Map());
  const id = wanted.certificates[0]?.id ?? '';
  const issuance = createIssuance({
    store: { epoch: 1, listCertificates: async () => [], putCertificates: async () => undefined },
    issuer: () => LE,
    log: { warn: () => undefined },
  });
  world.setUp?.(issuance, id);
  const view: CertificatesView = {
    policies: wanted.policies,
    record: (of) =>
      of === id && record !== undefined ? { id, policy: KEY, history: [], ...record } : undefined,
    waitsFor: () => undefined,
    forecast: ({ id: certificate, names }) =>
      issuance.judge({ certificate, account: 'shop/le', names, renews: 'nothing' }, world.nowMs ?? NOW),
    ...(world.served === undefined ? {} : { served: world.served }),
    issuerStatus: () => undefined,
  };
  return { view, id, objects };
}

function statusOf(world: World): CertificatePolicyStatus {
  const { view, id, objects } = viewOf(world);
  const gateways: ClusterGateways = {
    part: NO_GATEWAY,
    pieces: { frame: new Uint8Array(), refs: [], contents: [], digest: '' },
    secrets: { ...NO_GATEWAY_SECRETS, sets: { [`certificatepolicy/${KEY}`]: [id] } },
    reports: {
      gateways: new Map(),
      routes: new Map(),
      policies: new Map(),
    } as unknown as ClusterGateways['reports'],
    problems: new Map(),
    waiting: new Map(),
    digest: 'd1',
  };
  // What else is known of an agent is of no matter here.
  const agent = {
    connected: true,
    applied: { gateway: world.delivered === false ? 'd0' : 'd1' },
  } as unknown as KnownAgent;
  const [found] = certificateStatuses({
    certificates: view,
    objects,
    gateways: new Map([['shop/fra', gateways]]),
    agentOf: () => agent,
    wallMs: world.nowMs ?? NOW,
  });
  return found?.[1] as CertificatePolicyStatus;
}

const verdicts = (status: CertificatePolicyStatus): Readonly<Record<string, string>> =>
  Object.fromEntries(status.conditions.map((c) => [c.type, `${c.status} ${c.reason}`]));

describe('status of a CertificatePolicy', () => {
  it('before anything was done', () => {
    const status = statusOf({});
    expect(verdicts(status)).toEqual({
      Ready: 'False Ordering',
      Issued: 'False Ordering',
      Delivered: 'False NotIssued',
      Served: 'False NotIssued',
      ExpiringSoon: 'False InTime',
    });
    expect(status.certificates).toEqual([
      {
        id: status.certificates[0]?.id,
        dnsNames: ['shop.example.com'],
        state: 'waiting',
        message: 'to be ordered',
      },
    ]);
    expect(status.observedGeneration).toBe(3);
  });

  it('says why it wants none', () => {
    const status = statusOf({ objects: objectsOf({}) });
    expect(verdicts(status).Issued).toBe('False NoNames');
    expect(status.conditions.find(({ type }) => type === 'Issued')?.message).toContain('set dnsNames');
  });

  it('issued, delivered and seen', () => {
    const status = statusOf({ record: { current: issued }, served: () => ({ served: 'yes' }) });
    expect(verdicts(status)).toEqual({
      Ready: 'True Ready',
      Issued: 'True Issued',
      Delivered: 'True Delivered',
      Served: 'True Served',
      ExpiringSoon: 'False InTime',
    });
    expect(status.clusters).toEqual([{ name: 'fra', delivered: true, served: 'yes' }]);
    expect(status.certificates[0]).toMatchObject({
      state: 'valid',
      issuer: 'le',
      notAfter: '2027-02-20T00:00:00.000Z',
      renewAt: '2027-01-21T00:00:00.000Z',
    });
  });

  it('is ready where nobody could look, not where another certificate is shown', () => {
    expect(
      verdicts(statusOf({ record: { current: issued }, served: () => ({ served: 'off' }) })),
    ).toMatchObject({
      Ready: 'True Ready',
      Served: 'Unknown NotAsked',
    });
    const wrong = () => ({ served: 'no' as const, detail: 'shows aa11' });
    expect(verdicts(statusOf({ record: { current: issued }, served: wrong }))).toMatchObject({
      Ready: 'False OtherCertificate',
      Served: 'False OtherCertificate',
    });
  });

  it('names the cluster that does not have it yet', () => {
    const status = statusOf({ record: { current: issued }, delivered: false });
    expect(verdicts(status).Delivered).toBe('False Pending');
    expect(status.conditions.find(({ type }) => type === 'Delivered')?.message).toBe(
      '0 of 1 clusters have it; fra: the agent has not confirmed it yet',
    );
  });

  it.each([
    [68, 'False InTime', 'True Ready'],
    [70, 'True Soon', 'True Ready'],
    [85, 'True Urgent', 'True Ready'],
    [91, 'True Expired', 'False Expired'],
  ])('warns on day %d: ExpiringSoon is %s, Ready %s', (day, expiring, ready) => {
    const found = verdicts(statusOf({ record: { current: issued }, nowMs: NOW + day * DAY }));
    expect([found.ExpiringSoon, found.Ready]).toEqual([expiring, ready]);
  });

  it('tells what went wrong, and what the next order would be of the limits', () => {
    const failures = {
      count: 2,
      firstAtMs: NOW,
      lastAtMs: NOW,
      code: 'CHALLENGE_FAILED',
      message: 'no TXT record',
      byIssuer: { 'shop/le': 2 },
      nextTryAtMs: NOW + 60_000,
    };
    const status = statusOf({
      record: { failures },
      setUp(issuance) {
        for (let i = 0; i < 49; i += 1) {
          const order = {
            certificate: `c${i}`,
            account: 'shop/le',
            names: [`h${i}.example.com`],
            renews: 'nothing',
          } as const;
          issuance.ordered(order, NOW);
          issuance.ended(order, { issued: true }, NOW);
        }
      },
    });
    expect(verdicts(status).Issued).toBe('False CHALLENGE_FAILED');
    expect(status.certificates[0]?.message).toContain('no TXT record');
    expect(status.certificates[0]?.message).toContain(
      'the next order would be certificate 50 of 50 in 7 days for example.com',
    );
  });

  it('keeps the instant of a condition that stays as it is', () => {
    const first = statusOf({ record: { current: issued } });
    const objects = objectsOf({ dnsNames: ['shop.example.com'] });
    const policy = objects.CertificatePolicy.get(KEY);
    if (policy === undefined) throw new Error('there is a policy');
    const again = statusOf({
      objects: { ...objects, CertificatePolicy: new Map([[KEY, { ...policy, status: first }]]) },
      record: { current: issued },
      nowMs: NOW + 1000,
    });
    expect(JSON.stringify(again)).toBe(JSON.stringify(first));
  });
});

describe('metrics of certificates', () => {
  it('are one series a policy, Issuer and code, however many certificates there are', () => {
    const { view, id } = viewOf({ record: { current: issued } });
    const counts = createCertificateCounts();
    const wanted = view.policies?.get(KEY)?.certificates[0];
    if (wanted === undefined) throw new Error('there is a certificate');
    for (let i = 0; i < 3; i += 1)
      counts.news.failed?.(
        wanted,
        { id, policy: KEY, history: [] },
        {
          atMs: NOW,
          issuer: 'shop/le',
          kind: 'unreachable',
          code: 'ISSUER_UNAVAILABLE',
          message: 'gone',
        },
      );
    counts.news.issued?.(wanted, { id, policy: KEY, current: issued, history: [] }, 2_000);
    const read = new Map<string, number>();
    const family = (
      name: string,
      _help: string,
      _labels: readonly string[],
      fill: (set: (labels: Record<string, string>, value: number) => void) => void,
    ): void => fill((labels, value) => read.set(`${name} ${Object.values(labels).join(' ')}`.trim(), value));
    certificateMetrics({ view, counts, wallMs: () => NOW + 70 * DAY }, family, family);
    expect(Object.fromEntries(read)).toEqual({
      'portolan_certificate_expiry_timestamp_seconds shop web': (NOW + 90 * DAY) / 1000,
      'portolan_certificate_renew_at shop web': (NOW + 60 * DAY) / 1000,
      'portolan_certificates expiring': 1,
      'portolan_certificate_warnings soon': 1,
      'portolan_certificate_warnings urgent': 0,
      'portolan_certificate_warnings expired': 0,
      'portolan_certificate_orders_total shop le failed': 3,
      'portolan_certificate_orders_total shop le issued': 1,
      'portolan_certificate_failures_total shop le ISSUER_UNAVAILABLE': 3,
      portolan_certificate_order_seconds_total: 2,
      portolan_certificates_revoked_total: 0,
    });
  });
});
