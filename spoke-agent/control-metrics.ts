import type { ProberStats } from '../prober/scheduler.ts';
import { type Family, renderMetrics, single } from '../src/telemetry/metric-text.ts';
import type { ControlCertificates } from './certificates/control-certificates.ts';

export interface ControlFigures {
  readonly prober: ProberStats | undefined;
  readonly peers: number;
  readonly votesSent: number;
  readonly decisionSequence: number;
  readonly epoch: number;
  readonly targets: number;
  readonly rssBytes: number;
  /** Of API keys. */
  /** What other programs got. */
  readonly certificates: ControlCertificates['stats'];
  /** Of the Kubernetes cluster; empty without one. */
  readonly kubernetes: readonly Family[];
  readonly keys: { readonly deltas: number; readonly refused: number; readonly syncs: number };
}

/** What the control process knows, as metrics. */
export function controlMetrics(figures: ControlFigures): string {
  const { prober } = figures;
  const families: Family[] = [
    single('gauge', 'portolan_agent_peers_connected', 'Other agents connected.', figures.peers),
    single('counter', 'portolan_agent_vote_batches_total', 'Batches of votes sent.', figures.votesSent),
    single(
      'gauge',
      'portolan_agent_decision_sequence',
      'Sequence of the last decisions of the hub.',
      figures.decisionSequence,
    ),
    single('counter', 'portolan_agent_key_deltas_total', 'Changes of API keys kept.', figures.keys.deltas),
    single(
      'counter',
      'portolan_agent_key_deltas_refused_total',
      'Changes of API keys refused: damaged, unsigned or older than what is known.',
      figures.keys.refused,
    ),
    single(
      'counter',
      'portolan_agent_key_reads_total',
      'Times all API keys were read from the hub.',
      figures.keys.syncs,
    ),
    single(
      'counter',
      'portolan_agent_certificate_exports_total',
      'Certificates given to other programs: files and Secrets written anew.',
      figures.certificates.written,
    ),
    single(
      'counter',
      'portolan_agent_certificate_reloads_total',
      'Programs told of a new certificate.',
      figures.certificates.reloads,
    ),
    single(
      'counter',
      'portolan_agent_certificate_export_failures_total',
      'Times a certificate could not be given to a program, or its reload failed.',
      figures.certificates.failures,
    ),
    single(
      'gauge',
      'portolan_agent_certificate_exports_failing',
      'Exports of certificates that failed at the last try.',
      figures.certificates.failing,
    ),
    single('gauge', 'portolan_agent_epoch', 'Lowest hub epoch that is listened to.', figures.epoch),
    single('gauge', 'portolan_agent_targets', 'Health targets known.', figures.targets),
    single(
      'gauge',
      'portolan_agent_control_resident_bytes',
      'Resident memory of the control process.',
      figures.rssBytes,
    ),
  ];
  if (prober !== undefined) {
    families.push(
      {
        name: 'portolan_probes_total',
        help: 'Finished probes by result.',
        type: 'counter',
        samples: Object.entries(prober.probes).map(([result, value]) => ({ labels: { result }, value })),
      },
      single('counter', 'portolan_probes_injected_total', 'Probes that a drill made fail.', prober.injected),
      single('counter', 'portolan_probe_confirms_total', 'Hedged confirms sent.', prober.confirms),
      single(
        'counter',
        'portolan_probe_confirms_refused_total',
        'Confirms the budget refused.',
        prober.confirmsRefused,
      ),
      {
        name: 'portolan_probe_slots_missed_total',
        help: 'Scheduled probes left out.',
        type: 'counter',
        samples: [
          { labels: { because: 'running' }, value: prober.missedRunning },
          { labels: { because: 'waiting' }, value: prober.missedWaiting },
        ],
      },
      single('gauge', 'portolan_probe_targets', 'Targets probed from here.', prober.targets),
      single('gauge', 'portolan_probe_queue', 'Probes that wait for room.', prober.queued),
    );
  }
  return renderMetrics([...families, ...figures.kubernetes]);
}
