import { describe, expect, it } from 'vitest';
import type { Kind, Resource } from '../resources/catalogue.ts';
import { certificatePolicySpec } from '../resources/certificate-policy.ts';
import { gatewaySpec } from '../resources/gateway.ts';
import { issuerSpec } from '../resources/issuer.ts';
import type { CertificateRecord, WantedCertificate } from './model.ts';
import type { CertificateObjects } from './naming.ts';
import { certificateId, createWanting } from './wanted.ts';

function metadata(
  name: string,
  labels: Readonly<Record<string, string>> = {},
  namespace = 'shop',
): Resource['metadata'] {
  return {
    namespace,
    name,
    uid: `${namespace}-${name}`,
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
    finalizers: [],
    labels,
    annotations: {},
  };
}

const base = { apiVersion: 'portolan.dev/v1alpha1' } as const;

const issuer = (name: string): Resource<'Issuer'> => ({
  ...base,
  kind: 'Issuer',
  metadata: metadata(name),
  spec: issuerSpec.parse({
    acme: { directory: 'https://acme-v02.api.letsencrypt.org/directory', termsOfServiceAgreed: true },
  }),
});

const secret = (name: string, generation: number): Resource<'Secret'> => ({
  ...base,
  kind: 'Secret',
  metadata: { ...metadata(name), generation },
  spec: {} as Resource<'Secret'>['spec'],
});

const policy = (name: string, spec: object, namespace = 'shop'): Resource<'CertificatePolicy'> => ({
  ...base,
  kind: 'CertificatePolicy',
  metadata: metadata(name, {}, namespace),
  spec: certificatePolicySpec.parse({ issuers: ['le'], ...spec }),
});

const cluster = (name: string, labels: Readonly<Record<string, string>> = {}): Resource<'Cluster'> => ({
  ...base,
  kind: 'Cluster',
  metadata: metadata(name, labels),
  spec: { location: { country: 'DE' }, addresses: [] },
});

const gateway = (
  name: string,
  hostnames: readonly string[],
  naming: { readonly policy: string; readonly namespace?: string },
  more: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly clusters?: string;
    readonly namespace?: string;
  } = {},
): Resource<'Gateway'> => ({
  ...base,
  kind: 'Gateway',
  metadata: {
    ...metadata(name, more.labels, more.namespace),
    annotations: more.clusters === undefined ? {} : { 'portolan.dev/clusters': more.clusters },
  },
  spec: gatewaySpec.parse({
    gatewayClassName: 'portolan',
    listeners: hostnames.map((hostname, i) => ({
      name: `l${i}`,
      hostname,
      port: 443,
      protocol: 'HTTPS',
      tls: {
        certificateRefs: [
          {
            group: 'portolan.dev',
            kind: 'CertificatePolicy',
            name: naming.policy,
            ...(naming.namespace === undefined ? {} : { namespace: naming.namespace }),
          },
        ],
      },
    })),
  }),
});

const traffic = (name: string, hostnames: readonly string[], labels: Readonly<Record<string, string>>) =>
  ({
    ...base,
    kind: 'TrafficPolicy',
    metadata: metadata(name, labels),
    // What else it says is of no matter here.
    spec: { hostnames },
  }) as unknown as Resource<'TrafficPolicy'>;

const NONE: CertificateObjects = {
  CertificatePolicy: new Map(),
  Issuer: new Map(),
  Gateway: new Map(),
  TrafficPolicy: new Map(),
  Cluster: new Map(),
  ReferenceGrant: new Map(),
  Secret: new Map(),
};

function objectsOf(...items: readonly Resource[]): CertificateObjects {
  const of = <K extends Kind>(kind: K): ReadonlyMap<string, Resource<K>> =>
    new Map(
      items
        .filter((item): item is Resource<K> => item.kind === kind)
        .map((item) => [`${item.metadata.namespace}/${item.metadata.name}`, item]),
    );
  return {
    CertificatePolicy: of('CertificatePolicy'),
    Issuer: of('Issuer'),
    Gateway: of('Gateway'),
    TrafficPolicy: of('TrafficPolicy'),
    Cluster: of('Cluster'),
    ReferenceGrant: of('ReferenceGrant'),
    Secret: of('Secret'),
  };
}

/** As if it had been issued. */
function recordOf(wanted: WantedCertificate, atMs = 1): CertificateRecord {
  return {
    id: wanted.id,
    policy: wanted.policy,
    ...(wanted.cluster === undefined ? {} : { cluster: wanted.cluster }),
    current: {
      names: wanted.names,
      key: wanted.key,
      issuer: wanted.issuers[0] ?? '',
      serial: '01',
      sha256: 'aa',
      notBeforeMs: 0,
      notAfterMs: 1e12,
      issuedAtMs: atMs,
      renewAtMs: 5e11,
    },
    history: [],
  };
}

