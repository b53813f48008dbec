import type { NameServerStats } from '../nameserver/statistics.ts';
import type { StateView } from '../src/routing/model.ts';
import { type Family, renderMetrics, single } from '../src/telemetry/metric-text.ts';
import type { ServedSnapshot } from './served-snapshot.ts';

export interface DataFigures {
  readonly served: ServedSnapshot;
  readonly states: StateView;
  readonly source: 'hub' | 'quorum' | 'saved';
  readonly nameServer: NameServerStats | undefined;
  readonly gateway: readonly Family[];
  readonly controlRunning: boolean;
  readonly controlRestarts: number;
  readonly hubUp: boolean;
  readonly rssBytes: number;
}

/** What the data process knows, as metrics. */
export function dataMetrics(figures: DataFigures): string {
  const { served, nameServer } = figures;
  const families: Family[] = [
    single('gauge', 'portolan_agent_hub_up', '1 while the stream to the hub is up.', Number(figures.hubUp)),
    single(
      'gauge',
      'portolan_agent_control_up',
      '1 while the control process runs.',
      Number(figures.controlRunning),
    ),
    single(
      'counter',
      'portolan_agent_control_restarts_total',
      'Restarts of the control process.',
      figures.controlRestarts,
    ),
    single(
      'gauge',
      'portolan_agent_snapshot_sequence',
      'Content sequence of the served snapshot.',
      served.sequence,
    ),
    single('gauge', 'portolan_agent_zones', 'Zones served.', served.zones),
    single('gauge', 'portolan_agent_hostnames', 'Routed hostnames served.', served.hostnames),
    single(
      'gauge',
      'portolan_agent_geo_mismatch',
      '1 when the hub uses another GeoIP database.',
      Number(served.otherGeoDatabase),
    ),
    single(
      'gauge',
      'portolan_agent_stale_seconds',
      'Time since the hub was heard.',
      figures.states.staleForMs / 1000,
    ),
    {
      name: 'portolan_agent_states_source',
      help: 'Who decides the states that are served.',
      type: 'gauge',
      samples: [{ labels: { source: figures.source }, value: 1 }],
    },
    single(
      'gauge',
      'portolan_agent_data_resident_bytes',
      'Resident memory of the data process.',
      figures.rssBytes,
    ),
  ];
  families.push(...(nameServer?.families ?? []), ...figures.gateway);
  return renderMetrics(families);
}
