import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyInventory } from '../inventory/apply.ts';
import type { SecretContent, ServiceContent } from '../inventory/contract.ts';
import { regionTable } from '../routing/geography.ts';
import { compileGateways, compileInSteps } from './compile.ts';
import type { CompiledGateways } from './compile-contract.ts';
import { sameValue } from './same-value.ts';
import { clusterIn, gatewayOf, objectsOf, type Stored, stored } from './testing/gateway-objects.ts';

const ROUTES = 5;
const SERVICES = 3;
const regions = regionTable({});

/** Everything that a rule, a host, a backend or a report may depend on, each as one of a few choices; 0 is mostly: not there. */
const CHOICES = {
  ...Object.fromEntries(
    Array.from({ length: ROUTES }, (_, at) => [
      [`hosts${at}`, 6],
      [`shape${at}`, 8],
      [`to${at}`, SERVICES + 2],
    ]).flat(),
  ),
  ...Object.fromEntries(Array.from({ length: SERVICES }, (_, at) => [`service${at}`, 4])),
  web: 5,
  other: 4,
  settings: 3,
  tls: 3,
  secrets: 4,
  auth: 7,
  edge: 7,
  limits: 7,
  grants: 2,
  namespaces: 3,
  callers: 3,
  traffic: 3,
  cluster: 3,
  version: 2,
} as Readonly<Record<string, number>>;
const NAMES = Object.keys(CHOICES);
type Chosen = Readonly<Record<string, number>>;

/** Each world is the one before with one or two things chosen anew. */
const histories: fc.Arbitrary<readonly Chosen[]> = fc
  .tuple(
    fc.record(Object.fromEntries(NAMES.map((name) => [name, fc.nat((CHOICES[name] ?? 1) - 1)]))),
    fc.array(fc.array(fc.tuple(fc.nat(NAMES.length - 1), fc.nat(100)), { minLength: 1, maxLength: 2 }), {
      minLength: 4,
      maxLength: 10,
    }),
  )
  .map(([first, changes]) => {
    const worlds: Chosen[] = [first];
    for (const change of changes) {
      const next = { ...(worlds.at(-1) ?? first) };
      for (const [at, value] of change) {
        const name = NAMES[at] ?? '';
        next[name] = value % (CHOICES[name] ?? 1);
      }
      worlds.push(next);
    }
    return worlds;
  });

/** The same object for the same choice, as an inventory and a store have it. */
const known = new Map<string, unknown>();
function once<V>(key: string, make: () => V): V {
  if (!known.has(key)) known.set(key, make());
  return known.get(key) as V;
}

const HOSTS = [[], ['a.example'], ['a.example', 'b.example'], ['*.example'], ['c.example'], ['b.example']];

function routeOf(at: number, chosen: Chosen): Stored | undefined {
  const [hosts = 0, shape = 0, to = 0] = ['hosts', 'shape', 'to'].map((name) => chosen[`${name}${at}`] ?? 0);
  if (shape === 0) return undefined;
  return once(`route ${at} ${hosts} ${shape} ${to}`, () => {
    const grpc = shape === 7;
    const backend = { kind: 'Service', name: `s${to % SERVICES}`, port: 80 };
    const ref = to === SERVICES + 1 ? { ...backend, namespace: 'away' } : backend;
    const rule = {
      backendRefs: [ref],
      ...(grpc ? {} : { matches: [{ path: { type: 'PathPrefix', value: shape === 1 ? '/' : `/${at}` } }] }),
      ...(shape === 2
        ? {
            filters: [
              {
                type: 'RequestMirror',
                requestMirror: { backendRef: { kind: 'Service', name: 's0', port: 80 } },
              },
            ],
          }
        : {}),
      ...(shape === 3 ? { retry: { attempts: 2, codes: [503] } } : {}),
      ...(shape === 4
        ? {
            filters: [
              {
                type: 'ExtensionRef',
                extensionRef: { group: 'portolan.dev', kind: 'CallerRouting', name: 'callers' },
              },
            ],
          }
        : {}),
    };
    const spec = {
      parentRefs: [{ name: 'web' }, ...(shape === 5 ? [{ name: 'other' }] : [])],
      hostnames: HOSTS[hosts],
      rules: shape === 6 ? [rule, { ...rule, name: 'second' }] : [rule],
    };
    const metadata = {
      created: `2026-01-0${1 + (at % 2)}T00:00:00.000Z`,
      namespace: at === 4 ? 'away' : 'shop',
    };
    return grpc
      ? stored('GRPCRoute', `r${at}`, spec, metadata)
      : stored('HTTPRoute', `r${at}`, spec, metadata);
  });
}

