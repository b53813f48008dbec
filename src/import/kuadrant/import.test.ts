import { describe, expect, it } from 'vitest';
import { compileConditions } from '../../policy/cel.ts';
import { CelContext } from '../../policy/cel-context.ts';
import { parseText } from '../../resources/yaml.ts';
import { importKuadrant, type SourceDocument } from './import.ts';
import { isMap } from './ledger.ts';

const AUTH = {
  apiVersion: 'kuadrant.io/v1',
  kind: 'AuthPolicy',
  metadata: { namespace: 'shop', name: 'web' },
};
const LIMIT = { ...AUTH, kind: 'RateLimitPolicy' };
const TARGET = { targetRef: { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'web' } };

function imported(...documents: readonly (object | SourceDocument)[]) {
  const given = documents.map((one): SourceDocument => ('value' in one ? one : { value: one }));
  return importKuadrant(given, { zones: ['example.com'], clusterNamespace: 'default' });
}

function yaml(text: string, cluster?: string): readonly SourceDocument[] {
  return parseText(text).map(({ value }) => ({ value, ...(cluster === undefined ? {} : { cluster }) }));
}

/** Fields that are not exact, with their verdicts. */
function told({ ledger }: ReturnType<typeof importKuadrant>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    ledger.filter(({ verdict }) => verdict !== 'exact').map(({ field, verdict }) => [field, verdict]),
  );
}

function rulesOf(result: ReturnType<typeof importKuadrant>): Readonly<Record<string, unknown>> {
  const rules = result.documents[0]?.spec?.rules;
  return isMap(rules) ? rules : {};
}

function request(headers: Readonly<Record<string, string>>): CelContext {
  return new CelContext({
    id: 'id',
    method: 'GET',
    scheme: 'http',
    host: 'shop.example',
    path: '/toys',
    query: 'a=1',
    fields: Object.entries(headers).flat(),
    httpVersion: '1.1',
    source: { address: '192.0.2.1', port: 1 },
    tls: undefined,
    wallMs: 0,
  });
}

