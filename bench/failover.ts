import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createNetwork } from '../test/support/network.ts';
import type { FailoverReport, FaultReport } from './failover-inside.ts';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';
import { run as healthMonth } from './health-month.ts';

/*
 * What a fault costs those who ask: hub, three agents and backends as the real programs with the shipped configuration, each on
 * a host of its own (a network namespace), and a steady load of queries at all four name servers.
 */

const GOAL_MS = 3_000;
const TAG = 'bench';
export const AGENTS = ['a1', 'a2', 'a3'] as const;

/** What others need by their own documentation or issues; not measured here. Seconds, from and to. */
const PUBLISHED: readonly { readonly name: string; readonly ms: number }[] = [
  { name: 'published, not measured: k8gb, at least 30 s', ms: 30_000 },
  { name: 'published, not measured: Route 53 health checks, at least 30 s, TTL not counted', ms: 30_000 },
  { name: 'published, not measured: gdnsd default, 100 s', ms: 100_000 },
  { name: 'published, not measured: Azure Traffic Manager, at least 100 s', ms: 100_000 },
];

export async function run(): Promise<readonly Figure[]> {
  return [...(await healthMonth()), ...(await faults())];
}

async function faults(): Promise<readonly Figure[]> {
  const missing =
    process.getuid?.() !== 0
      ? 'network namespaces need root: sudo npm run bench -- failover'
      : spawnSync('ip', ['-V']).status !== 0
        ? 'the program `ip` is missing: apt-get install iproute2'
        : undefined;
  if (missing !== undefined) {
    process.stderr.write(`bench failover: faults SKIPPED, ${missing}\n`);
    return [];
  }
  const root = join(fileURLToPath(new URL('.', import.meta.url)), '..');
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
  const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  const network = await createNetwork(TAG, ['hub', ...AGENTS, 'victims', 'holes', 'asker']);
  try {
    return figuresOf(await inside(root, folder, network.host('asker')));
  } finally {
    await network.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The measuring program runs on a host of its own, so that no cut between the others touches it. */
async function inside(
  root: string,
  folder: string,
  host: Awaited<ReturnType<typeof createNetwork>>['host'] extends (name: string) => infer H ? H : never,
): Promise<FailoverReport> {
  const child = host.start([process.execPath, join(root, 'bench', 'failover-inside.ts'), TAG, folder]);
  child.stderr?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
  let report: FailoverReport | undefined;
  if (child.stdout === null) throw new Error('the measuring program has no output');
  createInterface({ input: child.stdout }).on('line', (line) => {
    report = JSON.parse(line) as FailoverReport;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (report === undefined) throw new Error(`the measuring program ended with ${String(code)}`);
  return report;
}

function figuresOf(report: FailoverReport): readonly Figure[] {
  const goal = { bench: 'failover', peerName: 'goal', peer: GOAL_MS };
  const lost = { bench: 'failover', peerName: 'goal', peer: 0 };
  const of = (name: string, what: string, fault: FaultReport): Figure[] => [
    ...([50, 95, 100] as const).map((p) =>
      lowerIsBetter({
        ...goal,
        case: `${name}-${p === 100 ? 'max' : `p${p}`}`,
        ours: percentile(fault.convergedMs, p),
        unit: `ms from the fault to the first correct answer at every name server (${fault.convergedMs.length} faults, ${what})`,
      }),
    ),
    lowerIsBetter({
      ...lost,
      case: `${name}-answers-lost`,
      ours: fault.lost,
      unit: `of ${fault.asked} queries unanswered or SERVFAIL during the faults`,
    }),
  ];
  const p50 = percentile(report.kill.convergedMs, 50);
  return [
    ...of('kill-backend', 'kill -9', report.kill),
    ...of('black-hole-backend', 'packets to it vanish', report.blackHole),
    lowerIsBetter({
      ...lost,
      case: 'cut-agent-link-wrong-answers',
      ours: report.cut.wrong,
      unit: `of ${report.cut.asked} queries at every name server during ${report.cut.cuts} cuts of ${report.cut.cutMs} ms between hub and an agent`,
    }),
    lowerIsBetter({
      ...lost,
      case: 'cut-agent-link-false-withdrawals',
      ours: report.cut.withdrawn,
      unit: `healthy endpoints withdrawn by the hub in ${report.cut.cuts} cuts`,
    }),
    lowerIsBetter({
      ...lost,
      case: 'cut-agent-link-answers-lost',
      ours: report.cut.lost,
      unit: `of ${report.cut.asked} queries unanswered or SERVFAIL`,
    }),
    lowerIsBetter({
      ...goal,
      peerName: 'how long decisions stay fresh without the hub',
      case: 'cut-agent-link-reconnect-p95',
      ours: percentile(report.cut.reconnectMs, 95),
      unit: 'ms from healing the cut to the agent being connected again',
    }),
    ...PUBLISHED.map((peer) =>
      lowerIsBetter({
        bench: 'failover',
        case: 'kill-backend-p50',
        ours: p50,
        peerName: peer.name,
        peer: peer.ms,
        unit: 'ms to leave a dead endpoint, default configuration',
      }),
    ),
  ];
}