const LISTENERS: readonly (readonly object[])[] = [
  [{ name: 'http', port: 80, protocol: 'HTTP' }],
  [{ name: 'http', port: 80, protocol: 'HTTP', hostname: '*.example' }],
  [
    { name: 'http', port: 80, protocol: 'HTTP' },
    { name: 'more', port: 8080, protocol: 'HTTP', hostname: 'a.example' },
  ],
  [
    {
      name: 'http',
      port: 80,
      protocol: 'HTTP',
      allowedRoutes: { namespaces: { from: 'Selector', selector: { matchLabels: { team: 'web' } } } },
    },
  ],
  [
    {
      name: 'tls',
      port: 443,
      protocol: 'HTTPS',
      tls: { mode: 'Terminate', certificateRefs: [{ kind: 'Secret', name: 'pair' }] },
    },
  ],
];

/** Where a policy holds: at a Gateway, a listener, a route, a rule of it, or everywhere. */
function aims(choice: number): object {
  const group = 'gateway.networking.k8s.io';
  if (choice > 4) return { selector: {} };
  return {
    targetRefs: [
      [{ group, kind: 'Gateway', name: 'web' }],
      [{ group, kind: 'Gateway', name: 'web', sectionName: 'more' }],
      [{ group, kind: 'HTTPRoute', name: 'r0' }],
      [{ group, kind: 'HTTPRoute', name: 'r1', sectionName: 'second' }],
      [{ group, kind: 'HTTPRoute', name: 'r2' }],
    ][choice],
  };
}

function policiesOf({ auth = 0, edge = 0, limits = 0 }: Chosen): readonly Stored[] {
  const policies: Stored[] = [];
  if (auth > 0)
    policies.push(
      once(`auth ${auth}`, () =>
        stored('AuthPolicy', 'auth', {
          ...aims(auth - 1),
          defaults: { strategy: 'merge', rules: { authentication: { keys: { apiKey: {} } } } },
        }),
      ),
    );
  if (edge > 0)
    policies.push(
      once(`edge ${edge}`, () =>
        stored('GatewayPolicy', 'edge', {
          ...aims(edge - 1),
          defaults: { rules: { retryBudget: { percent: edge * 10 } } },
        }),
      ),
    );
  if (limits > 0)
    policies.push(
      once(`limits ${limits}`, () =>
        stored('RateLimitPolicy', 'limits', {
          ...aims(limits - 1),
          rules: { limits: { all: { rates: [{ limit: 100, window: '1m' }] } } },
        }),
      ),
    );
  return policies;
}

function othersOf({ settings, tls, grants, callers, traffic, other = 0 }: Chosen): readonly Stored[] {
  const others: Stored[] = [];
  if (settings !== 0)
    others.push(
      once(`settings ${settings}`, () =>
        stored('Backend', 's1', { endpoints: [], connectTimeoutMs: settings === 1 ? 900 : 800 }),
      ),
    );
  if (tls !== 0)
    others.push(
      once(`tls ${tls}`, () =>
        stored('BackendTLSPolicy', 'tls', {
          targetRefs: [{ group: '', kind: 'Service', name: tls === 1 ? 's0' : 's2' }],
          validation: {
            hostname: 's0.example',
            caCertificateRefs: [{ group: '', kind: 'Secret', name: 'ca' }],
          },
        }),
      ),
    );
  if (grants !== 0)
    others.push(
      once('grant', () =>
        stored(
          'ReferenceGrant',
          'shop',
          {
            from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' }],
            to: [{ group: '', kind: 'Service' }],
          },
          { namespace: 'away' },
        ),
      ),
    );
  if (callers !== 0)
    others.push(
      once(`callers ${callers}`, () =>
        stored('CallerRouting', 'callers', {
          rules: [{ when: 'true', backendRefs: [{ kind: 'Service', name: `s${callers}`, port: 80 }] }],
        }),
      ),
    );
  if (traffic !== 0)
    others.push(
      once(`traffic ${traffic}`, () =>
        stored('TrafficPolicy', 'a', {
          hostnames: traffic === 1 ? ['a.example.'] : ['b.example.'],
          endpoints: [{ name: 'fra', cluster: 'fra', addresses: ['192.0.2.1'] }],
          routing: { default: { tiers: [{ members: [{ endpoint: 'fra' }] }] } },
          residency: [{ region: 'eu', unknownLocation: 'restrict' }],
        }),
      ),
    );
  if (other > 0)
    others.push(
      once(`other ${other}`, () =>
        gatewayOf(
          [
            { name: 'http', port: 80, protocol: 'HTTP' },
            { name: 'http', port: 80, protocol: 'HTTP', hostname: 'a.example' },
            { name: 'http', port: 81, protocol: 'HTTP', hostname: '*.example' },
          ].slice(other - 1, other),
          'other',
          { created: '2026-02-01T00:00:00.000Z' },
        ),
      ),
    );
  return others;
}

function servicesOf(chosen: Chosen): ReadonlyMap<string, ServiceContent> {
  const shapes = Array.from({ length: SERVICES }, (_, at) => chosen[`service${at}`] ?? 0);
  return once(`services ${shapes.join(' ')}`, () => {
    const services = new Map<string, ServiceContent>();
    shapes.forEach((shape, at) => {
      if (shape === 0) return;
      const [, ...appProtocols] = ['', undefined, 'kubernetes.io/h2c', 'https'] as const;
      const appProtocol = appProtocols[shape - 1];
      const service = once(
        `service ${shape}`,
        (): ServiceContent => ({
          type: 'ClusterIP',
          ports: [{ name: 'http', port: 80, ...(appProtocol === undefined ? {} : { appProtocol }) }],
        }),
      );
      services.set(`shop/s${at}`, service).set(`away/s${at}`, service);
    });
    return services;
  });
}

