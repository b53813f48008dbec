import { describe, expect, it } from 'vitest';
import { compileConditions } from './cel.ts';
import { CelContext } from './cel-context.ts';
import { refusingRule } from './residency.ts';
import { backendOf, clusterIn, compiled, gatewayOf, type Stored, stored } from './testing/gateway-objects.ts';

const LISTENERS = [
  { name: 'public', port: 80, protocol: 'HTTP' },
  { name: 'inside', port: 81, protocol: 'HTTP' },
];
const ROUTE = stored('HTTPRoute', 'r', {
  parentRefs: [{ name: 'web' }],
  rules: [
    { name: 'read', matches: [{ method: 'GET' }], backendRefs: [{ name: 'b', port: 80 }] },
    { name: 'write', matches: [{ method: 'POST' }], backendRefs: [{ name: 'b', port: 80 }] },
  ],
});
const WORLD = [gatewayOf(LISTENERS, 'web', { labels: { tier: 'edge' } }), backendOf('b'), ROUTE];
const requestTo = (path: string) => ({
  id: '1',
  method: 'GET',
  scheme: 'http' as const,
  host: 'a.example',
  path,
  query: '',
  fields: [],
  httpVersion: '1.1' as const,
  source: { address: '192.0.2.1', port: 1 },
  tls: undefined,
  wallMs: 0,
});
const HEADER = (value: string) => ({ responseHeaders: { 'X-From': value } });

function edgePolicy(name: string, spec: object, metadata = {}) {
  return stored('GatewayPolicy', name, spec, metadata);
}
/** Value of the header at each rule and listener. */
function held(
  ...policies: ReturnType<typeof edgePolicy>[]
): Readonly<Record<string, string | null | undefined>> {
  const { part, reports } = compiled(...WORLD, ...policies);
  return Object.fromEntries(
    (reports.routes[0]?.rules ?? []).flatMap(({ id, rule, listeners }) =>
      listeners.map((listener) => [
        `${rule}@${listener.split('/')[2] ?? ''}`,
        part.edge[part.rules[id]?.edge ?? '']?.responseHeaders['x-from'],
      ]),
    ),
  );
}
const everywhere = (value: string | undefined) => ({
  'read@public': value,
  'write@public': value,
  'read@inside': value,
  'write@inside': value,
});

