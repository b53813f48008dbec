/** `npm run check`: everything that needs no server, in under two minutes. */
import { runStep, type Step } from './steps.ts';

const folders = [
  'src',
  'providers',
  'hub',
  'spoke-agent',
  'nameserver',
  'kube',
  'prober',
  'gateway',
  'plugin',
  'cli',
  'demo',
  'test',
  'bench',
  'scripts',
];

const steps: readonly Step[] = [
  { name: 'format and lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: ['tsc', '-p', '.'] },
  { name: 'import rules', command: ['depcruise', '--config', '.dependency-cruiser.cjs', ...folders] },
  { name: 'dead code', command: ['knip', '--no-progress'] },
  { name: 'generated code is current', command: ['node', 'scripts/generate.ts', '--check'] },
  {
    name: 'typed lint',
    command: ['eslint', '--cache', '--cache-location', 'node_modules/.cache/eslint/', '.'],
  },
];
/** The tests of src/dns run once, with coverage: every branch of it is to be taken. */
const tests: readonly Step[] = [
  {
    name: 'unit and property tests',
    command: ['vitest', 'run', '--project', 'unit'],
    env: { PORTOLAN_UNIT_WITHOUT: 'src/dns/**' },
  },
  { name: 'tests of src/dns and their coverage', command: ['node', 'scripts/coverage.ts', 'dns'] },
];

let failed = 0;
const wanted = process.argv.includes('--without-tests') ? steps : [...steps, ...tests];
for (const step of wanted) if (!(await runStep(step)).ok) failed += 1;
process.exitCode = failed === 0 ? 0 : 1;