function secretsOf({ secrets = 0 }: Chosen): ReadonlyMap<string, SecretContent> {
  return once(`secrets ${secrets}`, () => {
    const found = new Map<string, SecretContent>();
    const secret = (keys: readonly string[]) => ({ type: 'Opaque', keys, digest: String(secrets) });
    if (secrets > 0) found.set('shop/ca', secret(secrets === 3 ? [] : ['ca.crt']));
    if (secrets > 1) found.set('shop/pair', secret(['tls.crt', 'tls.key']));
    return found;
  });
}

function worldOf(chosen: Chosen) {
  const { web = 0, namespaces, cluster } = chosen;
  const routes = Array.from({ length: ROUTES }, (_, at) => routeOf(at, chosen) ?? []).flat();
  const objects = objectsOf(
    once(`cluster ${cluster}`, () =>
      clusterIn(cluster === 1 ? 'US' : 'DE', 'fra', { tier: String(cluster) }),
    ),
    once(`web ${web}`, () => gatewayOf(LISTENERS[web])),
    ...routes,
    ...policiesOf(chosen),
    ...othersOf(chosen),
  );
  const labels = once(
    `namespaces ${namespaces}`,
    () => new Map(namespaces === 0 ? [] : [['shop', { team: namespaces === 1 ? 'web' : 'dns' }]]),
  );
  const found = {
    ...emptyInventory('one'),
    services: servicesOf(chosen),
    secrets: secretsOf(chosen),
    namespaces: labels,
  };
  return { objects, found, quotaVersion: chosen.version ?? 0 };
}

/** Parts of a result that must be the same objects where they say the same, under names. */
function piecesOf({ part, reports }: CompiledGateways): ReadonlyMap<string, object> {
  const pieces = new Map<string, object>([
    ['part', part],
    ['reports', reports],
  ]);
  for (const kind of ['rules', 'backends', 'auth', 'edge'] as const) {
    pieces.set(kind, part[kind]);
    for (const [id, one] of Object.entries(part[kind])) pieces.set(`${kind} ${id}`, one);
  }
  for (const [id, one] of Object.entries(part.quota?.policies ?? {})) pieces.set(`quota ${id}`, one);
  for (const { port, listeners } of part.ports) {
    for (const { id, hosts } of listeners) {
      pieces.set(`hosts ${port} ${id}`, hosts);
      for (const host of hosts) pieces.set(`host ${id} ${host.hostname ?? ''}`, host);
    }
  }
  for (const one of reports.routes) pieces.set(`report ${one.kind} ${one.namespace}/${one.name}`, one);
  return pieces;
}

describe('gateways that are compiled again', () => {
  it('are what they would be of objects that were never seen before, with the same objects for what says the same', () => {
    const seen = { same: 0, other: 0, refused: 0, hosts: 0 };
    fc.assert(
      fc.property(histories, (worlds) => {
        let last: CompiledGateways | undefined;
        for (const { objects, found, quotaVersion } of worlds.map(worldOf)) {
          const again = compileGateways(objects, 'shop/fra', { regions, found, quotaVersion, before: last });
          const fresh = structuredClone({ objects, found });
          const first = compileGateways(fresh.objects, 'shop/fra', {
            regions,
            found: fresh.found,
            quotaVersion,
          });
          expect(again).toEqual(first);
          expect(JSON.stringify(again)).toBe(JSON.stringify(first));
          const before = last === undefined ? new Map<string, object>() : piecesOf(last);
          for (const [name, piece] of piecesOf(again)) {
            const known = before.get(name);
            if (known !== undefined && sameValue(known, piece) && known !== piece)
              expect.fail(`${name} says the same and is another object`);
            seen[known === piece ? 'same' : 'other'] += 1;
            if (name.startsWith('host ')) seen.hosts += 1;
          }
          if (
            again.reports.routes.some(({ parents }) => parents.some((p) => p.findings.some((f) => !f.status)))
          )
            seen.refused += 1;
          last = again;
        }
      }),
      { numRuns: 30 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
  });

  it('come in pieces when there are many routes', () => {
    const gateway = gatewayOf();
    const many = Array.from({ length: 1_200 }, (_, at) =>
      stored('HTTPRoute', `r${at}`, {
        parentRefs: [{ name: 'web' }],
        hostnames: [`r${at}.example`],
        rules: [{}],
      }),
    );
    const steps = compileInSteps(objectsOf(clusterIn('DE'), gateway, ...many), 'shop/fra', { regions });
    let pieces = 1;
    while (steps.next().done !== true) pieces += 1;
    expect(pieces).toBeGreaterThanOrEqual(8);
  });
});
