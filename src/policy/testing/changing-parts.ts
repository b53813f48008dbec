import fc from 'fast-check';
import { compareHostnames } from '../hostnames.ts';
import type { CompiledAuth, CompiledEdge, GatewayPart, VirtualHost } from '../model.ts';

/** What may differ between one part and the next, each as one of a few choices. */
export interface PartChoices {
  /** Of each route: its path; 0: it is not there. */
  readonly routes: readonly number[];
  /** Of each backend: its timeout; 0: it is not there. */
  readonly backends: readonly number[];
  /** Of each policy: which header it sets; 0: it is not there. */
  readonly auth: readonly number[];
  readonly limit: number;
  readonly edge: number;
  readonly listeners: number;
  readonly pieces: number;
}

const HOSTNAMES = ['a.example', 'b.example', '*.example', '*.b.example', undefined];
export const HOSTS_ASKED = ['a.example', 'b.example', 'c.example', 'd.b.example', 'elsewhere.test'];
export const PATHS_ASKED = ['/', '/p1', '/p2', '/p3/x'];
const ROUTES = 8;

const choices: fc.Arbitrary<PartChoices> = fc.record({
  routes: fc.array(fc.nat(3), { minLength: ROUTES, maxLength: ROUTES }),
  backends: fc.array(fc.nat(2), { minLength: 3, maxLength: 3 }),
  auth: fc.array(fc.nat(2), { minLength: 2, maxLength: 2 }),
  limit: fc.nat(3),
  edge: fc.nat(1),
  listeners: fc.integer({ min: 1, max: 2 }),
  pieces: fc.nat(4),
});

/** Mostly one route is otherwise; sometimes anything. */
export const partHistories: fc.Arbitrary<readonly PartChoices[]> = fc
  .tuple(choices, fc.array(fc.tuple(fc.nat(11), choices), { minLength: 3, maxLength: 8 }))
  .map(([first, changes]) => {
    const all = [first];
    for (const [what, other] of changes) {
      const before = all.at(-1) ?? first;
      const at = (list: readonly number[], from: readonly number[], place: number) =>
        list.map((value, index) => (index === place ? (from[index] ?? value) : value));
      if (what < ROUTES) all.push({ ...before, routes: at(before.routes, other.routes, what) });
      else if (what === ROUTES) all.push({ ...before, auth: at(before.auth, other.auth, 0) });
      else if (what === ROUTES + 1) all.push({ ...before, limit: other.limit });
      else if (what === ROUTES + 2) all.push({ ...before, backends: at(before.backends, other.backends, 1) });
      else all.push(other);
    }
    return all;
  });

/** A part whose rules may name a backend, a policy or limits that are not there. */
export function partOfChoices(chosen: PartChoices, edgeOf: (choice: number) => CompiledEdge): GatewayPart {
  const present = chosen.routes.flatMap((path, route) => (path === 0 ? [] : [{ path, route }]));
  const rules = present.map(({ path, route }) => ({
    id: `rule${route}`,
    source: { kind: 'HTTPRoute', name: `shop/r${route}` },
    filters: [],
    backends: [{ backend: `backend${route % 3}`, weight: path, filters: [] }],
    callers: [],
    timeouts: {},
    edge: 'e',
    ...(route % 4 === 1 ? { auth: `auth${route % 2}` } : {}),
    ...(route % 4 === 2 ? { quota: 'limits' } : {}),
  }));
  const hostsOf = (listener: number): VirtualHost[] => {
    const hosts = HOSTNAMES.map((hostname, at) => ({
      ...(hostname === undefined ? {} : { hostname }),
      matches: present
        .filter(({ route }) => route % HOSTNAMES.length === at && route % 2 <= listener)
        .map(({ path, route }) => ({
          rule: `rule${route}`,
          path: { type: 'prefix' as const, value: `/p${path}` },
          headers: [],
          query: [],
        })),
    }));
    return hosts
      .filter(({ matches }) => matches.length > 0)
      .sort((a, b) => compareHostnames(a.hostname, b.hostname));
  };
  const budget = { id: 'b', algorithm: 'fixed-window', limit: 10 + chosen.limit } as const;
  return {
    ports: [
      {
        port: 80,
        protocol: 'http',
        edge: 'e',
        listeners: Array.from({ length: chosen.listeners }, (_, at) => ({
          id: `shop/web/l${at}`,
          source: { kind: 'Gateway', name: 'shop/web' },
          ...(at === 0 ? {} : { hostname: '*.example' }),
          hosts: hostsOf(at),
        })),
      },
    ],
    rules: Object.fromEntries(rules.map((rule) => [rule.id, rule])),
    backends: Object.fromEntries(
      chosen.backends.flatMap((timeout, at) =>
        timeout === 0
          ? []
          : [
              [
                `backend${at}`,
                {
                  source: { kind: 'Service', name: `shop/s${at}` },
                  endpoints: [],
                  service: `shop/s${at}:80`,
                  protocol: 'http/1.1' as const,
                  balance: 'roundRobin' as const,
                  connectTimeoutMs: timeout * 1_000,
                  idleTimeoutMs: 30_000,
                  limits: { maxConnections: 10, maxPendingRequests: 10 },
                  outlier: { consecutiveFailures: 5, baseEjectionMs: 1_000, maxEjectedPercent: 50 },
                },
              ] as const,
            ],
      ),
    ),
    auth: Object.fromEntries(
      chosen.auth.flatMap((header, at) => (header === 0 ? [] : [[`auth${at}`, authOf(header)] as const])),
    ),
    edge: { e: edgeOf(chosen.edge) },
    ...(chosen.limit === 0
      ? {}
      : {
          quota: {
            version: chosen.limit,
            budgets: [{ ...budget, window: { type: 'length', ms: 60_000 }, floor: 0, overshoot: 0 }],
            policies: { limits: { source: [], limits: [] } },
            domains: {},
          },
        }),
  } as unknown as GatewayPart;
}

function authOf(header: number): CompiledAuth {
  return {
    source: [],
    when: [],
    authentication: [],
    metadata: [],
    authorization: [],
    response: { headers: [[`x-identity-${header}`, "'a'"]], unauthenticated: {}, unauthorized: {} },
  } as unknown as CompiledAuth;
}
