import type { Kind } from '../../../src/resources/catalogue.ts';

/** Hosts of the table are one label below it. */
export const DOMAIN = 'gw.example';
const GATEWAY_API = 'gateway.networking.k8s.io/v1';

/** One object as people write it. */
export interface Document {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: { readonly name: string };
  readonly spec: object;
}

const gatewayApi = (kind: Kind, name: string, spec: object): Document => ({
  apiVersion: GATEWAY_API,
  kind,
  metadata: { name },
  spec,
});
const own = (kind: Kind, name: string, spec: object): Document => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});

const parentRefs = [{ name: 'public' }];
const ref = (name: string) => ({ group: 'portolan.dev', kind: 'Backend', name });
const to = (name: string, weight = 1) => ({ ...ref(name), weight });
const A = { backendRefs: [to('a')] };
const RPC_A = { backendRefs: [to('rpc-a')] };
/** Tells the backend which rule it was. */
const named = (rule: string) => ({
  type: 'RequestHeaderModifier',
  requestHeaderModifier: { set: [{ name: 'x-rule', value: rule }] },
});
const web = (host: string, ...rules: readonly object[]) =>
  gatewayApi('HTTPRoute', host, { parentRefs, hostnames: [`${host}.${DOMAIN}`], rules });
const rpc = (host: string, ...rules: readonly object[]) =>
  gatewayApi('GRPCRoute', host, { parentRefs, hostnames: [`rpc-${host}.${DOMAIN}`], rules });
/** Of the two routes of a host. */
const targets = (host: string) => ({
  targetRefs: ['HTTPRoute', 'GRPCRoute'].map((kind) => ({ kind, name: host })),
});
const under = (value: string, ...filters: readonly object[]) => ({
  matches: [{ path: { type: 'PathPrefix', value } }],
  filters,
  ...A,
});
const redirect = (path: string, requestRedirect: object) => ({
  matches: [{ path: { type: 'PathPrefix', value: path } }],
  filters: [{ type: 'RequestRedirect', requestRedirect }],
});
const rewrite = (path: string, urlRewrite: object) => under(path, { type: 'URLRewrite', urlRewrite });
const when = (rule: string, match: object) => ({ matches: [match], filters: [named(rule)], ...A });
const call = (rule: string, match: object) => ({ matches: [match], filters: [named(rule)], ...RPC_A });
const path = (type: string, value: string) => ({ path: { type, value } });

const CHANGES = [
  {
    type: 'RequestHeaderModifier',
    requestHeaderModifier: {
      set: [{ name: 'X-Set', value: 'ours' }],
      add: [{ name: 'X-Add', value: 'two' }],
      remove: ['X-Gone'],
    },
  },
  {
    type: 'ResponseHeaderModifier',
    responseHeaderModifier: { set: [{ name: 'X-Out', value: 'set' }], remove: ['x-backend-secret'] },
  },
];
const SESSION = { sessionPersistence: { sessionName: 'sid', type: 'Cookie' } };

