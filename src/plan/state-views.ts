import type { StateView } from '../routing/model.ts';

/** The view with every target up; drains stay. */
export function allUp(state: StateView): StateView {
  return {
    target: () => ({ state: 'up', earliestChangeMs: Number.POSITIVE_INFINITY }),
    cluster: (key) => state.cluster(key),
    lastHealthy: (policyKey, region) => state.lastHealthy(policyKey, region),
    staleForMs: 0,
  };
}

/** The view with these targets down besides. */
export function downToo(state: StateView, down: ReadonlySet<string>): StateView {
  return {
    target: (id) =>
      down.has(id) ? { state: 'down', earliestChangeMs: Number.POSITIVE_INFINITY } : state.target(id),
    cluster: (key) => state.cluster(key),
    lastHealthy: (policyKey, region) => state.lastHealthy(policyKey, region),
    staleForMs: state.staleForMs,
  };
}

/** Changes of a zone that one ramp causes. */
const STEPS = 4;

/** The view with drains that ramp in four steps instead of all the time: a full share until the first quarter of the ramp is over. */
export function inSteps(state: StateView, ramp: { readonly drainRampSeconds: number }): StateView {
  const stepMs = (ramp.drainRampSeconds * 1000) / STEPS;
  if (stepMs === 0) return state;
  const stepped = (ms: number): number => Math.floor(ms / stepMs) * stepMs;
  return {
    target: (id) => state.target(id),
    cluster(key) {
      const { drainedForMs, undrainedForMs, wasDrainedForMs, drainEndsInMs } = state.cluster(key);
      return {
        ...(drainedForMs === undefined ? {} : { drainedForMs: stepped(drainedForMs) }),
        ...(undrainedForMs === undefined ? {} : { undrainedForMs: stepped(undrainedForMs) }),
        ...(wasDrainedForMs === undefined ? {} : { wasDrainedForMs: stepped(wasDrainedForMs) }),
        ...(drainEndsInMs === undefined ? {} : { drainEndsInMs }),
      };
    },
    lastHealthy: (policyKey, region) => state.lastHealthy(policyKey, region),
    staleForMs: state.staleForMs,
  };
}

/** Milliseconds until the next step of a ramp of any of these clusters, or the end of a drain; `Infinity`: none in sight. */
export function nextStepMs(
  state: StateView,
  clusters: Iterable<string>,
  ramp: { readonly drainRampSeconds: number },
): number {
  const rampMs = ramp.drainRampSeconds * 1000;
  const stepMs = rampMs / STEPS;
  let next = Number.POSITIVE_INFINITY;
  for (const cluster of clusters) {
    const { drainedForMs, undrainedForMs, drainEndsInMs } = state.cluster(cluster);
    if (drainEndsInMs !== undefined) next = Math.min(next, drainEndsInMs);
    for (const sinceMs of [drainedForMs, undrainedForMs]) {
      if (sinceMs !== undefined && sinceMs < rampMs) next = Math.min(next, stepMs - (sinceMs % stepMs));
    }
  }
  return next;
}
