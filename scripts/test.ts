/**
 * `npm test`: the checks, then every level of tests against real servers. Ends with one line
 * `N passed, N failed, N skipped`, and with what was skipped, why, and the command that enables it.
 * `npm test -- --long` takes more than half an hour: ten minutes of fuzzing, many more worlds beside other name servers, and ten
 * times as many seeds in simulations.
 * With `CI=true` a missing server is a failure (test/support/servers.ts).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { runStep } from './steps.ts';

const work = mkdtempSync(join(tmpdir(), 'portolan-test-'));
const skipReport = join(work, 'skipped.jsonl');
const report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numFailedTestSuites: z.number(),
  numPendingTests: z.number(),
  numTotalTests: z.number(),
});
const skippedSuite = z.object({ suite: z.string(), reason: z.string(), command: z.string() });

const checksOnly = [
  'format and lint',
  'types',
  'import rules',
  'dead code',
  'generated code is current',
  'typed lint',
];
/** More of what is random; each is documented where it is read. */
const LONG = {
  PORTOLAN_FUZZ_SECONDS: '600',
  PORTOLAN_DIFFERENTIAL_WORLDS: '60',
  PORTOLAN_DIFFERENTIAL_SIGNED_WORLDS: '20',
  PORTOLAN_SIMULATION_TIMES: '10',
  PORTOLAN_PROPERTY_SEED: String(Math.floor(Math.random() * 2 ** 31)),
};
const { values: options } = parseArgs({ options: { long: { type: 'boolean', default: false } } });
/** Levels that wait much are run together, so that no core waits for the last file of each. */
const runs = [['unit'], ['simulation', 'conformance', 'integration', 'e2e']];
/** Tests wait for servers and timers much of their time: with the runner's own default, one file at a time, two cores are idle half of it. */
const workers = Math.max(2, availableParallelism() - 1);
if (options.long)
  process.stdout.write(`properties are tried with PORTOLAN_PROPERTY_SEED=${LONG.PORTOLAN_PROPERTY_SEED}\n`);
let passed = 0;
let failed = 0;
let skipped = 0;

const check = await runStep(
  { name: 'check', command: ['node', 'scripts/check.ts', '--without-tests'] },
  true,
);
for (const name of checksOnly) {
  if (check.output.includes(`ok   ${name} (`)) passed += 1;
  else failed += 1;
}
await runStep({ name: 'build', command: ['node', 'scripts/build.ts'] }).then((r) => {
  if (r.ok) passed += 1;
  else failed += 1;
});

for (const levels of runs) {
  const file = join(work, `${levels.join('-')}.json`);
  await runStep(
    {
      name: `${levels.join(', ')} tests`,
      command: [
        'vitest',
        'run',
        ...levels.flatMap((level) => ['--project', level]),
        '--passWithNoTests',
        `--maxWorkers=${workers}`,
        '--reporter',
        'default',
        '--reporter',
        'json',
        `--outputFile.json=${file}`,
      ],
      env: { PORTOLAN_SKIP_REPORT: skipReport, ...(options.long ? LONG : {}) },
    },
    true,
  );
  if (!existsSync(file)) {
    failed += 1;
    continue;
  }
  const result = report.parse(JSON.parse(readFileSync(file, 'utf8')));
  passed += result.numPassedTests;
  failed += Math.max(result.numFailedTests, result.numFailedTestSuites > 0 ? 1 : 0);
  skipped += result.numPendingTests;
}

const reasons = existsSync(skipReport) ? readFileSync(skipReport, 'utf8').trim().split('\n') : [];
const suites = new Map(
  reasons.map((line) => skippedSuite.parse(JSON.parse(line))).map((s) => [`${s.suite}\0${s.reason}`, s]),
);
if (suites.size > 0) {
  process.stdout.write(`\nSkipped suites (${suites.size}):\n`);
  for (const s of suites.values())
    process.stdout.write(`  ${s.suite}: ${s.reason}\n    enable with: ${s.command}\n`);
}
rmSync(work, { recursive: true, force: true });
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed === 0 ? 0 : 1;
