import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export interface HubProcess {
  /** URL of its API. */
  readonly api: string;
  /** The end of its log. */
  said(): string;
  /** Ends it as an operator would. @returns its exit code; `null` when a signal ended it */
  stop(): Promise<number | null>;
  /** Ends it with SIGKILL, as a machine that loses power. */
  kill(): Promise<unknown>;
  /** It does nothing until `wake`. */
  freeze(): void;
  wake(): void;
}

export const CLI_MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

const readyLine = z.object({ ready: z.literal(true), api: z.string(), pid: z.number() });

/**
 * Starts the hub that `portolan init --dir home` made, on ports of loopback that the system chooses.
 * @param env settings beside these
 */
export async function startHub(
  home: string,
  env: Readonly<Record<string, string>> = {},
): Promise<HubProcess> {
  const child = spawn(process.execPath, [CLI_MAIN, 'hub', '--config', join(home, 'hub.yaml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PORTOLAN_API_PORT: '0',
      PORTOLAN_JOIN_LISTEN: '127.0.0.1:0',
      PORTOLAN_LINK_LISTEN: '127.0.0.1:0',
      PORTOLAN_DNS_LISTEN: '127.0.0.1:0',
      PORTOLAN_ALLOWED_RANGES: '127.0.0.0/8',
      ...env,
    },
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-200_000);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    void ended.then((code) =>
      reject(new Error(`the hub ended with ${code ?? 'a signal'}: ${log.slice(-2000)}`)),
    );
  });
  const { api, pid } = readyLine.parse(JSON.parse(line));
  return {
    api,
    said: () => log,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
    kill() {
      process.kill(pid, 'SIGKILL');
      return ended;
    },
    freeze: () => void process.kill(pid, 'SIGSTOP'),
    wake: () => void process.kill(pid, 'SIGCONT'),
  };
}
