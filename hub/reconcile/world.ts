import type { FieldViolation } from '../../src/errors/error.ts';
import type { Target } from '../../src/health/types.ts';
import type { FoundObjects } from '../../src/policy/found-objects.ts';
import type { RoutingPart } from '../../src/protocol/snapshot.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { type ClusterSpec, clusterAddresses } from '../../src/resources/cluster.ts';
import { routePolicy } from '../../src/routing/compile.ts';
import { type CompiledPolicy, compilePolicy } from '../../src/routing/compiled.ts';
import type { RegionTable, RoutedPolicy } from '../../src/routing/model.ts';
import { type ObjectKey, type Objects, objectKey } from './objects.ts';

/** What does not come from resources: the operator's configuration. */
export interface WorldContext {
  readonly regions: RegionTable;
  readonly allowedRanges: readonly string[];
  /** Namespaces whose DNSProviders may use the hub's own credentials; `default` when left out. */
  readonly ownCredentials?: readonly string[];
  /** What agents found in their clusters: warnings about what is missing look there too. */
  readonly found?: () => Iterable<FoundObjects>;
  /** False when the GeoIP database knows countries only. */
  readonly hasSubdivisions?: boolean;
}

/** A policy with its references resolved, or why they do not resolve. */
export interface PolicyEntry {
  readonly resource: Resource<'TrafficPolicy'>;
  readonly routed: { readonly policy: RoutedPolicy; readonly compiled: CompiledPolicy } | undefined;
  readonly targets: readonly Target[];
  readonly violations: readonly FieldViolation[];
  /** Identity of everything it was made from; the entry is reused while that stays. */
  readonly inputs: string;
}

/** Everything derived from the stored objects. Immutable; made anew on each change, reusing what did not change. */
export interface World {
  readonly objects: Objects;
  readonly policies: ReadonlyMap<ObjectKey, PolicyEntry>;
  /** Which policy answers a hostname. */
  readonly hostnames: ReadonlyMap<string, ObjectKey>;
  readonly targets: ReadonlyMap<string, Target>;
  /** Target id → `namespace/policy/endpoint`. */
  readonly usedBy: ReadonlyMap<string, readonly string[]>;
}

const identityOf = (resource: Resource | undefined): string =>
  resource === undefined ? '-' : `${resource.metadata.uid}.${resource.metadata.generation}`;

/** Level-based: reads all objects, redoes only the policies whose inputs changed since `previous`. */
export function buildWorld(objects: Objects, context: WorldContext, previous?: World): World {
  const policies = new Map<ObjectKey, PolicyEntry>();
  const hostnames = new Map<string, ObjectKey>();
  const targets = new Map<string, Target>();
  // Maps of objects share what did not change: with the same ones, a policy's own object says whether it changed.
  const sameReferences =
    objects.Cluster === previous?.objects.Cluster && objects.HealthCheck === previous.objects.HealthCheck;
  const byAge = [...objects.TrafficPolicy.values()].sort(olderFirst);
  for (const resource of byAge) {
    const key = objectKey(resource.metadata.namespace, resource.metadata.name);
    const entry = entryFor(key, resource);
    policies.set(key, entry);
    if (entry.routed === undefined) continue;
    for (const hostname of entry.routed.policy.hostnames)
      if (!hostnames.has(hostname)) hostnames.set(hostname, key);
    for (const target of entry.targets) if (!targets.has(target.id)) targets.set(target.id, target);
  }

  function entryFor(key: ObjectKey, resource: Resource<'TrafficPolicy'>): PolicyEntry {
    const known = previous?.policies.get(key);
    if (sameReferences && known?.resource === resource) return known;
    const inputs = inputsOf(resource, objects);
    if (known?.inputs !== inputs) return entryOf(resource, objects, context, inputs);
    return known.resource === resource ? known : { ...known, resource };
  }

  let usedBy: ReadonlyMap<string, readonly string[]> | undefined;
  return {
    objects,
    policies,
    hostnames,
    targets,
    // Only people ask for it.
    get usedBy() {
      usedBy ??= usersOf(policies);
      return usedBy;
    },
  };
}

function usersOf(policies: World['policies']): ReadonlyMap<string, readonly string[]> {
  const usedBy = new Map<string, string[]>();
  for (const [key, { routed }] of policies) {
    for (const endpoint of routed?.policy.endpoints ?? []) {
      for (const id of targetIdsOf(endpoint)) {
        const users = usedBy.get(id);
        if (users === undefined) usedBy.set(id, [`${key}/${endpoint.name}`]);
        else users.push(`${key}/${endpoint.name}`);
      }
    }
  }
  return usedBy;
}

