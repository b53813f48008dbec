import type { StateView } from '../../src/routing/model.ts';

/**
 * The view as it would be with other drains: what a plan and a guard compare. Ramps count as finished, so that a diff shows
 * where the answers go and not where they are on the way.
 */
export function withDrains(view: StateView, drained: ReadonlySet<string>): StateView {
  return {
    target: (id) => view.target(id),
    cluster: (key) => (drained.has(key) ? { drainedForMs: Number.MAX_SAFE_INTEGER } : {}),
    lastHealthy: (policyKey, region) => view.lastHealthy(policyKey, region),
    staleForMs: view.staleForMs,
  };
}
