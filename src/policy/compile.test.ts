import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../identity/canonical-json.ts';
import { regionTable } from '../routing/geography.ts';
import { compileGateways } from './compile.ts';
import { backendOf, clusterIn, compiled, gatewayOf, objectsOf, stored } from './testing/gateway-objects.ts';

const PARENT = { parentRefs: [{ name: 'web' }] };
const to = (name: string) => [{ name, port: 8080 }];

describe('compiling gateways', () => {
  it('gives a cluster nothing when it has no Gateway', () => {
    const { part, reports } = compiled(stored('HTTPRoute', 'r', PARENT));
    expect(part.ports).toEqual([]);
    expect(reports.routes).toEqual([]);
  });

  it('compiles the smallest gateway there is', () => {
    const { part, reports } = compiled(
      gatewayOf(),
      backendOf('orders'),
      stored('HTTPRoute', 'orders', { ...PARENT, rules: [{ backendRefs: to('orders') }] }),
    );
    expect(part.ports).toHaveLength(1);
    expect(part.ports[0]).toMatchObject({ port: 80, protocol: 'http' });
    expect(part.ports[0]?.listeners[0]?.hosts).toEqual([
      {
        matches: [
          { rule: 'HTTPRoute/shop/orders/0', path: { type: 'prefix', value: '/' }, headers: [], query: [] },
        ],
      },
    ]);
    expect(part.rules['HTTPRoute/shop/orders/0']).toMatchObject({
      source: { kind: 'HTTPRoute', name: 'shop/orders', sectionName: '0' },
      backends: [{ backend: 'shop/orders:8080', weight: 1, filters: [] }],
    });
    expect(part.backends['shop/orders:8080']?.endpoints).toEqual([
      { address: '10.0.0.1', port: 8080, weight: 1 },
    ]);
    expect(Object.keys(part.edge)).toHaveLength(1);
    expect(reports.gateways[0]?.listeners[0]).toMatchObject({ attachedRoutes: 1, served: true });
    expect(reports.routes[0]?.parents[0]?.findings.map((f) => [f.type, f.status])).toEqual([
      ['Accepted', true],
      ['ResolvedRefs', true],
    ]);
  });

  it('is the same octets for the same objects in any order', () => {
    const objects = [
      clusterIn('DE'),
      gatewayOf(),
      gatewayOf([{ name: 'a', port: 8080, protocol: 'HTTP' }], 'other'),
      backendOf('a'),
      backendOf('b'),
      ...['x', 'y', 'z'].map((name) =>
        stored('HTTPRoute', name, {
          parentRefs: [{ name: 'web' }, { name: 'other' }],
          hostnames: [`${name}.example.com`],
          rules: [{ backendRefs: to('a') }, { backendRefs: to('b') }],
        }),
      ),
      stored('AuthPolicy', 'p', {
        targetRefs: [{ kind: 'Gateway', name: 'web' }],
        rules: { authentication: { k: { apiKey: {} } } },
      }),
      stored('GatewayPolicy', 'g', {
        targetRefs: [{ kind: 'HTTPRoute', name: 'y' }],
        rules: { responseHeaders: { b: '1', a: '2' } },
      }),
    ];
    const one = compileGateways(objectsOf(...objects), 'shop/fra', { regions: regionTable() });
    const other = compileGateways(objectsOf(...objects.toReversed()), 'shop/fra', { regions: regionTable() });
    expect(canonicalJson(other.part)).toBe(canonicalJson(one.part));
    expect(canonicalJson(other.secretRefs)).toBe(canonicalJson(one.secretRefs));
    expect(Object.keys(one.part.rules)).toHaveLength(3 * 2 * 2);
    expect(one.secretRefs.peppers).toBe(true);
  });

  it('limits a Gateway to the clusters that its annotation names', () => {
    const limited = gatewayOf(undefined, 'web', { annotations: { 'portolan.dev/clusters': 'ams, lon' } });
    expect(compiled(clusterIn('DE', 'fra'), limited).part.ports).toEqual([]);
    expect(compiled(clusterIn('NL', 'ams'), limited).part.ports).toHaveLength(1);
  });

  it('leaves out endpoints of other clusters and of other service ports', () => {
    const backend = stored('Backend', 'b', {
      endpoints: [
        { address: '10.0.0.1', port: 1 },
        { address: '10.0.0.2', port: 2, cluster: 'fra' },
        { address: '10.0.0.3', port: 3, cluster: 'ams' },
        { address: '10.0.0.4', port: 4, servicePort: 9000 },
      ],
    });
    const { part } = compiled(
      gatewayOf(),
      backend,
      stored('HTTPRoute', 'r', { ...PARENT, rules: [{ backendRefs: to('b') }] }),
    );
    expect(part.backends['shop/b:8080']?.endpoints.map((e) => e.port)).toEqual([1, 2]);
  });

  it.each([
    ['a backend that is not there', [{ name: 'gone', port: 80 }], 'BackendNotFound'],
    ['a kind that is none', [{ kind: 'Pod', name: 'orders' }], 'InvalidKind'],
    ['a Service without port', [{ name: 'orders' }], 'BackendNotFound'],
    [
      'another namespace without grant',
      [{ name: 'orders', namespace: 'other', port: 80 }],
      'RefNotPermitted',
    ],
  ])('answers 500 for the share of %s and says so', (_, backendRefs, reason) => {
    const { part, reports } = compiled(
      gatewayOf(),
      backendOf('orders'),
      backendOf('orders', 'other'),
      stored('HTTPRoute', 'r', { ...PARENT, rules: [{ backendRefs: [...backendRefs, ...to('orders')] }] }),
    );
    expect(part.rules['HTTPRoute/shop/r/0']?.backends).toEqual([
      { weight: 1, filters: [] },
      { backend: 'shop/orders:8080', weight: 1, filters: [] },
    ]);
    expect(reports.routes[0]?.parents[0]?.findings).toContainEqual(
      expect.objectContaining({ type: 'ResolvedRefs', status: false, reason }),
    );
  });

  it('follows a reference to another namespace when a ReferenceGrant there allows it', () => {
    const grant = (to: object) =>
      stored(
        'ReferenceGrant',
        'g',
        { from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' }], to: [to] },
        { namespace: 'other' },
      );
    const route = stored('HTTPRoute', 'r', {
      ...PARENT,
      rules: [{ backendRefs: [{ name: 'orders', namespace: 'other', port: 80 }] }],
    });
    const backends = (to: object) =>
      compiled(gatewayOf(), backendOf('orders', 'other'), grant(to), route).part.rules['HTTPRoute/shop/r/0']
        ?.backends[0]?.backend;
    expect(backends({ group: '', kind: 'Service' })).toBe('other/orders:80');
    expect(backends({ group: '', kind: 'Service', name: 'orders' })).toBe('other/orders:80');
    expect(backends({ group: '', kind: 'Service', name: 'billing' })).toBeUndefined();
    expect(backends({ group: '', kind: 'Secret' })).toBeUndefined();
  });

  it('compiles every filter', () => {
    const { part } = compiled(
      gatewayOf(),
      backendOf('b'),
      backendOf('copy'),
      stored('CallerRouting', 'partners', {
        rules: [{ when: "'partner' in auth.roles", backendRefs: to('copy') }],
      }),
      stored('HTTPRoute', 'r', {
        ...PARENT,
        rules: [
          {
            filters: [
              {
                type: 'RequestHeaderModifier',
                requestHeaderModifier: { set: [{ name: 'X-A', value: '1' }], remove: ['X-B'] },
              },
              {
                type: 'ResponseHeaderModifier',
                responseHeaderModifier: { add: [{ name: 'X-C', value: '2' }] },
              },
              {
                type: 'URLRewrite',
                urlRewrite: {
                  hostname: 'in.example.com',
                  path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/v2' },
                },
              },
              {
                type: 'RequestMirror',
                requestMirror: {
                  backendRef: { name: 'copy', port: 8080 },
                  fraction: { numerator: 1, denominator: 4 },
                },
              },
              { type: 'RequestMirror', requestMirror: { backendRef: { name: 'copy', port: 8080 } } },
              { type: 'CORS', cors: { allowOrigins: ['https://*.example.com'], allowCredentials: true } },
              {
                type: 'ExtensionRef',
                extensionRef: { group: 'portolan.dev', kind: 'CallerRouting', name: 'partners' },
              },
            ],
            backendRefs: to('b'),
            timeouts: { request: '10s', backendRequest: '0s' },
            retry: { attempts: 2, codes: [503], backoff: '100ms' },
            sessionPersistence: { sessionName: 's', absoluteTimeout: '1h' },
          },
          { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 308 } }] },
        ],
      }),
    );
    expect(part.rules['HTTPRoute/shop/r/0']).toMatchObject({
      filters: [
        { type: 'requestHeaders', changes: { set: [['X-A', '1']], add: [], remove: ['X-B'] } },
        { type: 'responseHeaders', changes: { set: [], add: [['X-C', '2']], remove: [] } },
        { type: 'rewrite', hostname: 'in.example.com', path: { type: 'prefix', value: '/v2' } },
        { type: 'mirror', backend: 'shop/copy:8080', fraction: 0.25 },
        { type: 'mirror', backend: 'shop/copy:8080', fraction: 1 },
        {
          type: 'cors',
          cors: { allowOrigins: ['https://*.example.com'], allowCredentials: true, maxAgeSeconds: 5 },
        },
      ],
      callers: [
        {
          when: "'partner' in auth.roles",
          backends: [{ backend: 'shop/copy:8080', weight: 1, filters: [] }],
        },
      ],
      timeouts: { requestMs: 10_000 },
      retry: {
        attempts: 2,
        codes: [503],
        backoffMs: 100,
        budget: { percent: 20, intervalMs: 10_000, minPerSecond: 10 },
      },
      sessionPersistence: { type: 'cookie', name: 's', lifetime: 'session', absoluteTimeoutMs: 3_600_000 },
    });
    expect(part.rules['HTTPRoute/shop/r/1']).toMatchObject({
      filters: [{ type: 'redirect', scheme: 'https', statusCode: 308 }],
      timeouts: { headMs: 60_000 },
    });
  });

  it.each([
    [
      'a filter that leads nowhere',
      [
        {
          type: 'ExtensionRef',
          extensionRef: { group: 'portolan.dev', kind: 'CallerRouting', name: 'gone' },
        },
      ],
      {},
      'UnsupportedValue',
    ],
    [
      'rewrite and redirect together',
      [
        { type: 'URLRewrite', urlRewrite: {} },
        { type: 'RequestRedirect', requestRedirect: {} },
      ],
      {},
      'IncompatibleFilters',
    ],
    [
      'a prefix to replace without a prefix match',
      [{ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } } }],
      { matches: [{ path: { type: 'Exact', value: '/a' } }] },
      'UnsupportedValue',
    ],
  ])('gives 500 to a rule with %s, and keeps the others', (_, filters, more, reason) => {
    const { part, reports } = compiled(
      gatewayOf(),
      backendOf('b'),
      stored('HTTPRoute', 'r', {
        ...PARENT,
        rules: [{ filters, backendRefs: to('b'), ...more }, { backendRefs: to('b') }],
      }),
    );
    expect(part.rules['HTTPRoute/shop/r/0']).toMatchObject({
      backends: [],
      filters: expect.not.arrayContaining([expect.objectContaining({ type: 'redirect' })]) as unknown,
    });
    expect(part.rules['HTTPRoute/shop/r/1']?.backends).toHaveLength(1);
    expect(reports.routes[0]?.parents[0]?.findings).toContainEqual(
      expect.objectContaining({ type: 'PartiallyInvalid', status: true, reason }),
    );
  });

  it.each([301, 302, 303, 307, 308])('compiles redirects with status %i', (statusCode) => {
    const filters = [
      {
        type: 'RequestRedirect',
        requestRedirect: {
          statusCode,
          hostname: 'b.com',
          port: 8443,
          path: { type: 'ReplaceFullPath', replaceFullPath: '/x' },
        },
      },
    ];
    const { part } = compiled(gatewayOf(), stored('HTTPRoute', 'r', { ...PARENT, rules: [{ filters }] }));
    expect(part.rules['HTTPRoute/shop/r/0']?.filters).toEqual([
      { type: 'redirect', hostname: 'b.com', port: 8443, path: { type: 'full', value: '/x' }, statusCode },
    ]);
  });

  it('compiles the filters of one backend', () => {
    const filters = [
      { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'X-A', value: '1' }] } },
      { type: 'URLRewrite', urlRewrite: { hostname: 'in.example.com' } },
    ];
    const redirect = [{ type: 'RequestRedirect', requestRedirect: { hostname: 'b.com' } }];
    const { part } = compiled(
      gatewayOf(),
      backendOf('b'),
      stored('HTTPRoute', 'r', {
        ...PARENT,
        rules: [
          {
            backendRefs: [
              { name: 'b', port: 80, filters },
              { name: 'b', port: 80, weight: 3, filters: redirect },
            ],
          },
        ],
      }),
    );
    expect(part.rules['HTTPRoute/shop/r/0']?.backends).toEqual([
      {
        backend: 'shop/b:80',
        weight: 1,
        filters: [
          { type: 'requestHeaders', changes: { set: [['X-A', '1']], add: [], remove: [] } },
          { type: 'rewrite', hostname: 'in.example.com' },
        ],
      },
      {
        backend: 'shop/b:80',
        weight: 3,
        filters: [{ type: 'redirect', hostname: 'b.com', statusCode: 302 }],
      },
    ]);
  });

  it('names rules of both kinds', () => {
    const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['X-A'] } }];
    const { part, reports } = compiled(
      gatewayOf(),
      stored('HTTPRoute', 'h', { ...PARENT, hostnames: ['h.com'], rules: [{ name: 'read' }, {}] }),
      stored('GRPCRoute', 'g', { ...PARENT, hostnames: ['g.com'], rules: [{ name: 'call', filters }] }),
    );
    expect(reports.routes.flatMap(({ rules }) => rules.map(({ rule }) => rule))).toEqual([
      'read',
      '1',
      'call',
    ]);
    expect(part.rules['GRPCRoute/shop/g/0']).toMatchObject({
      source: { kind: 'GRPCRoute', sectionName: 'call' },
      filters: [{ type: 'requestHeaders', changes: { remove: ['X-A'] } }],
    });
  });

  it('speaks HTTP/2 to backends of a GRPCRoute, whatever the Backend says', () => {
    const { part } = compiled(
      gatewayOf(),
      backendOf('b'),
      stored('HTTPRoute', 'h', {
        ...PARENT,
        hostnames: ['h.example.com'],
        rules: [{ backendRefs: to('b') }],
      }),
      stored('GRPCRoute', 'g', {
        ...PARENT,
        hostnames: ['g.example.com'],
        rules: [{ backendRefs: to('b') }],
      }),
    );
    expect(part.backends['shop/b:8080']?.protocol).toBe('http/1.1');
    expect(part.rules['GRPCRoute/shop/g/0']?.backends[0]?.backend).toBe('shop/b:8080+h2');
    expect(part.backends['shop/b:8080+h2']?.protocol).toBe('h2');
  });

  it('does thousands of routes in the blink of an eye, more so when one of them changed', () => {
    const backend = backendOf('b');
    const route = (i: number, name = 'a') =>
      stored('HTTPRoute', `r${i}`, {
        ...PARENT,
        hostnames: [`h${i}.example.com`],
        rules: [
          {
            matches: [{ path: { value: '/v1' } }, { path: { value: `/${name}` }, method: 'GET' }],
            backendRefs: to('b'),
          },
          { backendRefs: to('b') },
        ],
      });
    const routes = Array.from({ length: 5000 }, (_, i) => route(i));
    const policy = stored('AuthPolicy', 'p', {
      targetRefs: [{ kind: 'Gateway', name: 'web' }],
      rules: { authentication: { k: { apiKey: {} } } },
    });
    const [cluster, gateway, regions] = [clusterIn('DE'), gatewayOf(), regionTable()];
    const world = (list: typeof routes) => objectsOf(cluster, gateway, backend, policy, ...list);
    let last: ReturnType<typeof compileGateways> | undefined;
    // Time of the processor, so that other work on the machine does not count.
    const timed = (objects: ReturnType<typeof world>): number => {
      const started = process.cpuUsage();
      last = compileGateways(objects, 'shop/fra', { regions, before: last });
      const { user, system } = process.cpuUsage(started);
      expect(Object.keys(last.part.rules)).toHaveLength(10_000);
      return (user + system) / 1000;
    };
    const cold = timed(world(routes));
    const changed = Math.min(
      ...[0, 1, 2, 3].map((i) => timed(world(routes.toSpliced(i, 1, route(i, 'changed'))))),
    );
    process.stdout.write(`5,000 HTTPRoutes: ${cold.toFixed(0)} ms; one changed: ${changed.toFixed(0)} ms\n`);
    // The bounds only catch a change of kind; the figures are printed.
    expect(cold).toBeLessThan(5000);
    expect(changed).toBeLessThan(cold / 3);
  });
});
