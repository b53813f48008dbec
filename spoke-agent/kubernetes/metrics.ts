import { type Family, single } from '../../src/telemetry/metric-text.ts';
import type { ClusterAgentStats, WatchState } from './cluster-agent.ts';

const STATES: readonly WatchState[] = ['synced', 'syncing', 'forbidden', 'absent', 'unavailable'];

/** What the control process knows of its Kubernetes cluster, as metrics. */
export function kubernetesMetrics(stats: ClusterAgentStats): readonly Family[] {
  const { watches, statuses, told } = stats;
  const resources = [...new Set(watches.map(({ resource }) => resource))];
  return [
    {
      name: 'portolan_agent_kubernetes_objects',
      help: 'Objects kept of the Kubernetes cluster, by resource.',
      type: 'gauge',
      samples: Object.entries(stats.objects).map(([resource, value]) => ({ labels: { resource }, value })),
    },
    {
      name: 'portolan_agent_kubernetes_watches',
      help: 'Watches by resource and state; anything but synced is not followed now.',
      type: 'gauge',
      samples: resources.flatMap((resource) =>
        STATES.flatMap((state) => {
          const value = watches.filter((one) => one.resource === resource && one.state === state).length;
          return value === 0 ? [] : [{ labels: { resource, state }, value }];
        }),
      ),
    },
    single(
      'counter',
      'portolan_agent_kubernetes_lists_total',
      'Whole lists read of the Kubernetes API server.',
      stats.lists,
    ),
    single(
      'counter',
      'portolan_agent_kubernetes_watch_starts_total',
      'Watches opened at the Kubernetes API server.',
      stats.restarts,
    ),
    single(
      'gauge',
      'portolan_agent_kubernetes_problems',
      'What of the Kubernetes cluster cannot be read or written, or has no room.',
      stats.problems.length,
    ),
    single(
      'gauge',
      'portolan_agent_kubernetes_inventory_objects',
      'Objects that the hub is told of.',
      told.objects,
    ),
    single(
      'gauge',
      'portolan_agent_kubernetes_inventory_complete',
      '1: the hub of this stream has all of it.',
      stats.complete ? 1 : 0,
    ),
    single(
      'counter',
      'portolan_agent_kubernetes_inventory_messages_total',
      'Messages of the inventory sent.',
      told.messages,
    ),
    single(
      'counter',
      'portolan_agent_kubernetes_status_writes_total',
      'Statuses written to the Kubernetes API server.',
      statuses.written,
    ),
    single(
      'counter',
      'portolan_agent_kubernetes_status_failures_total',
      'Statuses that could not be written; they are tried again.',
      statuses.failed,
    ),
    single(
      'gauge',
      'portolan_agent_kubernetes_statuses_failing',
      'Statuses that the API server did not take, or that wait until it takes others of their resource.',
      statuses.failing,
    ),
    single(
      'gauge',
      'portolan_agent_kubernetes_status_writer',
      '1: this agent holds the Lease and writes statuses.',
      stats.leads ? 1 : 0,
    ),
  ];
}