describe('an import from Kuadrant', () => {
  it('takes limits over as they are', () => {
    const limits = {
      all: {
        rates: [
          { limit: 5, window: '1m30s' },
          { limit: 1000, window: '1d' },
        ],
      },
      posts: {
        rates: [{ limit: 2, window: '10s' }],
        when: [{ predicate: "request.method == 'POST' && request.url_path.startsWith('/toys')" }],
        counters: [{ expression: "request.headers['x-user']" }],
      },
    };
    const result = imported({ ...LIMIT, spec: { ...TARGET, defaults: { strategy: 'merge', limits } } });
    expect(result.documents[0]?.spec).toEqual({
      targetRefs: [{ kind: 'HTTPRoute', name: 'web' }],
      defaults: {
        strategy: 'merge',
        rules: {
          limits: {
            all: {
              rates: [
                { limit: 5, window: '1m30s' },
                { limit: 1000, window: '24h' },
              ],
            },
            posts: {
              rates: [{ limit: 2, window: '10s' }],
              when: ["request.method == 'POST' && request.path.startsWith('/toys')"],
              counters: ["request.headers['x-user']"],
            },
          },
        },
      },
    });
    expect(told(result)).toEqual({});
  });

  it('leaves a limit out of which a part cannot be said, and keeps the others', () => {
    const limits = {
      broken: { rates: [{ limit: 5, window: '1m' }], when: [{ predicate: "source.id == 'x'" }] },
      fine: { rates: [{ limit: 5, window: '1m' }] },
    };
    const result = imported({ ...LIMIT, spec: { ...TARGET, limits } });
    expect(rulesOf(result)).toEqual({ limits: { fine: limits.fine } });
    expect(told(result)).toEqual({
      'spec.limits.broken.when[0].predicate': 'unsupported',
      'spec.limits.broken.rates[0].limit': 'unsupported',
      'spec.limits.broken.rates[0].window': 'unsupported',
    });
  });

  it('hands identities on to limits as fields of the identity', () => {
    const properties = { userid: { expression: 'auth.identity.sub' } };
    const auth = {
      ...AUTH,
      spec: {
        ...TARGET,
        rules: {
          authentication: { sso: { jwt: { issuerUrl: 'https://login.example' } } },
          response: { success: { filters: { identity: { json: { properties } } } } },
        },
      },
    };
    const counters = [{ expression: 'auth.identity.userid' }];
    const limit = {
      ...LIMIT,
      spec: { ...TARGET, limits: { each: { rates: [{ limit: 1, window: '1m' }], counters } } },
    };
    const result = imported(auth, limit);
    expect(rulesOf(result)).toMatchObject({
      authentication: {
        sso: { jwt: { issuer: 'https://login.example' }, overrides: { userid: 'auth.identity.sub' } },
      },
    });
    expect(told(result)).toEqual({});
  });

  it.each([
    ['rego', { opa: { rego: 'allow = true' } }],
    [
      'a selector that has nothing here',
      { patternMatching: { patterns: [{ selector: 'auth.identity.@keys', operator: 'eq', value: 'x' }] } },
    ],
    ['spicedb', { spicedb: { endpoint: 'x:1' } }],
  ])('denies where it cannot say who may: %s', (_, rule) => {
    const result = imported({ ...AUTH, spec: { ...TARGET, rules: { authorization: { who: rule } } } });
    expect(rulesOf(result)).toEqual({ authorization: { who: { cel: { expressions: ['false'] } } } });
    expect(Object.values(told(result))).toContain('unsupported');
  });

  it('lets nobody in where no way to authenticate is left', () => {
    const authentication = { who: { plain: { selector: 'auth.metadata.x' } } };
    const result = imported({ ...AUTH, spec: { ...TARGET, rules: { authentication } } });
    expect(rulesOf(result)).toEqual({ authentication: { nobody: { when: ['false'], anonymous: {} } } });
  });

  it('treats what a request lacks as the empty text, as Authorino does', () => {
    const pattern = (operator: string, value: string) => ({
      selector: 'context.request.http.headers.x-team',
      operator,
      value,
    });
    const holds = (condition: object, headers: Readonly<Record<string, string>>): boolean => {
      const result = imported({
        ...AUTH,
        spec: { ...TARGET, when: [condition], rules: { authentication: {} } },
      });
      const { when } = rulesOf(result);
      return compileConditions(Array.isArray(when) ? when.map(String) : [])(request(headers));
    };
    expect(holds(pattern('eq', 'a'), {})).toBe(false);
    expect(holds(pattern('neq', 'a'), {})).toBe(true);
    expect(holds(pattern('eq', ''), {})).toBe(true);
    expect(holds(pattern('neq', ''), {})).toBe(false);
    expect(holds(pattern('matches', '^a'), {})).toBe(false);
    expect(holds(pattern('eq', 'a'), { 'x-team': 'a' })).toBe(true);
    expect(holds(pattern('neq', 'a'), { 'x-team': 'a' })).toBe(false);
    expect(holds(pattern('matches', '^a'), { 'x-team': 'abc' })).toBe(true);
    expect(holds({ any: [pattern('eq', 'a'), pattern('eq', 'b')] }, { 'x-team': 'b' })).toBe(true);
    expect(holds({ all: [pattern('neq', 'a'), pattern('neq', 'b')] }, { 'x-team': 'b' })).toBe(false);
  });

  it('makes one policy of what several clusters say of a hostname', () => {
    const cluster = (geo: string, isDefault: boolean, address: string): string => `
apiVersion: kuadrant.io/v1
kind: DNSPolicy
metadata: { name: prod, namespace: gateways }
spec:
  targetRef: { group: gateway.networking.k8s.io, kind: Gateway, name: web }
  loadBalancing: { weight: 100, geo: ${geo}, defaultGeo: ${isDefault} }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: gateways }
spec:
  gatewayClassName: istio
  listeners: [{ name: web, hostname: api.example.com, port: 80, protocol: HTTP }]
status: { addresses: [{ type: IPAddress, value: ${address} }] }
`;
    const result = imported(
      ...yaml(cluster('GEO-EU', true, '198.51.100.1'), 'eu'),
      ...yaml(cluster('US', false, '203.0.113.1'), 'us'),
    );
    expect(result.clusters).toEqual(['eu', 'us']);
    expect(result.documents.find(({ kind }) => kind === 'TrafficPolicy')?.spec).toEqual({
      hostnames: ['api.example.com'],
      ttlSeconds: 60,
      endpoints: [
        { name: 'eu', cluster: 'eu', addresses: ['198.51.100.1'] },
        { name: 'us', cluster: 'us', addresses: ['203.0.113.1'] },
      ],
      routing: {
        geo: [
          {
            name: 'eu',
            match: { continents: ['EU'] },
            tiers: [{ members: [{ endpoint: 'eu', weight: 100 }] }],
          },
          {
            name: 'us',
            match: { countries: ['US'] },
            tiers: [{ members: [{ endpoint: 'us', weight: 100 }] }],
          },
        ],
        default: { tiers: [{ members: [{ endpoint: 'eu', weight: 100 }] }] },
      },
    });
    expect(told(result)).toEqual({ 'spec.gatewayClassName': 'approximate' });
  });

  it('names CertificatePolicies in listeners, and lets them be named', () => {
    const result = imported(
      ...yaml(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: gateways }
spec:
  gatewayClassName: istio
  listeners:
    - { name: a, hostname: a.example.com, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: a }] } }
    - { name: b, hostname: b.example.com, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: b }] } }
