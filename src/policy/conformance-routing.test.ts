import { describe, expect, it } from 'vitest';
import { type Asked, firstMatch } from './testing/first-match.ts';
import { compiled, gatewayOf, type Stored, stored } from './testing/gateway-objects.ts';

/*
 * What the conformance suite of the Gateway API (kubernetes-sigs/gateway-api, conformance/tests) demands of routing, by the names of its
 * tests. Its backends v1, v2 and v3 are Backends here; null is its 404.
 */
const BACKENDS = ['v1', 'v2', 'v3'].map((name) =>
  stored('Backend', name, { endpoints: [{ address: '10.0.0.1', port: 8080 }] }),
);
const to = (name: string) => ({ backendRefs: [{ name, port: 8080 }] });
const path = (type: string, value: string) => ({ path: { type, value } });
const prefix = (value: string) => path('PathPrefix', value);
const exact = (value: string) => path('Exact', value);
const header = (name: string, value: string) => ({ name, value });
const headers = (...all: ReturnType<typeof header>[]) => ({ headers: all });
const query = (...all: ReturnType<typeof header>[]) => ({ queryParams: all });
const rule = (backend: string, ...matches: object[]) => ({ matches, ...to(backend) });
const PARENT = [{ name: 'web' }];

interface Scenario {
  readonly gateway?: Stored;
  readonly routes: readonly Stored[];
  /** Request → the backend that answers. */
  readonly requests: readonly (readonly [Partial<Asked> & { readonly path: string }, string | null])[];
}
const http = (name: string, spec: object, metadata = {}) =>
  stored('HTTPRoute', name, { parentRefs: PARENT, ...spec }, metadata);
const grpc = (name: string, spec: object, metadata = {}) =>
  stored('GRPCRoute', name, { parentRefs: PARENT, ...spec }, metadata);
