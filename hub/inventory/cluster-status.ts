import type { ClusterInventory, InventoryKind } from '../../src/inventory/contract.ts';
import { INVENTORY_KINDS } from '../../src/inventory/contract.ts';
import { foundAddresses } from '../../src/inventory/found-addresses.ts';
import { FOUND_KINDS } from '../../src/policy/found-objects.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { KubernetesStatus } from '../../src/resources/cluster.ts';
import type { Objects } from '../reconcile/objects.ts';
import type { KnownInventory } from './desk.ts';

/** After this long people are told that an inventory is waited for. */
const PATIENCE_MS = 60_000;
/** Names in one message. */
const NAMED = 10;
const MAX_PROBLEMS = 32;

type Problem = KubernetesStatus['problems'][number];

/**
 * What a Cluster's status says of Kubernetes. While nothing is known it says what it said: a hub that was started anew, and an agent that is
 * away, take nothing back.
 * @param sendsNone the agent is there, and says that it looks into no Kubernetes cluster
 */
export function kubernetesStatus(
  cluster: Resource<'Cluster'>,
  known: KnownInventory | undefined,
  sendsNone: boolean,
  context: {
    readonly objects: Objects;
    /** Of the inventory, which the hub has as well. */
    readonly usable: (address: string) => boolean;
    readonly wallMs: number;
  },
): KubernetesStatus | undefined {
  const before = cluster.status?.kubernetes;
  if (known === undefined) return sendsNone ? undefined : before;
  const late = lateProblem(known, context.wallMs);
  const { inventory } = known;
  if (inventory?.facts === undefined) {
    if (before === undefined || late === undefined) return before;
    return { ...before, problems: [late, ...before.problems.filter((p) => p.resource !== late.resource)] };
  }
  const { facts } = inventory;
  const addresses = foundAddresses(before?.addresses ?? [], facts.addresses, context.wallMs, context.usable);
  const problems = [
    ...facts.problems,
    ...refusedProblems(inventory),
    ...shadowedProblems(inventory, context.objects),
    ...ignoredProblems(cluster, inventory),
    ...addressProblems(cluster, inventory, context.usable),
  ];
  return {
    version: facts.version,
    nodes: facts.nodes,
    addresses,
    gatewayNamespaces: [
      ...new Set([...inventory.resources.Gateway.values()].map(({ metadata }) => metadata.namespace)),
    ].sort(),
    objects: countsOf(inventory),
    problems: problems.slice(0, MAX_PROBLEMS),
  };
}

function lateProblem({ awaitedSinceMs }: KnownInventory, wallMs: number): Problem | undefined {
  if (awaitedSinceMs === undefined || wallMs - awaitedSinceMs < PATIENCE_MS) return undefined;
  return {
    resource: 'inventory',
    message: `since ${new Date(awaitedSinceMs).toISOString()} the agent has not told what it finds, so it keeps the snapshot that it has: look at its log, and whether it reaches its API server`,
  };
}

/** What was found and can be used, by kind. */
export function countsOf(inventory: ClusterInventory): Readonly<Record<string, number>> {
  const sizes: Record<InventoryKind, number> = {
    Gateway: inventory.resources.Gateway.size,
    HTTPRoute: inventory.resources.HTTPRoute.size,
    GRPCRoute: inventory.resources.GRPCRoute.size,
    BackendTLSPolicy: inventory.resources.BackendTLSPolicy.size,
    ReferenceGrant: inventory.resources.ReferenceGrant.size,
    Service: inventory.services.size,
    Secret: inventory.secrets.size,
    Namespace: inventory.namespaces.size,
  };
  return Object.fromEntries(
    INVENTORY_KINDS.flatMap((kind) => (sizes[kind] === 0 ? [] : [[kind, sizes[kind]]])),
  );
}

function refusedProblems({ refused }: ClusterInventory): readonly Problem[] {
  return [...refused]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .slice(0, NAMED)
    .map(([resource, { problem }]) => ({ resource, message: problem }));
}

/** Keys of objects that the hub has as well. */
export function shadowedKeys(inventory: ClusterInventory, objects: Objects): readonly string[] {
  return FOUND_KINDS.flatMap((kind) =>
    [...inventory.resources[kind].keys()]
      .filter((name) => objects[kind].has(name))
      .map((name) => `${kind} ${name}`),
  );
}

function shadowedProblems(inventory: ClusterInventory, objects: Objects): readonly Problem[] {
  return shadowedKeys(inventory, objects)
    .slice(0, NAMED)
    .map((resource) => ({
      resource,
      message: 'the hub has an object of this kind and name, which is used in its place',
    }));
}

function ignoredProblems(
  { metadata }: Resource<'Cluster'>,
  { ignored }: ClusterInventory,
): readonly Problem[] {
  if (ignored.size === 0) return [];
  const names = [...ignored.keys()].sort().slice(0, NAMED).join(', ');
  const more = ignored.size > NAMED ? ` and ${ignored.size - NAMED} more` : '';
  return [
    {
      resource: 'namespaces',
      message: `a Cluster in namespace ${metadata.namespace} carries the Kubernetes namespace ${metadata.namespace} alone; not used: ${names}${more}`,
    },
  ];
}

function addressProblems(
  { spec }: Resource<'Cluster'>,
  { facts }: ClusterInventory,
  usable: (address: string) => boolean,
): readonly Problem[] {
  const told = facts?.addresses ?? [];
  const bad = told.filter(({ type, value }) => type === 'IPAddress' && !usable(value));
  const problems: Problem[] = bad.slice(0, NAMED).map(({ value, from }) => ({
    resource: from,
    message: `${value} is no address that answers may have; allow its range in the hub's network.allowedRanges, or set spec.addresses`,
  }));
  const hostname = told.find(({ type }) => type === 'Hostname');
  if (spec.addresses.length === 0 && hostname !== undefined && told.every(({ type }) => type === 'Hostname'))
    problems.push({
      resource: hostname.from,
      message: `clients reach it by the name ${hostname.value}, which may change its addresses: set \`cname: ${hostname.value}.\` at the endpoints of TrafficPolicies on this cluster`,
    });
  return problems;
}
