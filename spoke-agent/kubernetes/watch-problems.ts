import type { ReflectorState } from '../../kube/contract.ts';
import type { InventoryFacts } from '../../src/inventory/contract.ts';
import type { AgentLog } from '../log.ts';
import type { ClusterWatch } from './cluster-watch.ts';

/** A server that is away is said on the Cluster only when it stays so: restarts of API servers are nobody's business. */
const AWAY_MS = 60_000;
const LINE_EVERY_MS = 60_000;

type Problem = NonNullable<ReflectorState['problem']>;

/** Says in the log, once, what cannot be followed, and keeps it for facts and metrics. */
export interface WatchProblems {
  /** To be called when a state changed, and now and then. */
  look(watches: readonly ClusterWatch<unknown>[]): void;
  readonly facts: InventoryFacts['problems'];
  /** Watches by what is wrong with them. */
  readonly counts: Readonly<Record<Problem['kind'], number>>;
}

export function createWatchProblems(options: {
  readonly server: string;
  readonly monotonicMs: () => number;
  readonly log: AgentLog;
}): WatchProblems {
  const { server, monotonicMs, log } = options;
  const standing = new Map<string, Problem['kind']>();
  let facts: InventoryFacts['problems'] = [];
  let counts = { forbidden: 0, absent: 0, unavailable: 0 };
  let awaySinceMs: number | undefined;
  let lastLineMs = Number.NEGATIVE_INFINITY;

  const changed = (place: string, problem: Problem | undefined): void => {
    const before = standing.get(place);
    if (problem === undefined || problem.kind === 'unavailable') {
      if (before !== undefined && problem === undefined) {
        standing.delete(place);
        log.info({ resource: place }, 'a resource of Kubernetes is followed again');
      }
      return;
    }
    if (before === problem.kind) return;
    standing.set(place, problem.kind);
    if (problem.kind === 'forbidden')
      log.warn(
        { resource: place },
        `a resource of Kubernetes cannot be read, the rest goes on: ${problem.message}`,
      );
    else log.info({ resource: place }, 'the API server has no such resource; it is looked for every minute');
  };

  return {
    look(watches) {
      const now = monotonicMs();
      const found: { resource: string; message: string }[] = [];
      const next = { forbidden: 0, absent: 0, unavailable: 0 };
      let away: Problem | undefined;
      for (const { resource, object, states } of watches) {
        for (const { namespace, state } of states) {
          const { problem } = state;
          const place = placeOf(resource, namespace, object);
          changed(place, problem);
          if (problem === undefined) continue;
          next[problem.kind] += 1;
          if (problem.kind === 'unavailable') away ??= problem;
          else if (problem.kind === 'absent')
            found.push({ resource: place, message: 'the API server has no such resource' });
          else found.push({ resource: place, message: problem.message });
        }
      }
      counts = next;
      if (away === undefined) {
        if (awaySinceMs !== undefined && lastLineMs !== Number.NEGATIVE_INFINITY)
          log.info({ server }, 'the Kubernetes API server answers again');
        awaySinceMs = undefined;
        lastLineMs = Number.NEGATIVE_INFINITY;
      } else {
        awaySinceMs ??= now;
        if (now - lastLineMs >= LINE_EVERY_MS) {
          lastLineMs = now;
          log.warn(
            { server, sinceSeconds: Math.round((now - awaySinceMs) / 1000), err: { message: away.message } },
            'the Kubernetes API server does not answer; what was found before stays',
          );
        }
        if (now - awaySinceMs >= AWAY_MS)
          found.push({ resource: 'kube-apiserver', message: 'the API server has not answered for a minute' });
      }
      facts = found;
    },
    get facts() {
      return facts;
    },
    get counts() {
      return counts;
    },
  };
}

/** Apart for each object that is followed by itself: of two Secrets in a namespace one may be granted. */
function placeOf(resource: string, namespace: string | undefined, object: string | undefined): string {
  if (namespace === undefined) return resource;
  return object === undefined ? `${resource} in ${namespace}` : `${resource} ${namespace}/${object}`;
}
