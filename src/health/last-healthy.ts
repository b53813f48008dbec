import type { RegionTable, RoutedEndpoint, RoutedPolicy } from '../routing/model.ts';

/** Endpoint names of the last healthy answer, by policy and residency region; JSON-safe as its entries. */
export type LastHealthy = ReadonlyMap<string, readonly string[]>;

export const lastHealthyKey = (policyKey: string, region: string): string => `${policyKey} ${region}`;

export interface LastHealthyInput {
  readonly policies: readonly RoutedPolicy[];
  readonly regions: RegionTable;
  readonly targetState: (targetId: string) => 'up' | 'down' | 'unknown';
  /** True while a person or a drill keeps the cluster out of answers. */
  readonly isDrained: (cluster: string) => boolean;
}

/**
 * Remembers, for every residency rule with `onAllDown: lastAnswer`, which endpoints inside the region were healthy when
 * any was. Rules and policies that are gone are forgotten. The very same map comes back when nothing changed.
 */
export function trackLastHealthy(previous: LastHealthy, input: LastHealthyInput): LastHealthy {
  const next = new Map<string, readonly string[]>();
  let changed = false;
  for (const policy of input.policies) {
    for (const rule of policy.residency) {
      if (rule.onAllDown.action !== 'lastAnswer') continue;
      const key = lastHealthyKey(`${policy.namespace}/${policy.name}`, rule.region);
      const countries = input.regions[rule.region] ?? [];
      const healthy = policy.endpoints
        .filter((endpoint) => countries.includes(endpoint.country))
        .filter((endpoint) => !input.isDrained(endpoint.cluster) && isUp(endpoint, input.targetState))
        .map((endpoint) => endpoint.name);
      const before = previous.get(key);
      const now = healthy.length > 0 ? healthy : before;
      if (now === undefined) continue;
      const same =
        before !== undefined && before.length === now.length && before.every((name, i) => name === now[i]);
      changed ||= !same;
      next.set(key, same ? before : now);
    }
  }
  return changed || next.size !== previous.size ? next : previous;
}

function isUp(endpoint: RoutedEndpoint, targetState: LastHealthyInput['targetState']): boolean {
  if (endpoint.cname !== undefined) return targetState(endpoint.cname.targetId) === 'up';
  return endpoint.addresses.some((address) => targetState(address.targetId) === 'up');
}