/** True when both worlds answer alike, so that publishing the second anew would be for nothing. Compares references only. */
export function sameRouting(a: World, b: World): boolean {
  if (a.policies.size !== b.policies.size || a.objects.Zone.size !== b.objects.Zone.size) return false;
  for (const [key, entry] of b.policies) if (a.policies.get(key)?.routed !== entry.routed) return false;
  for (const [key, zone] of b.objects.Zone) {
    const before = a.objects.Zone.get(key);
    if (identityOf(before) !== identityOf(zone)) return false;
    if (before?.metadata.deletionTimestamp !== zone.metadata.deletionTimestamp) return false;
  }
  return true;
}

/** Ids of the health targets that judge an endpoint. */
export function targetIdsOf(endpoint: RoutedPolicy['endpoints'][number]): readonly string[] {
  return endpoint.cname === undefined ? endpoint.addresses.map((a) => a.targetId) : [endpoint.cname.targetId];
}

/** Targets that run on a cluster (`namespace/name`). */
export function targetsOf(world: World, cluster: string): readonly Target[] {
  return [...world.targets.values()].filter((t) => t.cluster === cluster);
}

/** When two policies claim one name (only a restored backup can bring that), the older one keeps it. */
function olderFirst(a: Resource, b: Resource): number {
  // The hub's own instants have one form (ISO 8601, UTC, milliseconds): their order is that of their code units.
  return (
    order(a.metadata.creationTimestamp, b.metadata.creationTimestamp) || order(a.metadata.uid, b.metadata.uid)
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function inputsOf(resource: Resource<'TrafficPolicy'>, objects: Objects): string {
  const { namespace } = resource.metadata;
  const clusters = new Set(resource.spec.endpoints.map((e) => e.cluster));
  const parts = [identityOf(resource)];
  for (const name of clusters) {
    const cluster = objects.Cluster.get(objectKey(namespace, name));
    parts.push(identityOf(cluster));
    // What an agent found may be otherwise although nobody wrote the object.
    if (cluster?.spec.addresses.length === 0) parts.push(clusterAddresses(cluster).join());
  }
  const check = resource.spec.healthCheck;
  if (check !== undefined && 'ref' in check)
    parts.push(identityOf(objects.HealthCheck.get(objectKey(namespace, check.ref))));
  return parts.join(' ');
}

function entryOf(
  resource: Resource<'TrafficPolicy'>,
  objects: Objects,
  context: WorldContext,
  inputs: string,
): PolicyEntry {
  const result = routePolicy(resource, {
    cluster: (name) => withAddresses(objects.Cluster.get(objectKey(resource.metadata.namespace, name))),
    healthCheck: (name) => objects.HealthCheck.get(objectKey(resource.metadata.namespace, name)),
    regions: context.regions,
    allowedRanges: context.allowedRanges,
  });
  if (!result.ok) return { resource, routed: undefined, targets: [], violations: result.violations, inputs };
  const compiled = compilePolicy(result.policy, context.regions);
  return {
    resource,
    routed: { policy: result.policy, compiled },
    targets: result.targets,
    violations: [],
    inputs,
  };
}

function withAddresses(cluster: Resource<'Cluster'> | undefined): { readonly spec: ClusterSpec } | undefined {
  if (cluster === undefined || cluster.spec.addresses.length > 0) return cluster;
  return { spec: { ...cluster.spec, addresses: [...clusterAddresses(cluster)] } };
}

/** The part of the snapshot that decides answers; without sequence and time, so that its hash names the content. */
export function routingContent(
  world: World,
  context: WorldContext,
  geoSha256: string,
  signingDigests: ReadonlyMap<string, string> = new Map(),
): Omit<RoutingPart, 'sequence' | 'issuedAtMs' | 'drains'> {
  const zones = [...world.objects.Zone.values()]
    .filter((z) => z.metadata.deletionTimestamp === undefined)
    .map((z) => {
      const { namespace, name } = z.metadata;
      const signingSha256 = signingDigests.get(z.spec.origin);
      return { namespace, name, spec: z.spec, ...(signingSha256 === undefined ? {} : { signingSha256 }) };
    })
    .sort((a, b) => (a.spec.origin < b.spec.origin ? -1 : 1));
  const policies = [...world.policies.entries()]
    .flatMap(([key, entry]) =>
      entry.routed === undefined ? [] : [{ key, policy: ownHostnames(entry.routed.policy, key, world) }],
    )
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map((p) => p.policy);
  return { zones, policies, regions: context.regions, geoSha256 };
}

function ownHostnames(policy: RoutedPolicy, key: ObjectKey, world: World): RoutedPolicy {
  if (policy.hostnames.every((h) => world.hostnames.get(h) === key)) return policy;
  return { ...policy, hostnames: policy.hostnames.filter((h) => world.hostnames.get(h) === key) };
}