const see = (objects: CertificateObjects, records: readonly CertificateRecord[] = []) =>
  createWanting().wanted(objects, new Map(records.map((record) => [record.id, record])));

const reasons = (objects: CertificateObjects, key = 'shop/web') =>
  see(objects)
    .policies.get(key)
    ?.findings.map(({ reason }) => reason);

describe('certificates that policies want', () => {
  it('of no policy there are none', () => {
    expect(see(NONE)).toEqual({ policies: new Map(), certificates: [] });
  });

  it('have the names of the listeners that name the policy, and go to the clusters of their Gateways', () => {
    const { certificates, policies } = see(
      objectsOf(
        issuer('le'),
        policy('web', {}),
        gateway(
          'edge',
          ['Shop.example.com'.toLowerCase(), '*.shop.example.com'],
          { policy: 'web' },
          { clusters: 'fra' },
        ),
        cluster('fra'),
        cluster('ams'),
      ),
    );
    expect(certificates).toHaveLength(1);
    expect(certificates[0]).toMatchObject({
      id: certificateId('shop/web', 0),
      policy: 'shop/web',
      names: ['*.shop.example.com', 'shop.example.com'],
      issuers: ['shop/le'],
      renewal: { ari: true },
    });
    expect(policies.get('shop/web')).toMatchObject({ clusters: ['shop/fra'], findings: [] });
  });

  it('take names from TrafficPolicies and Gateways with the labels of the selector', () => {
    const { certificates } = see(
      objectsOf(
        issuer('le'),
        policy('web', {
          dnsNames: ['own.example.com'],
          selector: { trafficPolicies: { tier: 'web', team: 'a' }, gateways: { tier: 'edge' } },
        }),
        traffic('one', ['one.example.com.'], { tier: 'web', team: 'a' }),
        traffic('two', ['two.example.com.'], { tier: 'web', team: 'b' }),
        gateway('edge', ['gate.example.com'], { policy: 'web' }, { labels: { tier: 'edge' } }),
      ),
    );
    expect(certificates[0]?.names).toEqual(['gate.example.com', 'one.example.com', 'own.example.com']);
  });

  it('follow a reference from another namespace only with a ReferenceGrant', () => {
    const world = [
      issuer('le'),
      policy('web', {}),
      gateway('edge', ['a.example.com'], { policy: 'web', namespace: 'shop' }, { namespace: 'other' }),
    ];
    const grant: Resource<'ReferenceGrant'> = {
      ...base,
      kind: 'ReferenceGrant',
      metadata: metadata('g'),
      spec: {
        from: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', namespace: 'other' }],
        to: [{ group: 'portolan.dev', kind: 'CertificatePolicy' }],
      },
    };
    expect(see(objectsOf(...world)).certificates).toEqual([]);
    expect(see(objectsOf(...world, grant)).certificates[0]?.names).toEqual(['a.example.com']);
  });

  it('with keys made by agents, are one for each cluster, with a name of its own', () => {
    const { certificates } = see(
      objectsOf(
        issuer('le'),
        policy('web', {
          dnsNames: ['shop.example.com'],
          key: { location: 'agent', clusterName: '{cluster}.shop.example.com' },
          clusters: { region: 'eu' },
        }),
        cluster('fra', { region: 'eu' }),
        cluster('ams', { region: 'eu' }),
        cluster('nyc', { region: 'us' }),
      ),
    );
    expect(certificates.map(({ cluster, names }) => [cluster, names])).toEqual([
      ['shop/ams', ['ams.shop.example.com', 'shop.example.com']],
      ['shop/fra', ['fra.shop.example.com', 'shop.example.com']],
    ]);
    expect(new Set(certificates.map(({ id }) => id)).size).toBe(2);
  });

  it('stay where they are when names come and go, also those of agents', () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `h${100 + i}.example.com`);
    const world = (dnsNames: readonly string[]) =>
      objectsOf(
        issuer('le'),
        policy('web', {
          dnsNames,
          namesPerCertificate: 6,
          key: { location: 'agent', clusterName: '{cluster}.example.com' },
          clusters: {},
        }),
        cluster('fra'),
        cluster('ams'),
      );
    const before = see(world(names(20)));
    expect(before.certificates).toHaveLength(8);
    const records = before.certificates.map((wanted) => recordOf(wanted));
    const after = see(world(names(20).filter((name) => name !== 'h107.example.com')), records);
    const was = new Map(before.certificates.map((wanted) => [wanted.id, wanted.names.join()]));
    const changed = after.certificates.filter(({ id, names: now }) => was.get(id) !== now.join());
    expect(changed).toHaveLength(2);
    expect(after.certificates).toHaveLength(8);
  });

  it('are the same objects when nothing of them changed, and others when their Issuer did', () => {
    const wanting = createWanting();
    const world = objectsOf(issuer('le'), policy('web', { dnsNames: ['a.example.com'] }));
    const first = wanting.wanted(world, new Map()).certificates[0];
    const records = new Map(first === undefined ? [] : [[first.id, recordOf(first)]]);
    expect(wanting.wanted({ ...world, Gateway: new Map() }, records).certificates[0]).toBe(first);
    const changed = issuer('le');
    const Issuer = new Map([['shop/le', { ...changed, metadata: { ...changed.metadata, generation: 2 } }]]);
    const second = wanting.wanted({ ...world, Issuer }, records).certificates[0];
    expect(second?.revision).not.toBe(first?.revision);
    expect(second?.id).toBe(first?.id);
  });

  it('are others when a Secret of their Issuer was corrected: what failed with the one before does not hold them up', () => {
    const bound = issuerSpec.parse({
      acme: {
        directory: 'https://ca.example/dir',
        termsOfServiceAgreed: true,
        externalAccountBinding: { keyId: 'k', secret: { name: 'eab', key: 'hmac' } },
      },
    });
    const at = (generation: number, other = 1) =>
      see(
        objectsOf(
          { ...issuer('le'), spec: bound },
          secret('eab', generation),
          secret('other', other),
          policy('web', { dnsNames: ['a.example.com'] }),
        ),
      ).certificates[0]?.revision;
    expect(at(2)).not.toBe(at(1));
    expect(at(1, 2)).toBe(at(1));
  });

  it('ten thousand policies are seen through in moments, and again in less', () => {
    const items = Array.from({ length: 10_000 }, (_, i) =>
      policy(`p${i}`, { dnsNames: [`h${i}.example.com`] }),
    );
    const world = objectsOf(issuer('le'), ...items);
    const wanting = createWanting();
    const used = process.cpuUsage();
    const first = wanting.wanted(world, new Map()).certificates;
    const again = wanting.wanted({ ...world, Cluster: new Map() }, new Map()).certificates;
    const { user } = process.cpuUsage(used);
    expect(first).toHaveLength(10_000);
    expect(again.every((wanted, i) => wanted === first[i])).toBe(true);
    // Ten times what it takes: a quadratic way takes minutes.
    expect(user / 1e6).toBeLessThan(10);
  });
});