describe('where a policy holds', () => {
  const gateway = edgePolicy('gateway', {
    targetRefs: [{ kind: 'Gateway', name: 'web' }],
    rules: HEADER('gateway'),
  });
  const listener = edgePolicy('listener', {
    targetRefs: [{ kind: 'Gateway', name: 'web', sectionName: 'inside' }],
    rules: HEADER('listener'),
  });
  const route = edgePolicy('route', {
    targetRefs: [{ kind: 'HTTPRoute', name: 'r' }],
    rules: HEADER('route'),
  });
  const rule = edgePolicy('rule', {
    targetRefs: [{ kind: 'HTTPRoute', name: 'r', sectionName: 'write' }],
    rules: HEADER('rule'),
  });

  it('goes from the hub over Gateway, listener and route to the rule', () => {
    const hub = edgePolicy('hub', { selector: {}, rules: HEADER('hub') }, { namespace: 'default' });
    const own = edgePolicy('own', { selector: {}, rules: HEADER('own') });
    expect(held()).toEqual(everywhere(undefined));
    expect(held(hub)).toEqual(everywhere('hub'));
    expect(held(hub, own)).toEqual(everywhere('own'));
    expect(held(hub, own, gateway)).toEqual(everywhere('gateway'));
    const atListener = { ...everywhere('gateway'), 'read@inside': 'listener', 'write@inside': 'listener' };
    expect(held(hub, gateway, listener)).toEqual(atListener);
    expect(held(hub, gateway, listener, route)).toEqual(everywhere('route'));
    expect(held(hub, gateway, listener, route, rule)).toEqual({
      ...everywhere('route'),
      'write@public': 'rule',
      'write@inside': 'rule',
    });
  });

  it('selects clusters and gateways by their labels, those of other namespaces from the hub namespace only', () => {
    const selecting = (selector: object, namespace: string) =>
      compiled(
        clusterIn('DE', 'fra', { region: 'eu' }),
        ...WORLD,
        edgePolicy('p', { selector, overrides: { rules: HEADER('p') } }, { namespace }),
      ).part;
    const holds = (selector: object, namespace = 'default'): boolean =>
      Object.values(selecting(selector, namespace).edge).some((e) => e.responseHeaders['x-from'] === 'p');
    expect(holds({ clusters: { region: 'eu' } })).toBe(true);
    expect(holds({ clusters: { region: 'us' } })).toBe(false);
    expect(holds({ gateways: { tier: 'edge' } })).toBe(true);
    expect(holds({ gateways: { tier: 'inner' } })).toBe(false);
    expect(holds({}, 'shop')).toBe(true);
    expect(holds({}, 'other')).toBe(false);
  });

  it('never holds for targets of another namespace', () => {
    const foreign = edgePolicy(
      'gateway',
      { targetRefs: [{ kind: 'Gateway', name: 'web' }], rules: HEADER('x') },
      { namespace: 'other' },
    );
    expect(held(foreign)).toEqual(everywhere(undefined));
  });

  it('lets overrides of the Gateway win over the rule', () => {
    const overrides = edgePolicy('o', {
      targetRefs: [{ kind: 'Gateway', name: 'web' }],
      overrides: { strategy: 'merge', rules: HEADER('override') },
    });
    expect(held(overrides, route, rule)).toEqual(everywhere('override'));
  });

  it('tells every rule of an effective policy with the object it is from', () => {
    const defaults = edgePolicy('d', {
      targetRefs: [{ kind: 'Gateway', name: 'web' }],
      defaults: { strategy: 'merge', rules: { ...HEADER('d'), limits: { maxBodyBytes: 5 } } },
    });
    const { reports, part } = compiled(...WORLD, defaults, route);
    const [read] = reports.routes[0]?.rules ?? [];
    expect(read?.edge).toEqual([
      { rule: 'limits.maxBodyBytes', source: { kind: 'GatewayPolicy', name: 'shop/d' }, by: 'defaults' },
      {
        rule: 'responseHeaders.x-from',
        source: { kind: 'GatewayPolicy', name: 'shop/route' },
        by: 'defaults',
      },
    ]);
    expect(part.edge[part.rules[read?.id ?? '']?.edge ?? '']).toMatchObject({
      responseHeaders: { 'x-from': 'route' },
      limits: { maxBodyBytes: 5, maxHeaderBytes: 32_768 },
    });
  });

  it('refuses the younger of two that target the same, unless both merge', () => {
    const target = { targetRefs: [{ kind: 'HTTPRoute', name: 'r' }] };
    const old = { created: '2025-01-01T00:00:00.000Z' };
    const younger = edgePolicy('a-younger', { ...target, rules: HEADER('younger') });
    const older = edgePolicy('z-older', { ...target, rules: HEADER('older') }, old);
    expect(held(younger, older)).toEqual(everywhere('older'));
    const { reports } = compiled(...WORLD, younger, older);
    expect(reports.policies.map(({ name, findings }) => [name, findings[0]?.reason])).toEqual([
      ['a-younger', 'Conflicted'],
      ['z-older', 'Accepted'],
    ]);
    const merging = (name: string, rules: object, metadata = {}) =>
      edgePolicy(name, { ...target, defaults: { strategy: 'merge', rules } }, metadata);
    const { part, reports: merged } = compiled(
      ...WORLD,
      merging('a', { ...HEADER('younger'), path: { doubtful: 'keep' } }),
      merging('z', HEADER('older'), old),
    );
    expect(part.edge[part.rules['HTTPRoute/shop/r/0']?.edge ?? '']).toMatchObject({
      responseHeaders: { 'x-from': 'older' },
      path: { doubtful: 'keep' },
    });
    expect(merged.policies.map(({ findings }) => findings.map((f) => f.status))).toEqual([
      [true, true],
      [true, true],
    ]);
  });

  it('says when a target is not there, and when everything is overridden', () => {
    const gone = edgePolicy('gone', {
      targetRefs: [{ kind: 'HTTPRoute', name: 'r', sectionName: 'delete' }],
      rules: HEADER('x'),
    });
    const top = edgePolicy('top', {
      targetRefs: [{ kind: 'Gateway', name: 'web' }],
      overrides: { rules: HEADER('top') },
    });
    const { reports } = compiled(...WORLD, gone, top, route);
    expect(
      Object.fromEntries(reports.policies.map(({ name, findings }) => [name, findings.map((f) => f.reason)])),
    ).toEqual({
      gone: ['TargetNotFound'],
      route: ['Accepted', 'Overridden'],
      top: ['Accepted', 'Enforced'],
    });
    expect(reports.policies.find(({ name }) => name === 'top')?.ancestors).toEqual(['shop/web']);
  });
});

