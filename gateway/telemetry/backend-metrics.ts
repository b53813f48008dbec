import type { Counters, Metric } from '../../src/telemetry/counters.ts';
import type { BackendSummary } from '../upstream/upstreams.ts';

/** Numbers that backends keep themselves are brought into the counters this often. */
const LOOK_EVERY_MS = 2_000;

const COUNTS = {
  failures: metric('failures_total', 'Exchanges that failed at a backend.', 'counter'),
  timeouts: metric('timeouts_total', 'Exchanges that a backend did not finish in time.', 'counter'),
  overloads: metric(
    'overloads_total',
    'Requests refused because all connections to a backend were in use.',
    'counter',
  ),
  ejections: metric('ejections_total', 'Times an endpoint was left out for failing in a row.', 'counter'),
  mirrorsDropped: metric('mirrors_dropped_total', 'Copies of requests that were not sent.', 'counter'),
} as const;
const CONNECTIONS = metric('connections', 'Open connections to a backend.', 'gauge');
const AVAILABLE = metric(
  'available_endpoints',
  'Endpoints of a backend that take requests, added up over threads.',
  'gauge',
);

function metric(name: string, help: string, type: Metric['type']): Metric {
  return { name: `portolan_gateway_backend_${name}`, help, type };
}

/**
 * Backends that were never asked are left out: of thousands of Services few are busy, and each would cost every thread some kilobytes.
 * @returns ends it
 */
export function backendMetrics(
  counters: Counters,
  summaries: () => Iterable<BackendSummary>,
  after: (delayMs: number, task: () => void) => () => void,
): () => void {
  let named = new Set<string>();
  const look = (): void => {
    const now = new Set<string>();
    for (const { backend, counts, connections, available } of summaries()) {
      if (counts.requests === 0 && counts.mirrored === 0 && counts.mirrorsDropped === 0) continue;
      now.add(backend);
      const labels = { backend };
      for (const key of Object.keys(COUNTS) as (keyof typeof COUNTS)[])
        counters.counter(COUNTS[key], labels).set(counts[key]);
      counters.counter(CONNECTIONS, labels).set(connections);
      counters.counter(AVAILABLE, labels).set(available);
    }
    for (const backend of named) {
      if (now.has(backend)) continue;
      counters.counter(CONNECTIONS, { backend }).set(0);
      counters.counter(AVAILABLE, { backend }).set(0);
    }
    named = now;
    cancel = after(LOOK_EVERY_MS, look);
  };
  let cancel = after(LOOK_EVERY_MS, look);
  return () => cancel();
}
