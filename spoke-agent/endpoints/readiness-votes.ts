import type { Vote } from '../../src/health/types.ts';
import { unreadiness } from '../../src/kubernetes/readiness.ts';
import type { EndpointNames } from '../../src/kubernetes/service-endpoints.ts';

/**
 * What the cluster's Services say about its own health targets, as part of this vantage point's votes: a target whose Services all have no endpoint that
 * takes requests is DOWN here, whatever its probe says; every other one is as its probe says. It is one vote of one failure domain, as before.
 */
export interface ReadinessVotes {
  /** By target: the Services it depends on. @returns targets whose vote is otherwise now */
  watch(targets: readonly (readonly [target: string, services: readonly string[]])[]): readonly string[];
  /** Endpoints are otherwise. @returns targets whose vote is otherwise now */
  recheck(): readonly string[];
  /** The prober's votes, with what Services say. */
  join(votes: readonly Vote[]): readonly Vote[];
}

export function createReadinessVotes(
  of: (service: string) => { readonly endpoints: EndpointNames } | undefined,
  monotonicMs: () => number,
): ReadinessVotes {
  let watched: ReadonlyMap<string, readonly string[]> = new Map();
  let unready: ReadonlyMap<string, { readonly detail: string; readonly sinceMs: number }> = new Map();

  const recheck = (): readonly string[] => {
    const now = monotonicMs();
    const before = unready;
    const next = new Map<string, { readonly detail: string; readonly sinceMs: number }>();
    for (const [target, services] of watched) {
      const detail = unreadiness(services, of);
      if (detail !== undefined) next.set(target, { detail, sinceMs: before.get(target)?.sinceMs ?? now });
    }
    unready = next;
    return [...new Set([...before.keys(), ...next.keys()])].filter(
      (target) => before.get(target)?.detail !== next.get(target)?.detail,
    );
  };

  return {
    watch(targets) {
      watched = new Map(targets);
      return recheck();
    },
    recheck,
    join(votes) {
      if (unready.size === 0) return votes;
      const now = monotonicMs();
      return votes.map((vote) => {
        const why = unready.get(vote.targetId);
        // A drill says so itself.
        if (why === undefined || vote.injected === true) return vote;
        return {
          ...vote,
          verdict: 'down',
          ageMs: 0,
          sinceMs: Math.max(0, now - why.sinceMs),
          detail: why.detail,
        };
      });
    },
  };
}
