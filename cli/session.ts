import type { Command } from 'commander';
import { type Client, createClient } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';
import { type ConnectionFlags, findContext, type HubContext } from './context.ts';
import type { Terminal } from './terminal.ts';

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml' | 'name';
const FORMATS: readonly OutputFormat[] = ['wide', 'json', 'yaml', 'name'];

/** What every command may be given, before or after its name. */
export interface GlobalFlags extends ConnectionFlags {
  readonly output?: string;
  readonly quiet?: boolean;
}

/** One run of the CLI: where it runs, and what it ends with. */
export interface Session {
  readonly terminal: Terminal;
  readonly version: string;
  /** `import.meta.url` of the entry file: programs are started beside it. */
  readonly entryUrl: string;
  /** Exit code when nothing is thrown; 0 until set. */
  exitCode: number;
  /** The hub that was connected to, once one was. */
  hub?: HubContext;
}

/** A command's view of the hub. */
export interface Connection {
  readonly client: Client;
  readonly namespace: string;
  /** Where the server's address was found. */
  readonly source: string;
}

/** @throws PortolanError USAGE, UNAUTHENTICATED, CONFIG_INVALID */
export function connect(session: Session, command: Command, onWarning?: (text: string) => void): Connection {
  const hub = findContext(globals(command), session.terminal);
  const { server, token, namespace, source } = hub;
  session.hub = hub;
  const client = createClient({
    server,
    token,
    onWarning: onWarning ?? ((text) => session.terminal.err(`warning: ${text}\n`)),
  });
  return { client, namespace, source };
}

export function globals(command: Command): GlobalFlags {
  return command.optsWithGlobals<GlobalFlags>();
}

/** @throws PortolanError USAGE when the command has no such output */
export function outputOf(
  command: Command,
  supported: readonly OutputFormat[] = ['json', 'yaml'],
): OutputFormat {
  const wanted = globals(command).output;
  if (wanted === undefined) return 'table';
  const format = FORMATS.find((f) => f === wanted);
  if (format === undefined || !supported.includes(format)) {
    throw new PortolanError('USAGE', `-o ${wanted} is no output of this command`, {
      fix: supported.length === 0 ? 'Leave -o out.' : `Use -o ${supported.join(', -o ')}, or leave -o out.`,
    });
  }
  return format;
}

/** Says how things go on stderr; nothing with --quiet. */
export function progress(session: Session, command: Command, text: string): void {
  if (globals(command).quiet !== true) session.terminal.err(`${text}\n`);
}

export function printLines(session: Session, lines: readonly string[]): void {
  if (lines.length > 0) session.terminal.out(`${lines.join('\n')}\n`);
}
