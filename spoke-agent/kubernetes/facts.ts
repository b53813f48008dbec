import type { InventoryFacts } from '../../src/inventory/contract.ts';
import type { KeptNode, KeptService, PublicAddress } from './project-core.ts';

export interface FactsWorld {
  readonly version: string;
  /** `namespace/name` of the Service in front of the gateways, when the configuration names it. */
  readonly gatewayService: string | undefined;
  /** Node addresses stand for the cluster when nothing else does. */
  readonly nodeAddresses: boolean;
  readonly services: ReadonlyMap<string, KeptService>;
  /** `namespace/name` of those of our class. */
  readonly gateways: ReadonlySet<string>;
  readonly ingresses: ReadonlyMap<string, readonly PublicAddress[]>;
  readonly nodes: ReadonlyMap<string, KeptNode>;
  readonly problems: InventoryFacts['problems'];
}

type Address = InventoryFacts['addresses'][number];

const MAX_ADDRESSES = 64;
const MAX_PROBLEMS = 100;
const MAX_ZONES = 200;
/** Of one text, in characters: an API server may answer with anything. */
const MAX_MESSAGE = 1_000;
const MAX_VERSION = 64;

/** What an agent says of its cluster as a whole. Equal worlds give equal facts. */
export function factsOf(world: FactsWorld): InventoryFacts {
  const nodes = [...world.nodes.values()];
  const ready = nodes.filter((node) => node.ready);
  const zones = new Map<string, number>();
  for (const { zone } of nodes) if (zone !== '') zones.set(zone, (zones.get(zone) ?? 0) + 1);
  return {
    version: world.version.slice(0, MAX_VERSION),
    addresses: publicAddresses(world).slice(0, MAX_ADDRESSES),
    nodes: {
      ready: ready.length,
      all: nodes.length,
      zones: Object.fromEntries([...zones].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, MAX_ZONES)),
      cpuMillis: sum(ready.map((node) => node.cpuMillis)),
      memoryBytes: sum(ready.map((node) => node.memoryBytes)),
    },
    problems: world.problems.slice(0, MAX_PROBLEMS).map(({ resource, message }) => ({
      resource: resource.slice(0, MAX_MESSAGE / 2),
      message: message.slice(0, MAX_MESSAGE),
    })),
  };
}

/**
 * Where clients reach the gateways, by the first of these that says anything: the Service that the configuration names; LoadBalancer Services that carry the
 * label of one of our Gateways; Ingresses (an older entry to the same cluster); nodes, when asked for. Other LoadBalancer Services are not taken:
 * most of them lead to something else. Statuses of Gateways are not: this agent writes them. Private addresses stay in: a fleet on a
 * private network has no others.
 */
function publicAddresses(world: FactsWorld): readonly Address[] {
  const { gatewayService: named, gateways } = world;
  const service = named === undefined ? [] : (world.services.get(named)?.addresses ?? []);
  if (named !== undefined && service.length > 0) return from(`Service ${named}`, service);
  const labelled = all('Service', world.services, ({ gateway, addresses }) =>
    gateway !== undefined && gateways.has(gateway) ? addresses : [],
  );
  if (labelled.length > 0) return labelled;
  const ingresses = all('Ingress', world.ingresses, (addresses) => addresses);
  if (ingresses.length > 0) return ingresses;
  return world.nodeAddresses ? all('Node', world.nodes, (node) => (node.ready ? node.external : [])) : [];
}

function all<T>(
  kind: string,
  items: ReadonlyMap<string, T>,
  addressesOf: (item: T) => readonly PublicAddress[],
): readonly Address[] {
  const found = [...items].flatMap(([name, item]) => from(`${kind} ${name}`, addressesOf(item)));
  const seen = new Set<string>();
  return found.toSorted(order).filter(({ value }) => {
    const first = !seen.has(value);
    seen.add(value);
    return first;
  });
}

function from(name: string, addresses: readonly PublicAddress[]): readonly Address[] {
  return addresses.map(({ type, value }) => ({ value, type, from: name })).toSorted(order);
}

function order(a: Address, b: Address): number {
  return a.value < b.value ? -1 : a.value > b.value ? 1 : a.from < b.from ? -1 : 1;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
