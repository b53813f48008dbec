import type { RoutedEndpoint } from '../../src/routing/model.ts';
import type { ObjectKey } from './objects.ts';
import { targetIdsOf, type World } from './world.ts';

/** What guards need to know of the moment besides the objects. */
export interface Moment {
  /** Decided state of a health target. */
  readonly targetState: (targetId: string) => 'up' | 'down' | 'unknown';
  readonly wallMs: number;
}

/** Clusters that a Drain of the world takes out now. */
export function drainedClusters(world: World, wallMs: number): ReadonlySet<ObjectKey> {
  const drained = new Set<ObjectKey>();
  for (const drain of world.objects.Drain.values()) {
    if (drain.metadata.deletionTimestamp !== undefined) continue;
    if (drain.spec.expiresAt !== undefined && Date.parse(drain.spec.expiresAt) <= wallMs) continue;
    drained.add(`${drain.metadata.namespace}/${drain.spec.cluster}`);
  }
  return drained;
}

export interface Capacity {
  readonly endpoints: readonly RoutedEndpoint[];
  /** Not drained. */
  readonly active: readonly RoutedEndpoint[];
  /** Not drained and not known to be down. */
  readonly serving: readonly RoutedEndpoint[];
}

/** The endpoints that answer for a hostname, by what could serve now. `undefined` when no policy answers it. */
export function capacityOf(
  world: World,
  hostname: string,
  drained: ReadonlySet<ObjectKey>,
  moment: Moment,
): Capacity | undefined {
  const key = world.hostnames.get(hostname);
  const routed = key === undefined ? undefined : world.policies.get(key)?.routed;
  if (routed === undefined) return undefined;
  const endpoints = routed.policy.endpoints.filter((e) => isRouted(routed.policy, e.name));
  const active = endpoints.filter((e) => !drained.has(e.cluster));
  const serving = active.filter((e) => targetIdsOf(e).some((id) => moment.targetState(id) !== 'down'));
  return { endpoints, active, serving };
}

function isRouted(
  policy: {
    readonly geo: readonly { readonly tiers: readonly Tier[] }[];
    readonly defaultTiers: readonly Tier[];
  },
  endpoint: string,
): boolean {
  const names = (tiers: readonly Tier[]): boolean =>
    tiers.some((t) => t.members.some((m) => m.endpoint === endpoint));
  return names(policy.defaultTiers) || policy.geo.some((g) => names(g.tiers));
}

type Tier = { readonly members: readonly { readonly endpoint: string }[] };

export function capacitySum(endpoints: readonly RoutedEndpoint[]): number {
  return endpoints.reduce((sum, e) => sum + e.capacity, 0);
}
