import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { compileInSteps } from '../../src/policy/compile.ts';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { conditionsOf } from '../../src/resources/conditions-of.ts';
import { regionTable } from '../../src/routing/geography.ts';
import { type TestAuthority, testAuthority } from '../../test/support/certificates.ts';
import { containing } from '../../test/support/matchers.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import { applyChanges, objectsOf } from '../reconcile/objects.ts';
import { CONTEXT, document, policy, stored } from '../reconcile/testing.ts';
import { buildWorld, type World } from '../reconcile/world.ts';
import { createDevelopmentCa } from './development-ca.ts';
import { explainRoute } from './explain-route.ts';
import { createGateways, type Gateways } from './gateways.ts';
import { createSecretValues } from './secret-values.ts';
import { gatewayStatuses } from './statuses.ts';

const GATEWAY = document('Gateway', 'edge', {
  gatewayClassName: 'portolan',
  listeners: [
    { name: 'web', port: 80, protocol: 'HTTP' },
    {
      name: 'tls',
      port: 443,
      protocol: 'HTTPS',
      hostname: 'shop.example.com',
      tls: { certificateRefs: [{ name: 'cert' }] },
    },
    {
      name: 'dev',
      port: 443,
      protocol: 'HTTPS',
      hostname: '*.dev.example.com',
      tls: { options: { 'portolan.dev/certificate': 'internal' } },
    },
  ],
});
const ROUTE = document('HTTPRoute', 'shop', {
  parentRefs: [{ name: 'edge' }],
  hostnames: ['shop.example.com'],
  rules: [
    {
      name: 'cart',
      matches: [{ path: { value: '/cart' } }],
      backendRefs: [{ name: 'shop', port: 80 }],
    },
    { name: 'rest', backendRefs: [{ name: 'shop', port: 80 }] },
  ],
});
const BACKEND = document('Backend', 'shop', { endpoints: [{ address: '10.0.0.1', port: 8080 }] });
const KEYS = document('AuthPolicy', 'keys', {
  targetRefs: [{ kind: 'HTTPRoute', name: 'shop' }],
  rules: { authentication: { key: { apiKey: {} } } },
});
const cluster = (name: string) =>
  document('Cluster', name, { location: { country: 'DE' }, addresses: ['198.51.100.1'] });
const SECRET = document('Secret', 'cert', {});

let authority: TestAuthority;
let compiles: number;
let reads: number;
let secrets: Record<string, Record<string, string>>;
let away: boolean;
let gateways: Gateways;
let warnings: string[];
let nowMs: number;

beforeEach(async () => {
  authority = await testAuthority();
  const { certificatePem, keyPem } = await authority.issue({ dns: ['shop.example.com'] });
  secrets = { cert: { 'tls.crt': certificatePem, 'tls.key': keyPem, other: 'not for gateways' } };
  [compiles, reads, away, warnings, nowMs] = [0, 0, false, [], 1_790_000_000_000];
  const meta = new Map<string, string>();
  const developmentCa = createDevelopmentCa({
    store: {
      hubUid: 'hub',
      getMeta: async (key) => meta.get(key),
      putMeta: async (key, value) => void meta.set(key, value),
    },
    sealing: { seal: (plain) => plain, open: (sealed) => sealed },
    randomBytes,
    wallMs: () => nowMs,
  });
  gateways = createGateways({
    compile: (...input) => {
      compiles += 1;
      return compileInSteps(...input);
    },
    secretValues: createSecretValues({
      store: {
        secretData: async ({ name }) => {
          reads += 1;
          if (away) throw new PortolanError('STORE_UNAVAILABLE', 'away');
          return secrets[name];
        },
      },
      developmentCa,
      peppers: async (uid) => ({ hub: 'hub-pepper', cluster: `pepper of ${uid}` }),
    }),
    regions: regionTable(),
    certificatesDue: developmentCa.due,
    log: { warn: (_details, message) => void warnings.push(message) },
  });
});

const world = (...inputs: Parameters<typeof stored>[0][]): World =>
  buildWorld(objectsOf(inputs.map((i) => stored(i))), CONTEXT);
const ALL = [GATEWAY, ROUTE, BACKEND, KEYS, SECRET, cluster('fra'), cluster('ams')];
const changed = (before: World, change: AnyResource): World =>
  buildWorld(applyChanges(before.objects, [change], []), CONTEXT, before);
