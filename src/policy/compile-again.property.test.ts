import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyInventory } from '../inventory/apply.ts';
import type { ServiceContent } from '../inventory/contract.ts';
import { regionTable } from '../routing/geography.ts';
import { compileGateways, compileInSteps } from './compile.ts';
import { clusterIn, objectsOf, type Stored, stored } from './testing/gateway-objects.ts';

const ROUTES = 4;
const context = { regions: regionTable({}) };

/** Everything that a rule, a backend or a report may depend on, as one of a few choices. */
interface Choices {
  readonly routes: readonly { readonly to: number; readonly version: number; readonly shape: number }[];
  readonly services: readonly number[];
  readonly settings: boolean;
  readonly tls: boolean;
  readonly policy: number;
}

const choices: fc.Arbitrary<Choices> = fc.record({
  routes: fc.array(fc.record({ to: fc.nat(2), version: fc.nat(1), shape: fc.nat(3) }), {
    minLength: ROUTES,
    maxLength: ROUTES,
  }),
  services: fc.array(fc.nat(2), { minLength: 3, maxLength: 3 }),
  settings: fc.boolean(),
  tls: fc.boolean(),
  policy: fc.nat(2),
});

/** Each world is the one before with one thing taken from another: a route, the Services, or what is said of backends and retries. */
const histories: fc.Arbitrary<readonly Choices[]> = fc
  .tuple(choices, fc.array(fc.tuple(fc.nat(ROUTES + 1), choices), { minLength: 2, maxLength: 6 }))
  .map(([first, changes]) => {
    const worlds = [first];
    for (const [what, other] of changes) {
      const before = worlds.at(-1) ?? first;
      const routes = before.routes.map((route, at) => (at === what ? (other.routes[at] ?? route) : route));
      const rest = what > ROUTES ? { ...other, services: before.services } : before;
      worlds.push({ ...rest, services: what === ROUTES ? other.services : before.services, routes });
    }
    return worlds;
  });

/** The same object for the same choice, as an inventory and a store have it. */
function remembering<V>(make: (key: string) => V): (key: string) => V {
  const known = new Map<string, V>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
}

const routeOf = remembering((key) => {
  const [at, to, version, shape] = key.split(' ').map(Number);
  const ref = { kind: 'Service', name: `s${to}`, port: 80 };
  const rule = {
    filters:
      shape === 1
        ? [
            {
              type: 'RequestMirror',
              requestMirror: { backendRef: { kind: 'Service', name: 's0', port: 80 } },
            },
          ]
        : [
            {
              type: 'ResponseHeaderModifier',
              responseHeaderModifier: { set: [{ name: 'x-version', value: String(version) }] },
            },
          ],
    backendRefs: [ref],
    ...(shape === 2 ? { retry: { attempts: 2, codes: [503] } } : {}),
  };
  return stored('HTTPRoute', `r${at}`, {
    parentRefs: [{ name: 'web' }],
    hostnames: [`r${at}.example`],
    rules: shape === 3 ? [rule, { ...rule, name: 'second' }] : [rule],
  });
});
const serviceOf = remembering((key): ServiceContent | undefined => {
  const shape = Number(key.split(' ')[1]);
  if (shape === 2) return undefined;
  return {
    type: 'ClusterIP',
    ports: [{ name: 'http', port: 80, ...(shape === 1 ? { appProtocol: 'kubernetes.io/h2c' } : {}) }],
  };
});
const gateway = stored('Gateway', 'web', {
  gatewayClassName: 'portolan',
  listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
});
const settings = stored('Backend', 's1', { endpoints: [], connectTimeoutMs: 900 });
const tls = stored('BackendTLSPolicy', 'tls', {
  targetRefs: [{ group: '', kind: 'Service', name: 's0' }],
  validation: {
    hostname: 's0.example',
    caCertificateRefs: [{ group: '', kind: 'Secret', name: 'ca' }],
  },
});
const policyOf = remembering((key) =>
  stored('GatewayPolicy', 'edge', {
    targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'web' }],
    defaults: { rules: { retryBudget: { percent: Number(key) * 10 } } },
  }),
);

function worldOf(chosen: Choices) {
  const objects: Stored[] = [clusterIn('DE'), gateway];
  chosen.routes.forEach(({ to, version, shape }, at) => {
    objects.push(routeOf(`${at} ${to} ${version} ${shape}`));
  });
  if (chosen.settings) objects.push(settings);
  if (chosen.tls) objects.push(tls);
  if (chosen.policy > 0) objects.push(policyOf(String(chosen.policy)));
  const services = new Map<string, ServiceContent>();
  chosen.services.forEach((shape, at) => {
    const service = serviceOf(`${at} ${shape}`);
    if (service !== undefined) services.set(`shop/s${at}`, service);
  });
  return { objects: objectsOf(...objects), found: { ...emptyInventory('one'), services } };
}

describe('gateways that are compiled again', () => {
  it('are what they would be of objects that were never seen before, whatever changed in between', () => {
    let reused = 0;
    fc.assert(
      fc.property(histories, (worlds) => {
        let last: ReturnType<typeof compileGateways> | undefined;
        for (const { objects, found } of worlds.map(worldOf)) {
          const again = compileGateways(objects, 'shop/fra', { ...context, found, before: last });
          const fresh = structuredClone({ objects, found });
          const first = compileGateways(fresh.objects, 'shop/fra', { ...context, found: fresh.found });
          expect(again).toEqual(first);
          for (const [id, rule] of Object.entries(again.part.rules))
            if (last?.part.rules[id] === rule) reused += 1;
          last = again;
        }
      }),
      { numRuns: 40 },
    );
    expect(reused).toBeGreaterThan(50);
  });

  it('come in pieces when there are many routes', () => {
    const many = Array.from({ length: 1_200 }, (_, at) =>
      stored('HTTPRoute', `r${at}`, {
        parentRefs: [{ name: 'web' }],
        hostnames: [`r${at}.example`],
        rules: [{}],
      }),
    );
    const steps = compileInSteps(objectsOf(clusterIn('DE'), gateway, ...many), 'shop/fra', context);
    let pieces = 1;
    while (steps.next().done !== true) pieces += 1;
    expect(pieces).toBeGreaterThanOrEqual(8);
  });
});