describe('what is said of a policy', () => {
  it.each([
    ['NoNames', objectsOf(issuer('le'), policy('web', {}))],
    ['IssuerMissing', objectsOf(policy('web', { dnsNames: ['a.example.com'] }))],
    ['NotServed', objectsOf(issuer('le'), policy('web', { dnsNames: ['a.example.com'] }))],
    [
      'CoveredByWildcard',
      objectsOf(issuer('le'), policy('web', { dnsNames: ['*.example.com', 'a.example.com'] })),
    ],
    [
      'ListenerNotCovered',
      objectsOf(
        issuer('le'),
        policy('web', { dnsNames: ['a.example.com'] }),
        gateway('g', ['b.example.com'], { policy: 'web' }),
      ),
    ],
    [
      'AlsoWanted',
      objectsOf(
        issuer('le'),
        policy('web', { dnsNames: ['a.example.com'] }),
        policy('web', { dnsNames: ['a.example.com'] }, 'other'),
      ),
    ],
  ])('%s', (reason, objects) => {
    expect(reasons(objects)).toContain(reason);
  });

  it('the internal CA stands in where it comes after one that people trust, else it is as good as any', () => {
    const internal: Resource<'Issuer'> = { ...issuer('own'), spec: issuerSpec.parse({ internal: {} }) };
    const standIns = (issuers: readonly string[]) =>
      see(objectsOf(issuer('le'), internal, policy('web', { dnsNames: ['a.example.com'], issuers })))
        .certificates[0]?.standIns;
    expect(standIns(['le', 'own'])).toEqual(['shop/own']);
    expect(standIns(['own', 'le'])).toBeUndefined();
    expect(standIns(['own'])).toBeUndefined();
    expect(standIns(['missing', 'own'])).toBeUndefined();
  });

  it('a policy whose Issuers are gone keeps its certificates', () => {
    const world = objectsOf(policy('web', { dnsNames: ['a.example.com'] }));
    expect(see(world).certificates[0]?.issuers).toEqual(['shop/le']);
  });
});