describe('compiled AuthPolicies', () => {
  const target = { targetRefs: [{ kind: 'HTTPRoute', name: 'r' }] };
  const authOf = (...policies: ReturnType<typeof stored<'AuthPolicy'>>[]) => {
    const all = compiled(...WORLD, ...policies);
    return { ...all, auth: all.part.auth[all.part.rules['HTTPRoute/shop/r/0']?.auth ?? ''] };
  };

  it('leaves a rule without policy open, and one of an empty policy too', () => {
    expect(authOf().auth).toBeUndefined();
    const locked = stored('AuthPolicy', 'g', {
      targetRefs: [{ kind: 'Gateway', name: 'web' }],
      rules: { authentication: { k: { apiKey: {} } } },
    });
    expect(authOf(locked).auth?.authentication).toHaveLength(1);
    expect(authOf(locked, stored('AuthPolicy', 'open', { ...target, rules: {} })).auth).toBeUndefined();
  });

  it('orders alternatives by priority then name, and names secrets in the namespace of the policy', () => {
    const { auth, secretRefs } = authOf(
      stored('AuthPolicy', 'p', {
        ...target,
        rules: {
          authentication: {
            token: {
              priority: 1,
              jwt: { issuer: 'https://id.example.com', jwksRef: { name: 'keys' }, caRefs: [{ name: 'ca' }] },
            },
            b: { keyPair: { basic: true } },
            a: { apiKey: { labels: { env: 'prod' } } },
            ask: {
              priority: 2,
              oauth2Introspection: { url: 'https://id.example.com/i', clientSecretRef: { name: 'client' } },
            },
            cert: { priority: 3, mtls: { caRefs: [{ name: 'ca' }] } },
          },
          authorization: {
            rule: { cel: { expressions: ["'a' in auth.roles"] } },
            need: { scopes: { anyOf: ['x'] } },
          },
          response: { headers: { 'X-User': 'auth.principal' }, unauthorized: { status: 404 } },
          decisions: { mode: 'resilient' },
          maxStalenessSeconds: 60,
        },
      }),
    );
    expect(auth?.authentication.map(({ name, method }) => [name, method.type])).toEqual([
      ['a', 'apiKey'],
      ['b', 'keyPair'],
      ['token', 'jwt'],
      ['ask', 'introspection'],
      ['cert', 'mtls'],
    ]);
    expect(auth?.authentication[0]?.method).toMatchObject({ namespaces: ['shop'], labels: { env: 'prod' } });
    expect(auth).toMatchObject({
      source: [{ kind: 'AuthPolicy', name: 'shop/p' }],
      authorization: [{ name: 'need' }, { name: 'rule', check: { type: 'cel' } }],
      response: {
        headers: [['x-user', 'auth.principal']],
        unauthenticated: { status: 401 },
        unauthorized: { status: 404 },
      },
      decisions: { mode: 'resilient', ttlSeconds: 10, negativeTtlSeconds: 2 },
      maxStalenessSeconds: 60,
    });
    expect(secretRefs).toEqual({
      certificates: [],
      policies: [],
      bundles: ['shop/ca/ca.crt'],
      values: ['shop/client/client-secret', 'shop/keys/jwks.json'],
      internal: {},
      peppers: true,
    });
  });

  it('authorises everybody when nobody is asked who they are', () => {
    const { auth, secretRefs } = authOf(
      stored('AuthPolicy', 'p', {
        ...target,
        rules: {
          authorization: { office: { cel: { expressions: ["source.address.inCidr('10.0.0.0/8')"] } } },
        },
      }),
    );
    expect(auth?.authentication.map(({ method }) => method.type)).toEqual(['anonymous']);
    expect(secretRefs.peppers).toBe(false);
  });

  it('does not let the conditions of one policy unprotect what another one protects', () => {
    const open = ["request.path == '/health'"];
    const alone = stored('AuthPolicy', 'route', {
      ...target,
      rules: { when: open, authentication: { k: { apiKey: {} } } },
    });
    expect(authOf(alone).auth?.when).toEqual(open);
    const above = stored('AuthPolicy', 'gateway', {
      targetRefs: [{ kind: 'Gateway', name: 'web' }],
      overrides: { strategy: 'merge', rules: { authorization: { roles: { roles: { anyOf: ['staff'] } } } } },
    });
    const { auth } = authOf(alone, above);
    expect(auth?.when).toEqual([]);
    expect(auth?.authentication[0]?.when).toEqual(open);
    expect(auth?.authentication.slice(1)).toMatchObject([{ method: { type: 'anonymous' } }]);
    expect(auth?.authorization[0]).toMatchObject({ name: 'roles', when: [] });
    expect(auth?.source.map(({ name }) => name)).toEqual(['shop/gateway', 'shop/route']);
  });

  describe('asks nobody who they are where no policy does that they were merged from', () => {
    const admin = "request.path.startsWith('/admin') // all of it";
    const narrow = (when: readonly string[]) =>
      stored('AuthPolicy', 'route', { ...target, rules: { when, authentication: { k: { apiKey: {} } } } });
    const above = (rules: object) =>
      stored('AuthPolicy', 'gateway', {
        targetRefs: [{ kind: 'Gateway', name: 'web' }],
        defaults: { strategy: 'merge', rules },
      });
    const mayEnter = (path: string, ...policies: Parameters<typeof authOf>): readonly string[] => {
      const ways = authOf(...policies).auth?.authentication ?? [];
      const request = requestTo(path);
      return ways
        .filter(({ when }) => compileConditions(when)(new CelContext(request)))
        .map(({ name }) => name);
    };

    it('so a key is asked for under /admin alone', () => {
      const both = [narrow([admin]), above({ response: { headers: { 'X-Edge': "'yes'" } } })] as const;
      expect(mayEnter('/admin/users', ...both)).toEqual(['k']);
      expect(mayEnter('/shop', ...both)).toEqual(['anonymous']);
    });

    it('but not where another policy asks them everywhere', () => {
      expect(mayEnter('/shop', narrow([admin]), above({ authentication: { j: { apiKey: {} } } }))).toEqual([
        'j',
      ]);
    });

    it('nor where a condition cannot be judged', () => {
      const both = [
        narrow(["request.headers['x-team'] == 'red'"]),
        above({ decisions: { mode: 'allow' } }),
      ] as const;
      expect(mayEnter('/shop', ...both)).toEqual([]);
    });

    it('nor where the conditions are too many to be denied together', () => {
      const many = Array.from({ length: 10 }, (_, i) => `request.path != '/${'x'.repeat(600)}${i}'`);
      expect(mayEnter(`/${'x'.repeat(600)}1`, narrow(many), above({ decisions: { mode: 'allow' } }))).toEqual(
        [],
      );
    });
  });

  it('sets the headers of a policy only where its conditions hold, whatever it was merged with', () => {
    const admins = ["request.path.startsWith('/admin')"];
    const headers = (name: string) => ({ response: { headers: { [name]: "'yes'" } } });
    const narrow = stored('AuthPolicy', 'route', {
      ...target,
      rules: { when: admins, ...headers('X-Admin') },
    });
    expect(authOf(narrow).auth).toMatchObject({
      when: admins,
      response: { headers: [['x-admin', "'yes'"]] },
    });
    const above = stored('AuthPolicy', 'gateway', {
      targetRefs: [{ kind: 'Gateway', name: 'web' }],
      defaults: { strategy: 'merge', rules: headers('X-Edge') },
    });
    expect(authOf(narrow, above).auth).toMatchObject({
      when: [],
      response: {
        headers: [
          ['x-admin', "'yes'", admins],
          ['x-edge', "'yes'"],
        ],
      },
    });
  });

  it('is one for all rules that have the same', () => {
    const { part } = authOf(
      stored('AuthPolicy', 'p', {
        targetRefs: [{ kind: 'Gateway', name: 'web' }],
        rules: { authentication: { k: { apiKey: {} } } },
      }),
    );
    expect(Object.keys(part.auth)).toHaveLength(1);
    expect(new Set(Object.values(part.rules).map(({ auth }) => auth)).size).toBe(1);
    expect(Object.keys(part.rules)).toHaveLength(2);
  });
});

