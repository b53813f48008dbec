import { Readable } from 'node:stream';
import { afterEach } from 'vitest';
import type { CompiledBackend, CompiledRetry } from '../../../src/policy/model.ts';
import { createUpstreams, type ManagedUpstreams, type UpstreamDeps } from '../upstreams.ts';
import { NO_SECRETS, partOf, type RawBackend, rawBackend, testDeps } from './forwarded.ts';

/* Backends and upstreams of one test: who imports this file has them closed after each. */

export const open: (RawBackend | ManagedUpstreams)[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

export async function backend(answer: Parameters<typeof rawBackend>[0]): Promise<RawBackend> {
  const made = await rawBackend(answer);
  open.unshift(made);
  return made;
}

export function upstreams(
  ports: readonly number[],
  changes: Partial<CompiledBackend> = {},
  deps: Partial<UpstreamDeps> = {},
): ManagedUpstreams {
  const made = createUpstreams(partOf(ports, changes), NO_SECRETS, testDeps(deps));
  open.unshift(made);
  return made;
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
export const RETRY: CompiledRetry = {
  attempts: 2,
  codes: [503],
  backoffMs: 0,
  budget: { percent: 100, intervalMs: 10_000, minPerSecond: 100 },
};
export const bodyOf = (chunks: readonly string[], length?: number) => ({
  stream: Readable.from(chunks.map((chunk) => Buffer.from(chunk))),
  length,
  trailers: () => [],
});
/** A port nobody listens on: it was just given back. */
export async function closedPort(): Promise<number> {
  const made = await rawBackend(() => {});
  await made.close();
  return made.port;
}