const listener = (name: string, port: number, hostname?: string) => ({
  name,
  port,
  protocol: 'HTTP',
  ...(hostname === undefined ? {} : { hostname }),
});

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  HTTPRouteMatching: {
    routes: [
      http('matching', {
        rules: [
          rule('v1', prefix('/'), headers(header('version', 'one'))),
          rule('v2', prefix('/v2'), headers(header('version', 'two'))),
        ],
      }),
    ],
    requests: [
      [{ path: '/' }, 'v1'],
      [{ path: '/example' }, 'v1'],
      [{ path: '/', headers: { version: 'one' } }, 'v1'],
      [{ path: '/v2' }, 'v2'],
      [{ path: '/v2/example' }, 'v2'],
      [{ path: '/', headers: { version: 'two' } }, 'v2'],
      [{ path: '/v2/' }, 'v2'],
      [{ path: '/v2example' }, 'v1'],
      [{ path: '/foo/v2/example' }, 'v1'],
    ],
  },
  HTTPRouteMatchingAcrossRoutes: {
    routes: [
      http('part1', {
        hostnames: ['example.com', 'example.net'],
        rules: [rule('v1', prefix('/'), headers(header('version', 'one')))],
      }),
      http('part2', {
        hostnames: ['example.com'],
        rules: [rule('v2', prefix('/v2'), headers(header('version', 'two')))],
      }),
    ],
    requests: [
      [{ host: 'example.com', path: '/' }, 'v1'],
      [{ host: 'example.com', path: '/example' }, 'v1'],
      [{ host: 'example.net', path: '/example' }, 'v1'],
      [{ host: 'example.com', path: '/example', headers: { version: 'one' } }, 'v1'],
      [{ host: 'example.com', path: '/v2' }, 'v2'],
      [{ host: 'example.net', path: '/v2' }, 'v1'],
      [{ host: 'example.com', path: '/v2/example' }, 'v2'],
      [{ host: 'example.com', path: '/', headers: { version: 'two' } }, 'v2'],
    ],
  },
  HTTPRouteExactPathMatching: {
    routes: [http('exact', { rules: [rule('v1', exact('/one')), rule('v2', exact('/two'))] })],
    requests: [
      [{ path: '/one' }, 'v1'],
      [{ path: '/two' }, 'v2'],
      [{ path: '/' }, null],
      [{ path: '/one/example' }, null],
      [{ path: '/two/' }, null],
      [{ path: '/Two' }, null],
    ],
  },
  HTTPRoutePathMatchOrder: {
    routes: [
      http('order', {
        rules: [
          rule('v1', exact('/match')),
          rule('v2', exact('/match/exact')),
          rule('v3', exact('/match/exact/one')),
          rule('v3', prefix('/match/')),
          rule('v1', prefix('/match/prefix/')),
          rule('v2', prefix('/match/prefix/one')),
        ],
      }),
    ],
    requests: [
      [{ path: '/match/exact/one' }, 'v3'],
      [{ path: '/match/exact' }, 'v2'],
      [{ path: '/match' }, 'v1'],
      [{ path: '/match/prefix/one/any' }, 'v2'],
      [{ path: '/match/prefix/any' }, 'v1'],
      [{ path: '/match/any' }, 'v3'],
    ],
  },
  HTTPRouteHeaderMatching: {
    routes: [
      http('headers', {
        rules: [
          rule('v1', headers(header('version', 'one'))),
          rule('v2', headers(header('version', 'two'))),
          rule('v1', headers(header('version', 'two'), header('color', 'orange'))),
          rule('v1', headers(header('color', 'blue')), headers(header('color', 'green'))),
          rule('v2', headers(header('color', 'red')), headers(header('color', 'yellow'))),
        ],
      }),
    ],
    requests: [
      [{ path: '/', headers: { version: 'one' } }, 'v1'],
      [{ path: '/', headers: { version: 'two' } }, 'v2'],
      [{ path: '/', headers: { version: 'two', color: 'orange' } }, 'v1'],
      [{ path: '/', headers: { version: 'two', color: 'blue' } }, 'v2'],
      [{ path: '/', headers: { color: 'orange' } }, null],
      [{ path: '/', headers: { 'some-other-header': 'one' } }, null],
      [{ path: '/', headers: { color: 'blue' } }, 'v1'],
      [{ path: '/', headers: { color: 'green' } }, 'v1'],
      [{ path: '/', headers: { color: 'red' } }, 'v2'],
      [{ path: '/', headers: { color: 'yellow' } }, 'v2'],
      [{ path: '/', headers: { color: 'purple' } }, null],
    ],
  },
  HTTPRouteQueryParamMatching: {
    routes: [
      http('query', {
        rules: [
          rule('v1', query(header('animal', 'whale'))),
          rule('v2', query(header('animal', 'dolphin'))),
          rule(
            'v3',
            query(header('animal', 'dolphin'), header('color', 'blue')),
            query(header('ANIMAL', 'Whale')),
          ),
          rule('v1', { ...prefix('/path1'), ...query(header('animal', 'whale')) }),
          rule('v2', { ...headers(header('version', 'one')), ...query(header('animal', 'whale')) }),
          rule('v3', {
            ...prefix('/path2'),
            ...headers(header('version', 'two')),
            ...query(header('animal', 'whale')),
          }),
          rule('v1', prefix('/path5')),
          rule('v2', query(header('animal', 'hydra'))),
          rule('v3', headers(header('version', 'four'))),
        ],
      }),
    ],
    requests: [
      [{ path: '/', query: { animal: 'whale' } }, 'v1'],
      [{ path: '/', query: { animal: 'dolphin' } }, 'v2'],
      [{ path: '/', query: { animal: 'dolphin', color: 'blue' } }, 'v3'],
      [{ path: '/', query: { ANIMAL: 'Whale' } }, 'v3'],
      [{ path: '/', query: { animal: 'whale', other: 'x' } }, 'v1'],
      [{ path: '/', query: { animal: 'dolphin', color: 'yellow' } }, 'v2'],
      [{ path: '/', query: { color: 'blue' } }, null],
      [{ path: '/', query: { animal: 'dog' } }, null],
      [{ path: '/', query: { animal: 'whaledolphin' } }, null],
      [{ path: '/' }, null],
      [{ path: '/path1', query: { animal: 'whale' } }, 'v1'],
      [{ path: '/', headers: { version: 'one' }, query: { animal: 'whale' } }, 'v2'],
      [{ path: '/path2', headers: { version: 'two' }, query: { animal: 'whale' } }, 'v3'],
      [{ path: '/path5', query: { animal: 'hydra' } }, 'v1'],
      [{ path: '/', headers: { version: 'four' }, query: { animal: 'hydra' } }, 'v3'],
    ],
  },
  HTTPRouteMethodMatching: {
    routes: [
      http('methods', {
        rules: [
          rule('v1', { method: 'POST' }),
          rule('v2', { method: 'GET' }),
          rule('v1', { ...prefix('/path1'), method: 'GET' }),
          rule('v2', { ...headers(header('version', 'one')), method: 'PUT' }),
          rule('v3', { ...prefix('/path2'), ...headers(header('version', 'two')), method: 'POST' }),
          rule('v1', { ...prefix('/path3'), method: 'PATCH' }),
          rule('v1', prefix('/path5')),
          rule('v2', { method: 'PATCH' }),
          rule('v3', headers(header('version', 'four'))),
        ],
      }),
    ],
    requests: [
      [{ path: '/', method: 'POST' }, 'v1'],
      [{ path: '/', method: 'GET' }, 'v2'],
      [{ path: '/', method: 'HEAD' }, null],
      [{ path: '/path1', method: 'GET' }, 'v1'],
      [{ path: '/', method: 'PUT', headers: { version: 'one' } }, 'v2'],
      [{ path: '/path2', method: 'POST', headers: { version: 'two' } }, 'v3'],
      [{ path: '/path3', method: 'PATCH' }, 'v1'],
      [{ path: '/', method: 'PUT' }, null],
      [{ path: '/path5', method: 'PATCH' }, 'v1'],
      [{ path: '/', method: 'PATCH', headers: { version: 'four' } }, 'v2'],
    ],
  },
  HTTPRouteListenerHostnameMatching: {
    gateway: gatewayOf([
      listener('l1', 80, 'bar.com'),
      listener('l2', 80, 'foo.bar.com'),
      listener('l3', 80, '*.bar.com'),
      listener('l4', 80, '*.foo.com'),
    ]),
    routes: [
      http('r1', { parentRefs: [{ name: 'web', sectionName: 'l1' }], rules: [to('v1')] }),
      http('r2', { parentRefs: [{ name: 'web', sectionName: 'l2' }], rules: [to('v2')] }),
      http('r3', {
        parentRefs: [
          { name: 'web', sectionName: 'l3' },
          { name: 'web', sectionName: 'l4' },
        ],
        rules: [to('v3')],
      }),
    ],
    requests: [
      [{ host: 'bar.com', path: '/' }, 'v1'],
      [{ host: 'foo.bar.com', path: '/' }, 'v2'],
      [{ host: 'baz.bar.com', path: '/' }, 'v3'],
      [{ host: 'multiple.prefixes.bar.com', path: '/' }, 'v3'],
      [{ host: 'multiple.prefixes.foo.com', path: '/' }, 'v3'],
      [{ host: 'foo.com', path: '/' }, null],
      [{ host: 'no.matching.host', path: '/' }, null],
    ],
  },
  HTTPRouteHostnameIntersection: {
    gateway: gatewayOf([
      listener('l1', 80, 'very.specific.com'),
      listener('l2', 80, '*.wildcard.io'),
      listener('l3', 80, '*.anotherwildcard.io'),
    ]),
    routes: [
      http('s1', {
        hostnames: ['non.matching.com', '*.nonmatchingwildcard.io', 'very.specific.com'],
        rules: [rule('v1', prefix('/s1'))],
      }),
      http('s2', {
        hostnames: [
          'non.matching.com',
          'wildcard.io',
          'foo.wildcard.io',
          'bar.wildcard.io',
          'foo.bar.wildcard.io',
        ],
        rules: [rule('v2', prefix('/s2'))],
      }),
      http('s3', { hostnames: ['non.matching.com', '*.specific.com'], rules: [rule('v3', prefix('/s3'))] }),
      http('s4', { hostnames: ['*.anotherwildcard.io'], rules: [rule('v1', prefix('/s4'))] }),
      http('s5', {
        hostnames: ['specific.but.wrong.com', 'wildcard.io'],
        rules: [rule('v2', prefix('/s5'))],
      }),
    ],
    requests: [
      [{ host: 'very.specific.com', path: '/s1' }, 'v1'],
      [{ host: 'non.matching.com', path: '/s1' }, null],
      [{ host: 'foo.nonmatchingwildcard.io', path: '/s1' }, null],
      [{ host: 'foo.wildcard.io', path: '/s1' }, null],
      [{ host: 'very.specific.com', path: '/non-matching-prefix' }, null],
      [{ host: 'foo.wildcard.io', path: '/s2' }, 'v2'],
      [{ host: 'bar.wildcard.io', path: '/s2' }, 'v2'],
      [{ host: 'foo.bar.wildcard.io', path: '/s2' }, 'v2'],
      [{ host: 'wildcard.io', path: '/s2' }, null],
      [{ host: 'very.specific.com', path: '/s2' }, null],
      [{ host: 'very.specific.com', path: '/s3' }, 'v3'],
      [{ host: 'foo.specific.com', path: '/s3' }, null],
      [{ host: 'foo.anotherwildcard.io', path: '/s4' }, 'v1'],
      [{ host: 'foo.bar.anotherwildcard.io', path: '/s4' }, 'v1'],
      [{ host: 'anotherwildcard.io', path: '/s4' }, null],
      [{ host: 'specific.but.wrong.com', path: '/s5' }, null],
      [{ host: 'wildcard.io', path: '/s5' }, null],
    ],
  },
  HTTPRouteListenerPortMatching: {
    gateway: gatewayOf([
      listener('l1', 80, 'foo.com'),
      listener('l2', 8080, 'foo.com'),
      listener('l3', 8080, 'bar.com'),
    ]),
    routes: [
      http('r1', { parentRefs: [{ name: 'web', port: 80 }], rules: [to('v1')] }),
      http('r2', { parentRefs: [{ name: 'web', port: 8080 }], rules: [to('v2')] }),
    ],
    requests: [
      [{ host: 'foo.com', path: '/' }, 'v1'],
      [{ host: 'bar.com', path: '/' }, null],
      [{ port: 8080, host: 'foo.com', path: '/' }, 'v2'],
      [{ port: 8080, host: 'bar.com', path: '/' }, 'v2'],
    ],
  },
  GatewayHTTPListenerIsolation: {
    gateway: gatewayOf([
      listener('empty', 80),
      listener('wide', 80, '*.example.com'),
      listener('narrow', 80, '*.foo.example.com'),
      listener('name', 80, 'abc.foo.example.com'),
    ]),
    routes: ['empty', 'wide', 'narrow', 'name'].map((section, i) =>
      http(section, {
        parentRefs: [{ name: 'web', sectionName: section }],
        rules: [rule(`v${Math.min(i + 1, 3)}`, prefix(`/${section}`))],
      }),
    ),
    requests: [
      [{ host: 'bar.com', path: '/empty' }, 'v1'],
      [{ host: 'bar.com', path: '/wide' }, null],
      [{ host: 'bar.example.com', path: '/wide' }, 'v2'],
      [{ host: 'bar.example.com', path: '/empty' }, null],
      [{ host: 'bar.foo.example.com', path: '/narrow' }, 'v3'],
      [{ host: 'bar.foo.example.com', path: '/wide' }, null],
      [{ host: 'abc.foo.example.com', path: '/name' }, 'v3'],
      [{ host: 'abc.foo.example.com', path: '/narrow' }, null],
    ],
  },
  GRPCExactMethodMatching: {
    routes: [
      grpc('exact', {
        rules: [
          rule('v1', { method: { service: 'echo.Echo', method: 'Echo' } }),
          rule('v2', { method: { service: 'echo.Echo', method: 'EchoTwo' } }),
        ],
      }),
    ],
    requests: [
      [{ path: '/echo.Echo/Echo', method: 'POST' }, 'v1'],
      [{ path: '/echo.Echo/EchoTwo', method: 'POST' }, 'v2'],
      [{ path: '/echo.Echo/EchoThree', method: 'POST' }, null],
    ],
  },
  GRPCRouteHeaderMatching: {
    routes: [
      grpc('headers', {
        rules: [
          rule('v1', headers(header('version', 'one'))),
          rule('v2', headers(header('version', 'two'))),
          rule('v1', headers(header('version', 'two'), header('color', 'orange'))),
        ],
      }),
    ],
    requests: [
      [{ path: '/a.B/C', method: 'POST', headers: { version: 'one' } }, 'v1'],
      [{ path: '/a.B/C', method: 'POST', headers: { version: 'two' } }, 'v2'],
      [{ path: '/a.B/C', method: 'POST', headers: { version: 'two', color: 'orange' } }, 'v1'],
      [{ path: '/a.B/C', method: 'POST', headers: { color: 'orange' } }, null],
    ],
  },
  GRPCRouteListenerHostnameMatching: {
    gateway: gatewayOf([listener('l1', 80, 'bar.com'), listener('l2', 80, '*.bar.com')]),
    routes: [
      grpc('r1', { parentRefs: [{ name: 'web', sectionName: 'l1' }], rules: [to('v1')] }),
      grpc('r2', { parentRefs: [{ name: 'web', sectionName: 'l2' }], rules: [to('v2')] }),
    ],
    requests: [
      [{ host: 'bar.com', path: '/a.B/C', method: 'POST' }, 'v1'],
      [{ host: 'x.y.bar.com', path: '/a.B/C', method: 'POST' }, 'v2'],
      [{ host: 'foo.com', path: '/a.B/C', method: 'POST' }, null],
    ],
  },
  'gRPC precedence: service, method, headers, then patterns': {
    routes: [
      grpc('r', {
        rules: [
          rule('v1', { method: { type: 'RegularExpression', service: 'shop\\..*', method: 'Get.*' } }),
          rule('v2', { method: { service: 'shop.Orders' } }),
          rule('v3', { method: { service: 'shop.Orders', method: 'Get' } }),
          rule('v1', { method: { method: 'Ping' } }),
        ],
      }),
    ],
    requests: [
      [{ path: '/shop.Orders/Get', method: 'POST' }, 'v3'],
      [{ path: '/shop.Orders/GetAll', method: 'POST' }, 'v2'],
      [{ path: '/shop.Bills/GetAll', method: 'POST' }, 'v1'],
      [{ path: '/shop.Bills/Put', method: 'POST' }, null],
      [{ path: '/any.Service/Ping', method: 'POST' }, 'v1'],
      [{ path: '/shop.OrdersX/Put', method: 'POST' }, null],
    ],
  },
  'ties go to the older route, then to the first by namespace/name': {
    gateway: gatewayOf([{ ...listener('l', 80), allowedRoutes: { namespaces: { from: 'All' } } }]),
    routes: [
      http('z', { hostnames: ['a.com'], rules: [to('v1')] }, { created: '2025-01-01T00:00:00.000Z' }),
      http('a', { hostnames: ['a.com', 'b.com'], rules: [to('v2')] }),
      http('b', { hostnames: ['b.com'], rules: [to('v3')] }),
    ],
    requests: [
      [{ host: 'a.com', path: '/' }, 'v1'],
      [{ host: 'b.com', path: '/' }, 'v2'],
    ],
  },
  'a request that no match of the most specific hostname takes goes on to wider ones': {
    routes: [
      http('narrow', { hostnames: ['a.example.com'], rules: [rule('v1', exact('/only'))] }),
      http('wide', { hostnames: ['*.example.com'], rules: [to('v2')] }),
      http('all', { rules: [to('v3')] }),
    ],
    requests: [
      [{ host: 'a.example.com', path: '/only' }, 'v1'],
      [{ host: 'a.example.com', path: '/else' }, 'v2'],
      [{ host: 'b.org', path: '/only' }, 'v3'],
    ],
  },
};

describe('routing as the conformance suite of the Gateway API has it', () => {
  it.each(Object.entries(SCENARIOS))('%s', (_, { gateway = gatewayOf(), routes, requests }) => {
    const { part } = compiled(gateway, ...BACKENDS, ...routes);
    const answered = requests.map(([asked]) => {
      const id = firstMatch(part, { host: 'any.example.org', ...asked });
      const backend = id === undefined ? undefined : part.rules[id]?.backends[0]?.backend;
      return [asked, backend === undefined ? null : /^shop\/(v\d)/.exec(backend)?.[1]];
    });
    expect(answered).toEqual(requests.map(([asked, backend]) => [asked, backend]));
  });
});
