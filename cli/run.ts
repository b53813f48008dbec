import { CommanderError } from 'commander';
import { PortolanError } from '../src/errors/error.ts';
import { namingToken } from './context.ts';
import { problemText, usageError } from './output/problem.ts';
import { createProgram } from './program.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/**
 * Runs one command line.
 * @param argv arguments after the program's name
 * @param entryUrl `import.meta.url` of the entry file
 * @returns the exit code
 */
export async function run(
  argv: readonly string[],
  terminal: Terminal,
  version: string,
  entryUrl: string,
): Promise<number> {
  const session: Session = { terminal, version, entryUrl, exitCode: 0 };
  const program = createProgram(session);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return session.exitCode;
  } catch (thrown) {
    const command = commandPath(program, argv);
    const known = thrown instanceof CommanderError ? usageError(thrown, command) : PortolanError.from(thrown);
    if (known === undefined) return 0;
    const error = session.hub === undefined ? known : namingToken(known, session.hub);
    const json = program.opts<{ readonly output?: string }>().output === 'json';
    terminal.err(problemText(error, json ? 'json' : 'text'));
    return failureCode(program);
  }
}

/** `diff` says 1 for a difference, so what goes wrong there is above 1, as kubectl's. */
function failureCode(program: ReturnType<typeof createProgram>): number {
  return program.args[0] === 'diff' ? 2 : 1;
}

/** The command the words name, as far as there is one: `portolan cluster token`. */
function commandPath(program: ReturnType<typeof createProgram>, argv: readonly string[]): string {
  const names = [program.name()];
  let at = program;
  for (const word of argv) {
    const next = at.commands.find((c) => c.name() === word);
    if (next === undefined) continue;
    names.push(word);
    at = next;
  }
  return names.join(' ');
}
