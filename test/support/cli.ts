import { run } from '../../cli/run.ts';
import type { Terminal } from '../../cli/terminal.ts';

/** What a command ended with, and what it said. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line as `node cli/main.ts` would, in this process, with a folder of its own as home and working folder. */
export async function runCli(
  argv: readonly string[],
  at: { readonly folder: string; readonly env?: Terminal['env']; readonly stdin?: string },
): Promise<Ran> {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    readStdin: async () => at.stdin ?? '',
    env: at.env ?? {},
    workingFolder: at.folder,
    homeFolder: at.folder,
    isTerminal: false,
    errorIsTerminal: false,
    nowMs: Date.now,
    onInterrupt: () => () => undefined,
  };
  const code = await run(argv, terminal, '0.1.0', new URL('../../cli/main.ts', import.meta.url).href);
  return { code, out, err };
}
