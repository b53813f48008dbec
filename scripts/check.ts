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

/** The typed lint takes as long as all other steps, on one core: it is beside them. */
const [lint, others] = [steps.slice(-1), steps.slice(0, -1)];
const results = await Promise.all([inOrder(lint), inOrder(others)]);
if (!process.argv.includes('--without-tests')) results.push(await inOrder(tests));
process.exitCode = results.every((ok) => ok) ? 0 : 1;

async function inOrder(all: readonly Step[]): Promise<boolean> {
  let ok = true;
  for (const step of all) if (!(await runStep(step)).ok) ok = false;
  return ok;
}
