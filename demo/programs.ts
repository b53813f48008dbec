import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Program, programArguments } from '../cli/programs.ts';
import { PortolanError } from '../src/errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../src/errors/table.ts';

export interface Running {
  readonly name: string;
  readonly process: ChildProcess;
  readonly pid: number;
  /** The first line of JSON it wrote to stdout. */
  readonly ready: Promise<Readonly<Record<string, unknown>>>;
  readonly exited: Promise<number | null>;
}

/** Everything the demo started; `stopAll` leaves nothing running. */
export interface Programs {
  start(
    name: string,
    program: Program,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Running;
  /** Runs to the end; its line of JSON. @throws PortolanError with what it wrote to stderr */
  run(
    name: string,
    program: Program,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, unknown>>>;
  stopAll(): Promise<void>;
}

const PATIENCE_MS = 6_000;

/**
 * @param logDirectory where each program's stderr goes, one file each
 * @param entryUrl `import.meta.url` of the entry file
 * @param onStart hears of every process
 */
export function createPrograms(
  logDirectory: string,
  entryUrl: string,
  onStart: (name: string, pid: number) => void,
): Programs {
  const running = new Set<Running>();
  let stopped = false;

  function start(
    name: string,
    program: Program,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Running {
    if (stopped) throw new PortolanError('NOT_READY', `${name} is not started: everything is being stopped`);
    // Its own process group: Ctrl-C in the terminal reaches only the demo, which then stops things in order.
    const child = spawn(process.execPath, [...programArguments(program, entryUrl), ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, PORTOLAN_LIFELINE: 'stdin', ...env },
    });
    if (child.pid !== undefined) onStart(name, child.pid);
    const log = createWriteStream(join(logDirectory, `${name}.log`), { flags: 'a' });
    let tail = '';
    child.stderr.on('data', (chunk: Buffer) => {
      tail = (tail + chunk.toString('utf8')).slice(-2000);
      log.write(chunk);
    });
    const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
    const ready = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', (line) =>
        resolve(JSON.parse(line) as Record<string, unknown>),
      );
      child.once('error', (error) =>
        reject(new PortolanError('INTERNAL', `${name} cannot be started: ${error.message}`)),
      );
      void exited.then((code) => reject(whyEnded(name, code, tail)));
    });
    ready.catch(() => undefined);
    const entry: Running = { name, process: child, pid: child.pid ?? 0, ready, exited };
    running.add(entry);
    void exited.then(() => running.delete(entry));
    return entry;
  }

  return {
    start,
    async run(name, program, args, env) {
      const child = start(name, program, args, env);
      const line = await child.ready;
      await child.exited;
      return line;
    },
    async stopAll() {
      stopped = true;
      const all = [...running];
      for (const { process: child } of all) {
        child.kill('SIGCONT');
        child.kill('SIGTERM');
      }
      const timer = setTimeout(() => {
        for (const { pid } of running) if (pid > 0) killGroup(pid);
      }, PATIENCE_MS);
      await Promise.all(all.map((r) => r.exited));
      clearTimeout(timer);
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

/** The programs write `error CODE: message`, some with their name before it, then `  fix: …`, when they cannot start. */
function whyEnded(name: string, exitCode: number | null, stderr: string): PortolanError {
  const [, code = '', message = '', fix = ''] =
    /^(?:[a-z-]+: )?error ([A-Z_]+): (.+)\n(?: .*\n)*? {2}fix: (.+)$/m.exec(stderr) ?? [];
  if (isErrorCode(code)) return new PortolanError(code, `${name}: ${message}`, { fix });
  return new PortolanError('INTERNAL', `${name} ended with code ${exitCode ?? 'none'}:\n${stderr.trim()}`);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, code);
}
