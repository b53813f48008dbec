import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], extra: Record<string, unknown> = {}) => ({
  test: { name, include, exclude: ['node_modules/**', 'dist/**'], environment: 'node', ...extra },
});

/** One project per level of the test pyramid; `scripts/test.ts` runs them in this order. */
export default defineConfig({
  test: {
    projects: [
      project('unit', [
        '{src,providers,hub,spoke-agent,nameserver,prober,cli,demo,test/support}/**/*.{test,property.test}.ts',
      ]),
      project('simulation', ['test/simulation/**/*.test.ts'], { testTimeout: 120_000 }),
      project('conformance', ['test/conformance/**/*.test.ts'], {
        testTimeout: 60_000,
        hookTimeout: 120_000,
      }),
      project('integration', ['test/integration/**/*.test.ts'], {
        testTimeout: 60_000,
        hookTimeout: 120_000,
      }),
      project('e2e', ['test/e2e/**/*.test.ts'], {
        testTimeout: 300_000,
        hookTimeout: 120_000,
        fileParallelism: false,
      }),
    ],
  },
});