const written = (input: Parameters<typeof stored>[0], generation: number): AnyResource => {
  const object = stored(input);
  return { ...object, metadata: { ...object.metadata, generation } } as AnyResource;
};

describe('the gateways of a hub', () => {
  it('are compiled for each cluster with a Gateway, with the secrets that these name and nothing else', async () => {
    await gateways.follow(
      world(...ALL, document('Cluster', 'far', { location: { country: 'DE' } }, 'other')),
    );
    expect([...gateways.all.keys()].sort()).toEqual(['default/ams', 'default/fra']);
    const own = gateways.all.get('default/fra');
    expect(own?.part.ports.map((p) => p.port).sort()).toEqual([443, 80]);
    expect(Object.keys(own?.secrets.certificates ?? {}).sort()).toEqual([
      'default/cert',
      'internal/*.dev.example.com',
    ]);
    expect(own?.secrets.peppers).toEqual({
      hub: 'hub-pepper',
      cluster: 'pepper of uid-Cluster-default-fra',
    });
    expect(JSON.stringify(own?.secrets)).not.toContain('not for gateways');
  });

  it('I33 no key stands in the public part or in the reports', async () => {
    await gateways.follow(world(...ALL));
    const own = gateways.all.get('default/fra');
    expect(JSON.stringify(own?.secrets)).toContain('PRIVATE KEY');
    expect(JSON.stringify([own?.part, own?.reports])).not.toContain('PRIVATE KEY');
    expect(JSON.stringify([own?.part, own?.reports])).not.toContain('pepper');
  });

  it('an unrelated change costs neither a compilation nor a reading, and changes no digest', async () => {
    const first = world(...ALL);
    await gateways.follow(first);
    const [digest, before] = [gateways.all.get('default/fra')?.digest, { compiles, reads }];
    const next = changed(first, stored(policy('www', ['www.example.com'], ['fra'])));
    await gateways.follow(next);
    // A status that was written makes another map of the kind, and nothing else.
    const route = stored(ROUTE) as AnyResource & { kind: 'HTTPRoute' };
    await gateways.follow(changed(next, { ...route, status: { parents: [] } }));
    expect({ compiles, reads }).toEqual(before);
    expect(gateways.all.get('default/fra')?.digest).toBe(digest);
  });

  it('a change that concerns them changes the digest; the same content keeps it', async () => {
    const first = world(...ALL);
    await gateways.follow(first);
    const digest = gateways.all.get('default/fra')?.digest;
    await gateways.follow(changed(first, written(BACKEND, 2)));
    expect(compiles).toBe(4);
    expect(gateways.all.get('default/fra')?.digest).toBe(digest);
    const moved = document('Backend', 'shop', { endpoints: [{ address: '10.0.0.2', port: 8080 }] });
    await gateways.follow(changed(first, written(moved, 3)));
    expect(gateways.all.get('default/fra')?.digest).not.toBe(digest);
  });

  it('a new certificate in a Secret reaches the secrets', async () => {
    const first = world(...ALL);
    await gateways.follow(first);
    const next = await authority.issue({ dns: ['shop.example.com'] });
    secrets.cert = { 'tls.crt': next.certificatePem, 'tls.key': next.keyPem };
    await gateways.follow(changed(first, written(SECRET, 2)));
    expect(gateways.all.get('default/fra')?.secrets.certificates['default/cert']?.keyPem).toBe(next.keyPem);
  });

  it('a development certificate is renewed without a change of any object', async () => {
    const first = world(...ALL);
    await gateways.follow(first);
    const before = gateways.all.get('default/fra')?.digest;
    expect(gateways.due()).toBe(false);
    nowMs += 11 * 86_400_000;
    expect(gateways.due()).toBe(true);
    await gateways.follow(first);
    expect(gateways.due()).toBe(false);
    expect(gateways.all.get('default/fra')?.digest).not.toBe(before);
  });

  it('a store that does not answer keeps the last configuration, and it is tried again', async () => {
    const first = world(...ALL);
    await gateways.follow(first);
    const before = gateways.all;
    away = true;
    const next = changed(first, written(SECRET, 2));
    await gateways.follow(next);
    expect(gateways.all).toBe(before);
    expect(warnings).toEqual(['gateways keep their last configuration']);
    expect(gateways.due()).toBe(true);
    away = false;
    await gateways.follow(next);
    expect(gateways.due()).toBe(false);
  });
});

