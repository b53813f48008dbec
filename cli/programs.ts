import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The programs beside the CLI. The CLI starts them as processes of their own and imports none of their code. */
const PROGRAMS = {
  hub: { source: 'hub/main.ts' },
  agent: { source: 'spoke-agent/main.ts' },
  'agent-join': { source: 'spoke-agent/join-main.ts' },
  demo: { source: 'demo/main.ts' },
  'demo-backend': { source: 'demo/backend.ts' },
  'demo-ca': { source: 'demo/ca.ts' },
} as const;
export type Program = keyof typeof PROGRAMS;

/**
 * A small young generation: these programs make little garbage at a time, and V8 would else keep up to 64 MB for it
 * (an idle hub has 122 MB instead of 164).
 */
export const NODE_FLAGS = ['--max-semi-space-size=2'];

/**
 * Arguments for `process.execPath` that start a program.
 * @param entryUrl `import.meta.url` of the running entry file: sources beside sources, bundles beside bundles
 */
export function programArguments(program: Program, entryUrl: string): readonly string[] {
  const entry = fileURLToPath(entryUrl);
  const file =
    extname(entry) === '.ts'
      ? join(dirname(entry), '..', PROGRAMS[program].source)
      : join(dirname(entry), `${program}.mjs`);
  return [...NODE_FLAGS, file];
}
