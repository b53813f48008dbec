import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { NameServerStats } from '../../nameserver/statistics.ts';
import type { ProberStats } from '../../prober/scheduler.ts';
import { apexExpiryMs } from '../../src/dns/dnssec/zone-material.ts';
import { renderMetrics } from '../../src/telemetry/metric-text.ts';
import { type CertificateCounts, certificateMetrics } from '../certificates/metrics.ts';
import type { CertificatesView } from '../certificates/statuses.ts';
import type { CredentialFeed } from '../credentials/feed.ts';
import type { ZoneSigningView } from '../dnssec/zone-signing.ts';
import type { ProviderDesk } from '../providers/desk.ts';
import { providerMetrics } from '../providers/metrics.ts';
import { quotaMetrics } from '../quota/metrics.ts';
import type { QuotaService } from '../quota/service.ts';
import type { Engine } from '../reconcile/engine.ts';
import type { SourceStatus } from '../sources/contract.ts';
import { sourceMetrics } from '../sources/metrics.ts';

export interface MetricsSources {
  readonly engine: Engine;
  readonly nameServer: () => Pick<NameServerStats, 'families'>;
  readonly prober: () => ProberStats;
  readonly activeDrills: () => number;
  readonly signedZones: () => ReadonlyMap<string, ZoneSigningView>;
  /** `undefined`: this hub drives no DNS providers. */
  readonly desk?: Pick<ProviderDesk, 'accounts' | 'operations' | 'phases' | 'zones' | 'readAges'> | undefined;
  /** How far the agents have the API keys. */
  readonly credentials?: Pick<CredentialFeed, 'standings' | 'stats'>;
  /** Limits that are shared out among the clusters. */
  readonly quota?: Pick<QuotaService, 'stats'>;
  /** Certificates that policies want. */
  readonly certificates?: {
    readonly view: CertificatesView;
    readonly counts: CertificateCounts;
    readonly wallMs: () => number;
  };
  /** What sets objects besides the API. */
  readonly sources?: () => readonly SourceStatus[];
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
  gauge(
    'portolan_hub_leader',
    '1 while this hub leads, 0 while it stands by or has lost its lead',
    [],
    (set) => set({}, engine.leading ? 1 : 0),
  );
  gauge('portolan_build_info', 'Version of the hub; always 1', ['version'], (set) =>
    set({ version: sources.version }, 1),
  );
  gauge(
    'portolan_key_feed_sequence',
    'Last change of API keys that the agent of the cluster has on its disk',
    ['namespace', 'cluster'],
    (set) => {
      for (const { clusterKey, acknowledged } of sources.credentials?.standings ?? []) {
        const [namespace = '', cluster = ''] = clusterKey.split('/');
        if (acknowledged !== undefined) set({ namespace, cluster }, acknowledged.sequence);
      }
    },
  );
  counter('portolan_key_deltas_total', 'Messages with changes of API keys sent to agents', [], (set) =>
    set({}, sources.credentials?.stats.deltas ?? 0),
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
  gauge('portolan_dnssec_keys', 'Keys of signed zones', ['zone', 'role', 'state'], (set) => {
    for (const { origin, zone } of sources.signedZones().values()) {
      const counts = new Map<string, number>();
      for (const { role, state } of zone.state.keys) {
        const key = `${role} ${state}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      for (const [key, count] of counts) {
        const [role = '', state = ''] = key.split(' ');
        set({ zone: origin, role, state }, count);
      }
    }
  });
  gauge(
    'portolan_dnssec_signature_expiry_seconds',
    'When the first signature that the hub made over a zone ends, in seconds since 1970; alarm when it is less than 10 days away',
    ['zone'],
    (set) => {
      for (const { origin, zone } of sources.signedZones().values())
        if (zone.apex !== undefined) set({ zone: origin }, apexExpiryMs(zone.apex, zone.settings) / 1000);
    },
  );
  gauge(
    'portolan_dnssec_zone_state',
    'Signed zones by state: signing, awaiting-ds, signed, unsigning; always 1',
    ['zone', 'state'],
    (set) => {
      for (const { origin, zone } of sources.signedZones().values())
        if (zone.state.phase !== 'unsigned') set({ zone: origin, state: zone.state.phase }, 1);
    },
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
  if (sources.quota !== undefined) quotaMetrics(sources.quota, gauge, counter);
  if (sources.certificates !== undefined) certificateMetrics(sources.certificates, gauge, counter);
  if (sources.sources !== undefined) sourceMetrics(sources.sources, gauge);
  if (sources.desk !== undefined) providerMetrics(sources.desk, gauge, counter);
  return {
    text: async () => (await registry.metrics()) + renderMetrics(sources.nameServer().families),
  };
}