describe('their statuses', () => {
  const agent = (gateway: string | undefined, more: Partial<KnownAgent> = {}): KnownAgent =>
    ({
      connected: true,
      version: '0.1.0',
      snapshotParts: ['gateway', 'gatewaySecrets'],
      refused: undefined,
      applied: { version: 1, hash: '', sequence: 1, ...(gateway === undefined ? {} : { gateway }) },
      ...more,
    }) as KnownAgent;

  function statuses(at: World, agents: Readonly<Record<string, KnownAgent | undefined>> = {}) {
    const found = gatewayStatuses({
      world: at,
      gateways: gateways.all,
      agentOf: (key) => agents[key],
      wallMs: nowMs,
    });
    const of = (kind: string): AnyResource => {
      const [object, status] = found.find(([o]) => o.kind === kind) ?? [];
      return { ...object, status } as AnyResource;
    };
    const conditions = (kind: string) =>
      conditionsOf(of(kind)).map((c) => `${c.type}=${c.status} ${c.reason}`);
    return { of, conditions, found };
  }

  it('I12 a Gateway is not programmed where the agent reads no such part, and that is said', async () => {
    const at = world(...ALL);
    await gateways.follow(at);
    const digest = gateways.all.get('default/fra')?.digest ?? '';
    const older = agent(undefined, { snapshotParts: ['routing', 'probes', 'peers', 'dns'] });
    const said = statuses(at, { 'default/fra': agent(digest), 'default/ams': older });
    expect(said.conditions('Gateway')).toContain('Programmed=False Pending');
    expect(JSON.stringify(said.of('Gateway'))).toContain('its agent (0.1.0) runs no gateways');
  });

  it('a Gateway is programmed once the agents of all its clusters acknowledged it', async () => {
    const at = world(...ALL);
    await gateways.follow(at);
    const digest = gateways.all.get('default/fra')?.digest ?? '';
    const other = gateways.all.get('default/ams')?.digest;
    const pending = statuses(at, { 'default/fra': agent(digest), 'default/ams': agent('older') });
    expect(pending.conditions('Gateway')).toEqual(['Accepted=True Accepted', 'Programmed=False Pending']);
    const done = statuses(at, { 'default/fra': agent(digest), 'default/ams': agent(other) });
    expect(done.conditions('Gateway')).toContain('Programmed=True Programmed');
    const gateway = done.of('Gateway') as AnyResource & { kind: 'Gateway' };
    expect(gateway.status?.addresses).toEqual([{ type: 'IPAddress', value: '198.51.100.1' }]);
    expect(gateway.status?.listeners.map((l) => [l.name, l.attachedRoutes])).toEqual([
      ['web', 1],
      ['tls', 1],
      ['dev', 0],
    ]);
    const refused = statuses(at, { 'default/fra': agent(digest, { refused: 'port 443 is taken' }) });
    expect(JSON.stringify(refused.of('Gateway'))).toContain('port 443 is taken');
  });

  it('a Secret whose key does not fit shows at its listener, which is not served', async () => {
    const stranger = await authority.issue({ dns: ['other.example.com'] });
    secrets.cert = { ...secrets.cert, 'tls.key': stranger.keyPem };
    const at = world(...ALL);
    await gateways.follow(at);
    expect(gateways.all.get('default/fra')?.secrets.certificates['default/cert']).toBeUndefined();
    const gateway = statuses(at).of('Gateway') as AnyResource & { kind: 'Gateway' };
    const listener = gateway.status?.listeners.find((l) => l.name === 'tls');
    expect(listener?.conditions.find((c) => c.type === 'ResolvedRefs')).toMatchObject({
      status: 'False',
      reason: 'InvalidCertificateRef',
      message: containing('does not belong'),
    });
  });

  it('a route says what became of it at each parent, under the name of this controller', async () => {
    const lost = document('HTTPRoute', 'lost', { parentRefs: [{ name: 'nowhere' }] });
    const at = world(...ALL, lost);
    await gateways.follow(at);
    const { found } = statuses(at);
    const parents = found.flatMap(([object, status]) =>
      object.kind === 'HTTPRoute' && 'parents' in status
        ? status.parents.map((p) => [
            object.metadata.name,
            p.controllerName,
            ...p.conditions.map((c) => `${c.type}=${c.status} ${c.reason}`),
          ])
        : [],
    );
    expect(parents).toEqual([
      ['shop', 'portolan.dev/gateway-controller', 'Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs'],
      [
        'lost',
        'portolan.dev/gateway-controller',
        'Accepted=False NoMatchingParent',
        'ResolvedRefs=True ResolvedRefs',
      ],
    ]);
  });

  it('a policy whose Secret lacks a value says so', async () => {
    const opaque = document('AuthPolicy', 'opaque', {
      targetRefs: [{ kind: 'HTTPRoute', name: 'shop', sectionName: 'rest' }],
      rules: {
        authentication: {
          token: {
            oauth2Introspection: { url: 'https://issuer.example.com/i', clientSecretRef: { name: 'cert' } },
          },
        },
      },
    });
    const at = world(...ALL.filter((o) => o !== KEYS), opaque);
    await gateways.follow(at);
    expect(statuses(at).conditions('AuthPolicy')).toContain('ResolvedRefs=False InvalidSecretRef');
    secrets.cert = { ...secrets.cert, 'client-secret': 'x' };
    await gateways.follow(changed(at, written(SECRET, 2)));
    expect(statuses(at).conditions('AuthPolicy')).not.toContain('ResolvedRefs=False InvalidSecretRef');
  });

  it('a condition keeps its time while it stays the same', async () => {
    const at = world(...ALL);
    await gateways.follow(at);
    const first = statuses(at).of('AuthPolicy');
    nowMs += 60_000;
    const next = changed(at, first);
    const again = statuses(next).of('AuthPolicy');
    expect(again.status).toEqual(first.status);
    expect(conditionsOf(again).length).toBeGreaterThan(0);
  });
});

