import { describe, expect, test } from 'vitest';
import type { DomainName } from '../dns/name.ts';
import type {
  CompiledBackend,
  CompiledRule,
  GatewayPart,
  VirtualHost,
  WeightedBackend,
} from '../policy/model.ts';
import type { RoutedEndpoint } from '../routing/model.ts';
import { servicesOfTargets, unreadiness } from './readiness.ts';

const CLUSTER = 'default/eu-1';
const to = (backend: string | undefined, weight = 1): WeightedBackend => ({
  ...(backend === undefined ? {} : { backend }),
  weight,
  filters: [],
});
const rule = (
  id: string,
  backends: readonly WeightedBackend[],
  changes: Partial<CompiledRule> = {},
): CompiledRule => ({
  id,
  source: { kind: 'HTTPRoute', name: `shop/${id}` },
  filters: [],
  backends,
  callers: [],
  timeouts: {},
  edge: 'e',
  ...changes,
});
const backend = (service?: string): CompiledBackend => ({
  source: { kind: 'Service', name: 'shop/x' },
  endpoints: [],
  ...(service === undefined ? {} : { service }),
  protocol: 'http/1.1',
  balance: 'roundRobin',
  connectTimeoutMs: 1,
  idleTimeoutMs: 1,
  limits: { maxConnections: 1, maxPendingRequests: 1 },
  outlier: { consecutiveFailures: 1, baseEjectionMs: 1, maxEjectedPercent: 1 },
});
const host = (hostname: string | undefined, ...rules: readonly string[]): VirtualHost => ({
  ...(hostname === undefined ? {} : { hostname }),
  matches: rules.map((id) => ({ rule: id, path: { type: 'prefix', value: '/' }, headers: [], query: [] })),
});
function part(rules: readonly CompiledRule[], ...ports: readonly (readonly VirtualHost[])[]): GatewayPart {
  return {
    ports: ports.map((hosts, at) => ({
      port: 80 + at,
      protocol: 'http',
      edge: 'e',
      listeners: [{ id: `l${at}`, source: { kind: 'Gateway', name: 'infra/web' }, hosts }],
    })),
    rules: Object.fromEntries(rules.map((one) => [one.id, one])),
    backends: { web: backend('shop/web:80'), api: backend('shop/api:80'), plain: backend() },
    auth: {},
    edge: {},
  };
}
const policy = (hostnames: readonly string[], targetId = 't', cluster = CLUSTER) => ({
  hostnames: hostnames as readonly DomainName[],
  endpoints: [
    {
      name: 'e',
      cluster,
      country: 'DE',
      capacity: 1,
      kind: 'addresses',
      addresses: [{ address: '192.0.2.1', family: 4, targetId }],
    } satisfies RoutedEndpoint,
  ],
});
const found = (of: GatewayPart, ...policies: readonly ReturnType<typeof policy>[]) =>
  Object.fromEntries(servicesOfTargets(of, policies, CLUSTER));

describe('which Services a health target depends on', () => {
  const redirect = rule('redirect', [], {
    filters: [{ type: 'redirect', scheme: 'https', statusCode: 301 }],
  });
  const web = rule('web', [to('web')]);
  test.each([
    [
      'all that its hostname is routed to, on every port; redirects say nothing',
      part(
        [redirect, web, rule('api', [to('api')])],
        [host('shop.example', 'redirect')],
        [host('shop.example', 'web', 'api')],
      ),
      ['shop/api:80', 'shop/web:80'],
    ],
    [
      'those of a wildcard, where there is nothing closer',
      part([web, rule('api', [to('api')])], [host('*.example', 'web'), host('other.example', 'api')]),
      ['shop/web:80'],
    ],
    [
      'also those that some callers are sent to',
      part(
        [rule('web', [to('web')], { callers: [{ when: 'true', backends: [to('api')] }] })],
        [host(undefined, 'web')],
      ),
      ['shop/api:80', 'shop/web:80'],
    ],
    [
      'not those without weight',
      part([rule('web', [to('web'), to('api', 0)])], [host('shop.example', 'web')]),
      ['shop/web:80'],
    ],
    [
      'nothing is said when a backend is no Service',
      part([rule('web', [to('web'), to('plain')])], [host('shop.example', 'web')]),
      undefined,
    ],
    [
      'nothing is said when a backend does not resolve',
      part([rule('web', [to('web'), to(undefined)])], [host('shop.example', 'web')]),
      undefined,
    ],
    [
      'nothing is said when the hostname is not routed here',
      part([web], [host('elsewhere.example', 'web')]),
      undefined,
    ],
    [
      'nothing is said when there are only redirects',
      part([redirect], [host('shop.example', 'redirect')]),
      undefined,
    ],
  ])('%s', (_what, of, expected) => {
    expect(found(of, policy(['shop.example.'])).t).toEqual(expected);
  });

  test('a target that several hostnames share depends on all of them, and says nothing when one of them does not', () => {
    const of = part(
      [web, rule('api', [to('api')]), rule('plain', [to('plain')])],
      [host('a.example', 'web'), host('b.example', 'api'), host('c.example', 'plain')],
    );
    expect(found(of, policy(['a.example.']), policy(['b.example.']))).toEqual({
      t: ['shop/api:80', 'shop/web:80'],
    });
    expect(found(of, policy(['a.example.']), policy(['c.example.']))).toEqual({});
    expect(found(of, policy(['a.example.']), policy(['b.example.'], 'other'))).toEqual({
      t: ['shop/web:80'],
      other: ['shop/api:80'],
    });
  });

  test('targets of other clusters are theirs', () => {
    expect(
      found(part([web], [host('a.example', 'web')]), policy(['a.example.'], 't', 'default/us-1')),
    ).toEqual({});
  });
});

describe('why a target cannot work', () => {
  const of = (known: Readonly<Record<string, readonly string[] | undefined>>) => (service: string) =>
    service in known ? { endpoints: known[service] } : undefined;
  test.each([
    [
      'none of its Services has an endpoint',
      ['a/a:1', 'b/b:2'],
      { 'a/a:1': [], 'b/b:2': undefined },
      'no ready endpoint of a/a:1 and 1 more (Kubernetes)',
    ],
    ['one of them has one: it can', ['a/a:1', 'b/b:2'], { 'a/a:1': [], 'b/b:2': ['10.0.0.1:2'] }, undefined],
    ['one is not known: nobody can say', ['a/a:1', 'b/b:2'], { 'a/a:1': [] }, undefined],
    ['it has no Services', [], {}, undefined],
  ])('%s', (_what, services, known, expected) => {
    expect(unreadiness(services, of(known))).toBe(expected);
  });
});
