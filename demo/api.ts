import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Client } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';
import { API_PRINCIPAL, CLUSTERS, NAMESPACE } from './world.ts';

const FILE = 'api-key';
const LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 50;

/** The key whose `curl` lines are printed: made with the world, and kept beside it, since the hub shows a key only once. */
export async function demoKey(folder: string, client: Client): Promise<string> {
  const file = join(folder, FILE);
  const kept = readKey(file);
  if (kept !== '') return kept;
  const { key } = await client.createKey(NAMESPACE, { principal: API_PRINCIPAL });
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  return key;
}

/** Waits until the gateway of every agent lets the key pass. */
export async function untilProtected(port: number, key: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  await Promise.all(
    CLUSTERS.map(async ({ name, address }) => {
      for (;;) {
        const status = await statusOf(address, port, key);
        if (status === 200 || signal.aborted) return;
        if (performance.now() > deadline) {
          const said = status === undefined ? 'does not answer' : `answers ${status}`;
          throw new PortolanError('NOT_READY', `after 60 s the gateway of ${name} ${said}`);
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    }),
  );
}

function statusOf(host: string, port: number, key: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const ask = request({ host, port, agent: false, headers: { 'x-api-key': key }, timeout: 1_000 });
    ask.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    ask.on('timeout', () => ask.destroy());
    ask.on('error', () => resolve(undefined));
    ask.on('close', () => resolve(undefined));
    ask.end();
  });
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