describe('explain', () => {
  const request = (hostname: string, path: string) => ({
    request: { hostname, path, method: 'GET', headers: [] },
  });

  it('tells a rule once for all clusters where it is the same, each piece with the object it is from', async () => {
    await gateways.follow(world(...ALL));
    const [cart, ...others] = explainRoute(request('shop.example.com', '/cart/1?x=1'), gateways.all);
    const spelled = explainRoute(request('shop.example.com', '/c%61rt/1'), gateways.all);
    expect(
      spelled.map(({ rule }) => rule),
      'read as the gateway reads it',
    ).toEqual([cart?.rule]);
    expect(() => explainRoute(request('shop.example.com', '/x/../cart/1'), gateways.all)).toThrow(
      'refuse this path',
    );
    expect(others).toEqual([]);
    expect(cart).toMatchObject({
      kind: 'HTTPRoute',
      name: 'shop',
      rule: 'cart',
      clusters: ['default/fra', 'default/ams'],
      backends: [containing('default/shop:80 (weight 1')],
    });
    expect(cart?.auth).toContainEqual({
      piece: 'authentication.key',
      value: containing('apiKey'),
      source: 'AuthPolicy default/keys',
      by: 'defaults',
    });
    expect(cart?.edge.find((p) => p.piece === 'limits.maxBodyBytes')?.by).toBe('product');
  });

  it.each([
    ['shop.example.com', '/cart', ['cart']],
    ['shop.example.com', '/cartoon', ['rest']],
    ['other.example.com', '/cart', []],
  ])('%s%s is taken by %j', async (hostname, path, rules) => {
    await gateways.follow(world(...ALL));
    expect(explainRoute(request(hostname, path), gateways.all).map((r) => r.rule)).toEqual(rules);
  });

  it('by name, cluster and rule', async () => {
    await gateways.follow(world(...ALL));
    const route = { namespace: 'default', name: 'shop' };
    expect(explainRoute({ route }, gateways.all).map((r) => r.rule)).toEqual(['cart', 'rest']);
    expect(explainRoute({ route, cluster: 'fra', rule: 'rest' }, gateways.all)).toMatchObject([
      { rule: 'rest', clusters: ['default/fra'], backends: [containing('10.0.0.1:8080')] },
    ]);
    expect(explainRoute({ route: { namespace: 'default', name: 'none' } }, gateways.all)).toEqual([]);
  });
});