---
apiVersion: kuadrant.io/v1
kind: TLSPolicy
metadata: { name: le, namespace: gateways }
spec:
  targetRef: { group: gateway.networking.k8s.io, kind: Gateway, name: web, sectionName: a }
  issuerRef: { kind: Issuer, name: le }
  privateKey: { algorithm: ECDSA, size: 384, rotationPolicy: Never }
  duration: 2160h
  renewBefore: 360h
`),
    );
    const [policy, gateway, grant] = result.documents;
    expect(policy).toMatchObject({
      kind: 'CertificatePolicy',
      metadata: { namespace: 'default', name: 'le' },
      spec: {
        issuers: ['le'],
        dnsNames: ['a.example.com'],
        key: { algorithm: 'ECDSA-P384', reuse: true },
        renewal: { remainingPercent: 17 },
      },
    });
    expect(gateway?.spec?.listeners).toMatchObject([
      { tls: { certificateRefs: [{ kind: 'CertificatePolicy', name: 'le', namespace: 'default' }] } },
      { tls: { certificateRefs: [{ name: 'b' }] } },
    ]);
    expect(grant).toMatchObject({ kind: 'ReferenceGrant', metadata: { namespace: 'default' } });
  });

  it('reads API keys out of their Secrets, and credentials of providers', () => {
    const secret = { apiVersion: 'v1', kind: 'Secret' };
    const result = imported(
      {
        ...secret,
        metadata: {
          namespace: 'shop',
          name: 'alice-key',
          labels: { app: 'toys', 'authorino.kuadrant.io/managed-by': 'authorino' },
          annotations: { 'secret.kuadrant.io/user-id': 'alice' },
        },
        data: { api_key: Buffer.from('k3y').toString('base64') },
      },
      {
        ...secret,
        metadata: { namespace: 'dns', name: 'aws' },
        type: 'kuadrant.io/aws',
        stringData: { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 's', AWS_REGION: 'eu-west-1' },
      },
    );
    expect(result.keys).toEqual([
      {
        namespace: 'shop',
        key: 'k3y',
        principal: 'alice',
        labels: { app: 'toys' },
        attributes: { 'secret.kuadrant.io/user-id': 'alice' },
      },
    ]);
    expect(result.documents.map(({ kind }) => kind)).toEqual(['Secret', 'DNSProvider']);
    expect(JSON.stringify(result.ledger)).not.toContain('k3y');
  });

  it('says so when a policy differs between clusters', () => {
    const limits = (limit: number) => ({
      ...LIMIT,
      spec: { ...TARGET, limits: { all: { rates: [{ limit, window: '1m' }] } } },
    });
    const result = imported({ value: limits(1), cluster: 'eu' }, { value: limits(2), cluster: 'us' });
    expect(result.documents).toHaveLength(1);
    expect(told(result)).toMatchObject({ 'spec.limits.all.rates[0].limit': 'unsupported' });
    expect(told(imported({ value: limits(1), cluster: 'eu' }, { value: limits(1), cluster: 'us' }))).toEqual(
      {},
    );
  });
});
