import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const START_MS = 30_000;
const ATTEMPTS = 5; // a free port may be taken by somebody else before the server binds it

/** A server of somebody else, on a port of 127.0.0.1. */
export interface ServerProcess extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** The end of what it wrote to its log, for a test that fails. */
  said(): string;
  /** The process no longer runs, but its sockets stay open. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** What is the same for every server: its log is kept, and it ends when the test does. Whether it serves yet is not asked. */
export function watchServer(name: string, port: number, child: ChildProcess): ServerProcess {
  let said = '';
  const note = (chunk: unknown): void => {
    said = (said + String(chunk)).slice(-40_000);
  };
  child.stderr?.on('data', note);
  child.stdout?.on('data', note);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    name,
    port,
    said: () => said,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * Starts a server on a free port and waits until it serves.
 * @throws with what it said, when it does not within half a minute
 */
export async function startServer(
  name: string,
  start: (port: number) => ChildProcess | Promise<ChildProcess>,
  serves: (port: number) => Promise<boolean>,
): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = await start(port);
    const server = watchServer(name, port, child);
    try {
      await until(
        `${name} serves`,
        () => {
          if (child.exitCode !== null) throw new Error('it ended');
          return serves(port);
        },
        START_MS,
      );
      return server;
    } catch (error) {
      const gone = child.exitCode !== null;
      await server.stop();
      if (gone && attempt < ATTEMPTS && /address in use|already in use/i.test(server.said())) continue;
      throw new Error(`${name} does not serve; it said:\n${server.said()}`, { cause: error });
    }
  }
}
