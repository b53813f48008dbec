import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const CHILD = fileURLToPath(new URL('name-server-child.ts', import.meta.url));
const START_MS = 30_000;

/** A name server of ours in a process of its own, on a free port of 127.0.0.1. */
export interface NameServerProcess {
  readonly port: number;
  readonly pid: number;
  /** Resident octets now. Rejects when the process is gone or does not answer within 5 s. */
  rss(): Promise<number>;
  /** Rejects nothing; the process is gone afterwards. */
  stop(): Promise<void>;
}

/** @param zones JSON-safe zone sources without routed names; @param folder where to put them; @param settings as under `dns:` */
export async function startNameServerProcess(
  zones: readonly object[],
  folder: string,
  settings: object = {},
): Promise<NameServerProcess> {
  const file = join(folder, 'zones.json');
  writeFileSync(file, JSON.stringify(zones));
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    process.execPath,
    [CHILD, file, JSON.stringify(settings)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const lines = createInterface({ input: child.stdout });
  child.stdin.on('error', () => undefined); // its end is told by `exit`
  const line = async (withinMs: number): Promise<unknown> => {
    const gone = new AbortController();
    const dead = (): void => gone.abort(new Error('the name server process ended'));
    child.once('exit', dead);
    const late = setTimeout(
      () => gone.abort(new Error(`the name server process is silent for ${withinMs} ms`)),
      withinMs,
    );
    try {
      const said: readonly unknown[] = await once(lines, 'line', { signal: gone.signal });
      return JSON.parse(String(said[0]));
    } catch (error) {
      throw gone.signal.aborted ? gone.signal.reason : error;
    } finally {
      clearTimeout(late);
      child.off('exit', dead);
    }
  };
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  try {
    const { port } = z.object({ port: z.number() }).parse(await line(START_MS));
    return {
      port,
      pid: child.pid ?? 0,
      async rss() {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error('the name server process ended');
        child.stdin.write('\n');
        return z.object({ rss: z.number() }).parse(await line(5000)).rss;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
