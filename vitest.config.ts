import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

const FAST_CHECK = fileURLToPath(new URL('test/support/fast-check.ts', import.meta.url));

/** Properties are tried on the same cases in every run. */
const sameCases = {
  name: 'same-cases',
  enforce: 'pre' as const,
  resolveId: (id: string, importer: string | undefined): string | undefined =>
    id === 'fast-check' && importer !== FAST_CHECK ? FAST_CHECK : undefined,
};

const project = (name: string, include: string[], extra: Record<string, unknown> = {}) => ({
  plugins: [sameCases],
  test: {
    name,
    include,
    exclude: ['node_modules/**', 'dist/**'],
    environment: 'node',
    // What is waited for has a bound for hangs; the default of a second is one for speed.
    expect: { poll: { timeout: 60_000 } },
    ...extra,
  },
});

/** `npm test -- --long` plays that many times as many seeds (test/simulation/seed-count.ts). */
const times = Number(process.env.PORTOLAN_SIMULATION_TIMES ?? 1);
/** `npm run check` runs the tests of one folder by themselves, with coverage. */
const elsewhere = process.env.PORTOLAN_UNIT_WITHOUT;

/** One project per level of the test pyramid; `scripts/test.ts` runs them in this order. */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      project(
        'unit',
        [
          '{src,providers,hub,spoke-agent,nameserver,prober,gateway,kube,plugin,cli,demo,test/support,test/fakes}/**/*.{test,property.test}.ts',
        ],
        {
          exclude: ['node_modules/**', 'dist/**', ...(elsewhere === undefined ? [] : [elsewhere])],
          // For hangs, not for speed: a property test must pass on a machine that does much else.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      ),
      project('simulation', ['test/simulation/**/*.test.ts'], { testTimeout: 120_000 * times }),
      project('conformance', ['test/conformance/**/*.test.ts'], {
        testTimeout: 180_000,
        hookTimeout: 240_000,
      }),
      project('integration', ['test/integration/**/*.test.ts'], {
        testTimeout: 180_000,
        hookTimeout: 240_000,
      }),
      project('e2e', ['test/e2e/**/*.test.ts'], {
        testTimeout: 300_000,
        hookTimeout: 240_000,
      }),
    ],
  },
});