/** Everything that the table asks for, applied once; the same for every column. */
export function documentsOf(
  ports: Readonly<Record<string, number>>,
  tls: { readonly certificatePem: string; readonly keyPem: string },
): readonly Document[] {
  const endpoint = (name: string) => ({ address: '127.0.0.1', port: ports[name] ?? 0 });
  const calm = { outlierEjection: { consecutiveFailures: 1000 } };
  return [
    own('Secret', 'tls', { stringData: { 'tls.crt': tls.certificatePem, 'tls.key': tls.keyPem } }),
    gatewayApi('Gateway', 'public', {
      gatewayClassName: 'portolan',
      listeners: [
        { name: 'http', port: 80, protocol: 'HTTP' },
        {
          name: 'https',
          port: 443,
          protocol: 'HTTPS',
          hostname: `*.${DOMAIN}`,
          tls: { certificateRefs: [{ name: 'tls' }] },
        },
      ],
    }),
    ...['a', 'b', 'mirror'].map((name) => own('Backend', name, { endpoints: [endpoint(name)], ...calm })),
    ...['rpc-a', 'rpc-b', 'rpc-mirror'].map((name) =>
      own('Backend', name, { endpoints: [endpoint(name)], protocol: 'h2', ...calm }),
    ),
    own('Backend', 'both', { endpoints: [endpoint('a'), endpoint('b')], ...calm }),
    own('Backend', 'rpc-both', {
      endpoints: [endpoint('rpc-a'), endpoint('rpc-b')],
      protocol: 'h2',
      ...calm,
    }),
    // Port 1 of loopback refuses.
    own('Backend', 'down', { endpoints: [{ address: '127.0.0.1', port: 1 }], ...calm }),

    web('plain', A),
    rpc('plain', RPC_A),
    web(
      'match',
      when('any', path('PathPrefix', '/')),
      when('prefix', path('PathPrefix', '/prefix')),
      when('longer', path('PathPrefix', '/prefix/longer')),
      when('exact', path('Exact', '/prefix/longer/exact')),
      when('regex', path('RegularExpression', '/re/[0-9]+')),
      when('post', { ...path('PathPrefix', '/'), method: 'POST' }),
      when('header', { ...path('PathPrefix', '/'), headers: [{ name: 'X-Version', value: 'two' }] }),
      when('header-regex', {
        ...path('PathPrefix', '/'),
        headers: [{ type: 'RegularExpression', name: 'X-Version', value: 'v[3-5]' }],
      }),
      when('headers', {
        ...path('PathPrefix', '/'),
        headers: [
          { name: 'X-Version', value: 'two' },
          { name: 'X-Team', value: 'red' },
        ],
      }),
      when('query', { ...path('PathPrefix', '/'), queryParams: [{ name: 'animal', value: 'whale' }] }),
    ),
    rpc(
      'match',
      call('any', { headers: [{ name: 'x-any', value: '1' }] }),
      call('service', { method: { service: 't.Echo' } }),
      call('method', { method: { service: 't.Echo', method: 'Exact' } }),
      call('regex', { method: { type: 'RegularExpression', service: 't\\.R.*', method: 'Get.+' } }),
      call('header', { method: { service: 't.Echo' }, headers: [{ name: 'X-Version', value: 'two' }] }),
    ),
    web('changes', { filters: CHANGES, ...A }),
    rpc('changes', { filters: CHANGES, ...RPC_A }),
    web(
      'redirect',
      redirect('/host', { hostname: 'other.example', statusCode: 301 }),
      redirect('/scheme', { scheme: 'https', port: 8443 }),
      redirect('/prefix', {
        path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' },
        statusCode: 308,
      }),
      redirect('/full', { path: { type: 'ReplaceFullPath', replaceFullPath: '/whole' }, statusCode: 307 }),
    ),
    web(
      'rewrite',
      rewrite('/prefix', { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } }),
      rewrite('/strip', { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } }),
      rewrite('/full', {
        hostname: 'inner.example',
        path: { type: 'ReplaceFullPath', replaceFullPath: '/whole' },
      }),
    ),
    web('mirror', {
      filters: [{ type: 'RequestMirror', requestMirror: { backendRef: ref('mirror') } }],
      ...A,
    }),
    rpc('mirror', {
      filters: [{ type: 'RequestMirror', requestMirror: { backendRef: ref('rpc-mirror') } }],
      ...RPC_A,
    }),
    web('cors', {
      filters: [
        {
          type: 'CORS',
          cors: {
            allowOrigins: ['https://*.example.com'],
            allowMethods: ['GET', 'PUT'],
            allowHeaders: ['X-Mine'],
            exposeHeaders: ['X-Out'],
            allowCredentials: true,
            maxAge: 60,
          },
        },
      ],
      ...A,
    }),
    web('weights', { backendRefs: [to('a', 3), to('b', 1), to('down', 0)] }),
    rpc('weights', { backendRefs: [to('rpc-a', 3), to('rpc-b', 1), to('down', 0)] }),
    web('timeouts', { timeouts: { request: '300ms' }, ...A }),
    web('retries', { retry: { codes: [503], attempts: 2, backoff: '5ms' }, ...A }),
    web('session', { ...SESSION, backendRefs: [to('both')] }),
    rpc('session', { ...SESSION, backendRefs: [to('rpc-both')] }),
    web('callers', {
      filters: [
        { type: 'ExtensionRef', extensionRef: { group: 'portolan.dev', kind: 'CallerRouting', name: 'web' } },
      ],
      ...A,
    }),
    rpc('callers', {
      filters: [
        { type: 'ExtensionRef', extensionRef: { group: 'portolan.dev', kind: 'CallerRouting', name: 'rpc' } },
      ],
      ...RPC_A,
    }),
    ...(['web', 'rpc'] as const).map((name) =>
      own('CallerRouting', name, {
        rules: [
          {
            when: "request.headers['x-team'] == 'partner'",
            backendRefs: [to(name === 'web' ? 'b' : 'rpc-b')],
          },
        ],
      }),
    ),
    web(
      'broken',
      { matches: [path('PathPrefix', '/down')], backendRefs: [to('down')] },
      { matches: [path('PathPrefix', '/none')], backendRefs: [to('nobody')] },
    ),
    rpc(
      'broken',
      { matches: [{ method: { service: 't.Down' } }], backendRefs: [to('down')] },
      { matches: [{ method: { service: 't.None' } }], backendRefs: [to('nobody')] },
    ),

    web('auth', A),
    rpc('auth', RPC_A),
    own('AuthPolicy', 'auth', {
      ...targets('auth'),
      rules: {
        authentication: { key: { apiKey: {} } },
        authorization: { reports: { cel: { expressions: ["!('x-report' in request.headers)"] } } },
        response: { headers: { 'X-User': 'auth.principal' } },
      },
    }),
    web('shaped', A),
    rpc('shaped', RPC_A),
    own('AuthPolicy', 'shaped', {
      ...targets('shaped'),
      rules: {
        authentication: { key: { apiKey: {} } },
        response: {
          unauthenticated: {
            status: 418,
            headers: { 'x-login': 'https://login.example.com' },
            body: "'who are you, ' + request.host + '?'",
          },
        },
      },
    }),
    web('limits', A),
    rpc('limits', RPC_A),
    own('GatewayPolicy', 'limits', {
      ...targets('limits'),
      rules: {
        limits: { maxBodyBytes: 1000 },
        responseHeaders: { 'X-Frame-Options': 'DENY', 'X-Backend-Secret': null },
      },
    }),
    web('rates', A),
    rpc('rates', RPC_A),
    own('RateLimitPolicy', 'rates', {
      ...targets('rates'),
      rules: {
        limits: {
          nobody: {
            when: ["'x-limited' in request.headers"],
            rates: [{ limit: 0, window: '1m' }],
            wait: '0s',
          },
          plenty: { rates: [{ limit: 1_000_000, window: '24h' }], wait: '5s' },
        },
      },
    }),
    web('streams', A),
    rpc('streams', RPC_A),
    own('GatewayPolicy', 'streams', {
      ...targets('streams'),
      rules: { limits: { maxBodyBytes: 1_000_000_000 } },
    }),
    web('residency', A),
    rpc('residency', RPC_A),
    own('GatewayPolicy', 'residency', {
      ...targets('residency'),
      rules: { residency: { rules: [{ region: 'EU', unknownLocation: 'restrict' }] } },
    }),
  ];
}
