import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';
import type { PlanReport } from './plan-hub.ts';
import { CLUSTERS, NAMES } from './plan-world.ts';

/** A world of 1,000 clusters × 10,000 names in one hub: how long planning takes and how much memory it needs. */
const run_ = promisify(execFile);

export async function run(): Promise<readonly Figure[]> {
  const program = fileURLToPath(new URL('plan-hub.ts', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  let stdout = '';
  try {
    for (const mode of ['prepare', 'measure']) {
      // The flag is the one that the CLI starts the hub with.
      const args = ['--max-semi-space-size=2', program, mode, folder];
      const done = await run_(process.execPath, args, { timeout: 280_000 });
      process.stderr.write(done.stderr);
      stdout = done.stdout;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const report = JSON.parse(stdout) as PlanReport;
  const world = `${CLUSTERS} clusters, ${NAMES} names`;
  const goal = { bench: 'plan', peerName: 'goal' };
  const change = (name: string, values: readonly number[], what: string): Figure[] =>
    ([50, 95] as const).map((p) =>
      lowerIsBetter({
        ...goal,
        case: `${name}-p${p}`,
        ours: percentile(values, p),
        peer: 50,
        unit: `ms ${what} (${values.length} changes; ${world})`,
      }),
    );
  return [
    lowerIsBetter({
      ...goal,
      case: 'full-plan',
      ours: report.fullPlanMs,
      peer: 5_000,
      unit: `ms from opening the engine to answer table and the snapshots of ${CLUSTERS} agents, read from the store (${world})`,
    }),
    ...change('endpoint-health-change', report.healthMs, 'from the deciding votes to the new answer'),
    ...change(
      'policy-change',
      report.tableMs.map((ms, i) => ms + (report.diffMs[i] ?? 0)),
      'from the committed write to the published table, plus the difference of answers in every country',
    ),
    lowerIsBetter({
      ...goal,
      case: 'policy-change-distributed-p50',
      ours: percentile(report.distributedMs, 50),
      peerName: 'no goal; a person waits 10 s',
      peer: 10_000,
      unit: `ms until the last of ${CLUSTERS} agents was sent its signed snapshot of ${Math.round(report.snapshotBytes / 1e6)} MB, network not counted`,
    }),
    lowerIsBetter({
      ...goal,
      case: 'hub-rss',
      ours: Math.round(report.rssBytes / 1e6),
      peer: 1_000,
      unit: `MB resident (${world})`,
    }),
  ];
}
