import { inSteps, nextStepMs } from '../../src/plan/state-views.ts';
import type { CompiledPolicy } from '../../src/routing/compiled.ts';
import type { StateView } from '../../src/routing/model.ts';
import { targetIdsOf } from '../reconcile/world.ts';

/** What of this moment decides a policy's records, as one text: the same text, the same records. */
export function momentOf(policy: CompiledPolicy, view: StateView): string {
  const { endpoints, residency, drainRampSeconds } = policy.source;
  const stepped = inSteps(view, policy.source);
  const parts: string[] = [];
  for (const endpoint of endpoints)
    parts.push(
      targetIdsOf(endpoint)
        .map((id) => view.target(id).state[0])
        .join(''),
    );
  for (const cluster of clustersOf(policy)) {
    const { drainedForMs, undrainedForMs, wasDrainedForMs } = stepped.cluster(cluster);
    // Past the ramp nothing changes any more; without one a drain is all or nothing.
    const step = (ms: number | undefined): string =>
      ms === undefined ? '-' : String(Math.min(ms, drainRampSeconds * 1000));
    const isBack = undrainedForMs !== undefined && undrainedForMs >= drainRampSeconds * 1000;
    parts.push(isBack ? '---' : `${step(drainedForMs)}${step(undrainedForMs)}${step(wasDrainedForMs)}`);
  }
  for (const rule of residency)
    if (rule.onAllDown.action === 'lastAnswer')
      parts.push(view.lastHealthy(policy.key, rule.region).join(','));
  return parts.join(' ');
}

/** Some endpoint's state has not been decided yet. */
export function isUndecided(policy: CompiledPolicy, view: StateView): boolean {
  return policy.source.endpoints.some((endpoint) =>
    targetIdsOf(endpoint).some((id) => view.target(id).state === 'unknown'),
  );
}

/** Milliseconds until the moment changes by itself: a ramp's next step. `Infinity`: not in sight. */
export function momentEndsInMs(policy: CompiledPolicy, view: StateView): number {
  return nextStepMs(view, clustersOf(policy), policy.source);
}

function clustersOf({ source }: CompiledPolicy): ReadonlySet<string> {
  return new Set(source.endpoints.map((endpoint) => endpoint.cluster));
}
