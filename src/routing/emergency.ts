import { TYPE } from '../dns/types.ts';
import type { CompiledEndpoint } from './compiled.ts';
import type { Mode } from './evaluate.ts';
import { activityOf, admits, type Context, offers, type Progress, type Wanted, weightOf } from './gather.ts';
import type { ResidencySet } from './residency.ts';

/** Nobody admitted and reachable is healthy. */
export function nobodyHealthy(
  context: Context,
  wanted: Wanted,
  qtype: number,
  progress: Progress,
): { mode: Mode; maintenance: readonly string[] } {
  const { policy, residency, state } = context;
  const onAllDown = residency.governing?.onAllDown;
  if (onAllDown?.action === 'maintenance') {
    return { mode: 'maintenance', maintenance: maintenanceAddresses(residency, qtype) };
  }
  const reachable = new Map<CompiledEndpoint, number>();
  for (const tier of progress.visited) {
    for (const member of tier.members) {
      const { endpoint } = member;
      if (!admits(context, endpoint) || !offers(endpoint, wanted) || reachable.has(endpoint)) continue;
      reachable.set(endpoint, weightOf(member));
    }
  }
  const add = (endpoint: CompiledEndpoint, weight: number): void => {
    progress.candidates.push({ endpoint, weight });
    context.trace?.endpoint(endpoint, 'eligible');
  };
  const isDrained = (endpoint: CompiledEndpoint): boolean =>
    activityOf(policy, state, endpoint.cluster, progress) === 0;

  if (onAllDown?.action === 'lastAnswer' && residency.governing !== undefined) {
    const last = state.lastHealthy(policy.key, residency.governing.region);
    for (const endpoint of policy.endpoints) {
      if (!last.includes(endpoint.name) || !admits(context, endpoint) || !offers(endpoint, wanted)) continue;
      if (!isDrained(endpoint)) add(endpoint, reachable.get(endpoint) ?? endpoint.capacity);
    }
    if (progress.candidates.length > 0) return { mode: 'lastAnswer', maintenance: [] };
  }
  for (const [endpoint, weight] of reachable) if (!isDrained(endpoint)) add(endpoint, weight);
  if (progress.candidates.length > 0) return { mode: 'panic', maintenance: [] };
  for (const [endpoint, weight] of reachable) add(endpoint, weight);
  return { mode: progress.candidates.length > 0 ? 'lastResort' : 'noData', maintenance: [] };
}

export function maintenanceAddresses(residency: ResidencySet, qtype: number): readonly string[] {
  const onAllDown = residency.governing?.onAllDown;
  if (onAllDown?.action !== 'maintenance') return [];
  if (qtype === TYPE.A) return onAllDown.addresses.filter((address) => !address.includes(':'));
  return qtype === TYPE.AAAA ? onAllDown.addresses.filter((address) => address.includes(':')) : [];
}
