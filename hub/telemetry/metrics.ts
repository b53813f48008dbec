import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { NameServerStats } from '../../nameserver/statistics.ts';
import type { ProberStats } from '../../prober/scheduler.ts';
import { renderMetrics } from '../../src/telemetry/metric-text.ts';
import type { Engine } from '../reconcile/engine.ts';

export interface MetricsSources {
  readonly engine: Engine;
  readonly nameServer: () => Pick<NameServerStats, 'families'>;
  readonly prober: () => ProberStats;
  readonly activeDrills: () => number;
  readonly version: string;
}

/** Prometheus metrics of the hub; every figure is read when it is scraped. */
export function createMetrics(sources: MetricsSources): { text(): Promise<string> } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { engine } = sources;
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (set: (labels: Record<L, string>, value: number) => void) => void,
  ): void => {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        read((labels, value) => this.set(labels, value));
      },
    });
  };
  const counter = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (set: (labels: Record<L, string>, value: number) => void) => void,
  ): void => {
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        read((labels, value) => this.inc(labels, value));
      },
    });
  };
  gauge('portolan_build_info', 'Version of the hub; always 1', ['version'], (set) =>
    set({ version: sources.version }, 1),
  );
  gauge('portolan_content_sequence', 'Content sequence: the SOA serial of every zone', [], (set) =>
    set({}, engine.published?.sequence ?? 0),
  );
  gauge('portolan_targets', 'Health targets by decided state', ['namespace', 'cluster', 'state'], (set) => {
    const counts = new Map<string, number>();
    for (const target of engine.world.targets.values()) {
      const key = `${target.cluster}/${engine.health.state(target.id)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const [key, count] of counts) {
      const [namespace = '', cluster = '', state = ''] = key.split('/');
      set({ namespace, cluster, state }, count);
    }
  });
  gauge(
    'portolan_agent_connected',
    '1 while the agent of the cluster has a stream to this hub',
    ['namespace', 'cluster'],
    (set) => {
      for (const agent of engine.agents.all)
        set(
          { namespace: agent.identity.cluster.namespace, cluster: agent.identity.cluster.name },
          agent.connected ? 1 : 0,
        );
    },
  );
  gauge(
    'portolan_agent_snapshot_lag',
    'Content sequences the agent is behind',
    ['namespace', 'cluster'],
    (set) => {
      const live = engine.published?.sequence ?? 0;
      for (const agent of engine.agents.all)
        set(
          { namespace: agent.identity.cluster.namespace, cluster: agent.identity.cluster.name },
          Math.max(0, live - (agent.applied?.sequence ?? 0)),
        );
    },
  );
  gauge(
    'portolan_publications_kept',
    'Published contents that are kept: the newest and those that agents still answer from',
    [],
    (set) => set({}, engine.publicationsKept),
  );
  gauge('portolan_drills_active', 'Drills under way', [], (set) => set({}, sources.activeDrills()));
  counter('portolan_probes_total', "Finished probes of the hub's vantage point", ['outcome'], (set) => {
    for (const [outcome, count] of Object.entries(sources.prober().probes)) set({ outcome }, count);
  });
  counter(
    'portolan_probe_confirms_refused_total',
    'Confirms not sent because their budget was used up',
    [],
    (set) => set({}, sources.prober().confirmsRefused),
  );
  return {
    text: async () => (await registry.metrics()) + renderMetrics(sources.nameServer().families),
  };
}
