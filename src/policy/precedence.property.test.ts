import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../resources/catalogue.ts';
import { type Asked, firstMatch } from './testing/first-match.ts';
import { compiled, gatewayOf, stored } from './testing/gateway-objects.ts';

const HOSTNAMES = ['a.example.com', 'b.a.example.com', '*.example.com', '*.a.example.com', 'example.com'];
const PATHS = ['/', '/a', '/a/b', '/ab', '/a/b/c'];

const anyMatch = fc.record({
  path: fc.record({
    type: fc.constantFrom('Exact', 'PathPrefix', 'PathPrefix'),
    value: fc.constantFrom(...PATHS),
  }),
  method: fc.option(fc.constantFrom('GET', 'POST'), { nil: undefined }),
  headers: fc.subarray([
    { name: 'X-One', value: '1' },
    { name: 'x-two', value: '2' },
  ]),
  queryParams: fc.subarray([
    { name: 'p', value: '1' },
    { name: 'q', value: '2' },
  ]),
});
/** Plain ones often, so that routes tie and their ages and names decide. */
const match = fc.oneof(
  fc.constantFrom({}, { method: 'GET' }, { path: { type: 'PathPrefix', value: '/a' } }),
  anyMatch,
);
const route = fc.record({
  created: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'),
  namespace: fc.constantFrom('shop', 'team'),
  hostnames: fc.subarray(HOSTNAMES, { maxLength: 3 }),
  rules: fc.array(fc.record({ matches: fc.array(match, { minLength: 1, maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 3,
  }),
});
const world = fc
  .array(route, { minLength: 1, maxLength: 6 })
  .map((routes) =>
    routes.map(({ created, namespace, ...spec }, i) =>
      stored(
        'HTTPRoute',
        `r${i}`,
        { parentRefs: [{ name: 'web', namespace: 'shop' }], ...spec },
        { created, namespace },
      ),
    ),
  );
const request: fc.Arbitrary<Required<Omit<Asked, 'port'>>> = fc.record({
  host: fc.constantFrom(
    'a.example.com',
    'b.a.example.com',
    'c.example.com',
    'example.com',
    'x.b.a.example.com',
    'other.org',
  ),
  path: fc.constantFrom(...PATHS, '/a/', '/x'),
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  headers: fc.constantFrom({}, { 'x-one': '1' }, { 'x-one': '1', 'x-two': '2' }),
  query: fc.constantFrom({}, { p: '1' }, { p: '1', q: '2' }),
});

type Match = Resource<'HTTPRoute'>['spec']['rules'][number]['matches'][number];

function hostFits(hostname: string, host: string): boolean {
  return hostname.startsWith('*.') ? host.endsWith(hostname.slice(1)) : host === hostname;
}

function fits({ path, method, headers, queryParams }: Match, asked: Required<Omit<Asked, 'port'>>): boolean {
  const elements = (text: string): readonly string[] => text.split('/').filter((part) => part !== '');
  const wanted = elements(path.value);
  const prefix = wanted.every((part, i) => elements(asked.path)[i] === part);
  return (
    (path.type === 'Exact' ? asked.path === path.value : prefix) &&
    (method === undefined || method === asked.method) &&
    headers.every(({ name, value }) => asked.headers[name.toLowerCase()] === value) &&
    queryParams.every(({ name, value }) => asked.query[name] === value)
  );
}

/**
 * The text of the specification, read from top to bottom: HTTPRouteSpec.hostnames, then HTTPRouteRule.matches, with each criterion as one
 * number; the greatest tuple wins.
 */
function specification(
  routes: readonly Resource<'HTTPRoute'>[],
  asked: Required<Omit<Asked, 'port'>>,
): string | undefined {
  const candidates = routes.flatMap((own) => {
    const { namespace, name, creationTimestamp } = own.metadata;
    const hostnames = own.spec.hostnames.filter((hostname) => hostFits(hostname, asked.host));
    if (own.spec.hostnames.length > 0 && hostnames.length === 0) return [];
    const precise = Math.max(0, ...hostnames.filter((h) => !h.startsWith('*')).map((h) => h.length));
    const any = Math.max(0, ...hostnames.map((h) => h.length));
    return own.spec.rules.flatMap((rule, at) =>
      rule.matches
        .filter((candidate) => fits(candidate, asked))
        .map(({ path, method, headers, queryParams }) => ({
          id: `HTTPRoute/${namespace}/${name}/${at}`,
          order: [
            precise,
            any,
            path.type === 'Exact' ? 1 : 0,
            path.type === 'PathPrefix' ? path.value.length : 0,
            method === undefined ? 0 : 1,
            headers.length,
            queryParams.length,
            -Date.parse(creationTimestamp),
          ],
          name: `${namespace}/${name}`,
          at,
        })),
    );
  });
  candidates.sort((a, b) => {
    const differs = a.order.findIndex((value, i) => value !== b.order[i]);
    if (differs >= 0) return (b.order[differs] ?? 0) - (a.order[differs] ?? 0);
    if (a.name !== b.name) return a.name < b.name ? -1 : 1;
    return a.at - b.at;
  });
  return candidates[0]?.id;
}

describe('the first match of a compiled gateway', () => {
  it('is the one that the specification gives precedence', () => {
    const gateway = gatewayOf([
      { name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } },
    ]);
    let taken = 0;
    fc.assert(
      fc.property(world, fc.array(request, { minLength: 4, maxLength: 8 }), (routes, requests) => {
        const { part } = compiled(gateway, ...routes);
        for (const asked of requests) {
          const expected = specification(routes, asked);
          if (expected !== undefined) taken++;
          expect([asked, firstMatch(part, asked)]).toEqual([asked, expected]);
        }
      }),
      { numRuns: 400 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it('is the same when the listener narrows the hosts', () => {
    const gateway = gatewayOf([
      {
        name: 'http',
        port: 80,
        protocol: 'HTTP',
        hostname: '*.example.com',
        allowedRoutes: { namespaces: { from: 'All' } },
      },
    ]);
    fc.assert(
      fc.property(world, request, (routes, asked) => {
        const { part } = compiled(gateway, ...routes);
        const inside = asked.host.endsWith('.example.com');
        expect(firstMatch(part, asked)).toBe(inside ? specification(routes, asked) : undefined);
      }),
      { numRuns: 400 },
    );
  });
});
