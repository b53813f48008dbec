import { homedir } from 'node:os';
import { createInterface } from 'node:readline/promises';

/** What a command may know and touch of the place it runs in; tests give their own. */
export interface Terminal {
  /** Data, to stdout. */
  readonly out: (text: string) => void;
  /** Progress, warnings and errors, to stderr. */
  readonly err: (text: string) => void;
  readonly readStdin: () => Promise<string>;
  /** Asks a person and gives the line that was typed; absent where nobody sits. */
  readonly ask?: (question: string) => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  readonly homeFolder: string;
  /** stdout is a terminal: colours, unless NO_COLOR. */
  readonly isTerminal: boolean;
  /** stderr is a terminal: a spinner may turn there. */
  readonly errorIsTerminal: boolean;
  readonly nowMs: () => number;
  /** Calls `listener` at each Ctrl-C until the returned function is called; meanwhile Ctrl-C does not end the program. */
  readonly onInterrupt: (listener: () => void) => () => void;
}

export function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    readStdin: async () => {
      const chunks: Buffer[] = [];
      const input: AsyncIterable<Buffer> = process.stdin;
      for await (const chunk of input) chunks.push(chunk);
      return Buffer.concat(chunks).toString('utf8');
    },
    ...(process.stdin.isTTY === true && process.stderr.isTTY === true ? { ask: askPerson } : {}),
    env: process.env,
    workingFolder: process.cwd(),
    homeFolder: homedir(),
    isTerminal: process.stdout.isTTY === true,
    errorIsTerminal: process.stderr.isTTY === true,
    nowMs: Date.now,
    onInterrupt: (listener) => {
      process.on('SIGINT', listener);
      process.on('SIGTERM', listener);
      return () => {
        process.off('SIGINT', listener);
        process.off('SIGTERM', listener);
      };
    },
  };
}

async function askPerson(question: string): Promise<string> {
  // On stderr, so that stdout has the data alone.
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}