describe('residency at the gateway', () => {
  const traffic = (region: string, hostnames: readonly string[], unknownLocation = 'restrict') =>
    stored('TrafficPolicy', 'tp', {
      hostnames,
      endpoints: [{ name: 'fra', cluster: 'fra', addresses: ['192.0.2.1'] }],
      routing: { default: { tiers: [{ members: [{ endpoint: 'fra' }] }] } },
      residency: [{ region, unknownLocation }],
    });
  const route = stored('HTTPRoute', 'r', {
    parentRefs: [{ name: 'web' }],
    hostnames: ['api.example.com'],
    rules: [{}],
  });
  const residencyOf = (country: string, ...more: readonly Stored[]) => {
    const { part } = compiled(clusterIn(country), gatewayOf(), route, ...more);
    return part.edge[part.rules['HTTPRoute/shop/r/0']?.edge ?? '']?.residency;
  };

  it.each([
    ['DE', 'api.example.com', 'FR', false],
    ['DE', 'api.example.com', undefined, false],
    ['US', 'api.example.com', 'FR', true],
    ['US', 'api.example.com', 'US', false],
    ['US', 'api.example.com', undefined, true],
    ['US', 'www.example.com', 'FR', false],
  ])(
    'I5 a cluster in %s with a rule for %s keeps out a client from %s: %s',
    (cluster, hostname, client, refused) => {
      const residency = residencyOf(cluster, traffic('EU', [hostname]));
      const rule = residency === undefined ? undefined : refusingRule(residency, 'api.example.com', client);
      expect(rule !== undefined).toBe(refused);
    },
  );

  it('I5 lets unknown places in only when the rule allows it', () => {
    const residency = residencyOf('US', traffic('EU', ['*.example.com'], 'allow'));
    expect(residency?.rules[0]).toMatchObject({ region: 'EU', inside: false, hostnames: ['*.example.com'] });
    expect(residency && refusingRule(residency, 'api.example.com', undefined)).toBeUndefined();
    expect(residency && refusingRule(residency, 'api.example.com', 'NL')?.region).toBe('EU');
  });

  it('takes rules of GatewayPolicies as well, and leaves those of TrafficPolicies out when told', () => {
    const policy = stored('GatewayPolicy', 'p', {
      targetRefs: [{ kind: 'Gateway', name: 'web' }],
      rules: {
        residency: { fromTrafficPolicies: false, rules: [{ region: 'EEA', unknownLocation: 'allow' }] },
      },
    });
    const residency = residencyOf('US', traffic('EU', ['api.example.com']), policy);
    expect(residency?.rules.map(({ region, hostnames }) => [region, hostnames])).toEqual([['EEA', []]]);
    expect(residency && refusingRule(residency, 'any.example.org', 'NO')?.region).toBe('EEA');
  });
});
