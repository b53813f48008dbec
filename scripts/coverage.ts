/**
 * `npm run coverage -- dns`: runs the unit tests of one folder of `src` and lists what of it they do not reach. Exit code 1 when
 * anything is left. The folder is tested by its own tests alone: what only a server test reaches counts as not reached.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const folder = process.argv[2] ?? 'dns';
if (!existsSync(`src/${folder}`)) {
  process.stderr.write(`src/${folder} does not exist. Name a folder of src, such as dns.\n`);
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'unit',
    `src/${folder}`,
    '--coverage.enabled',
    '--coverage.provider=v8',
    `--coverage.include=src/${folder}/**/*.ts`,
    '--coverage.exclude=**/*.test.ts',
    '--coverage.reporter=text',
    '--coverage.skipFull=true',
    '--coverage.thresholds.branches=100',
    '--coverage.thresholds.lines=100',
    '--coverage.reportOnFailure=true',
  ],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;
