import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Client, ObjectName } from '../src/client/client.ts';

/** What is known of a cluster that has just joined. */
export type JoinOutcome =
  | { readonly kind: 'ready'; readonly message: string }
  | { readonly kind: 'not-ready'; readonly reason: string; readonly message: string };

const POLL_MS = 250;

/** Waits until the hub says the cluster is Ready; otherwise why it was not when the time was over. */
export async function waitUntilReady(
  client: Client,
  cluster: ObjectName,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<JoinOutcome> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await client.get('Cluster', cluster);
    const ready = found?.status?.conditions.find((c) => c.type === 'Ready');
    if (ready?.status === 'True') return { kind: 'ready', message: ready.message };
    if (signal.aborted || performance.now() >= deadline) {
      return {
        kind: 'not-ready',
        reason: ready?.reason ?? 'Unknown',
        message: ready?.message ?? 'the hub has not looked at the cluster yet',
      };
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

const health = z.looseObject({
  hub: z.string(),
  snapshot: z.looseObject({ hash: z.string(), error: z.string().optional() }),
});

/** Waits until the agent itself says that the hub is connected and a snapshot is applied. */
export async function waitUntilConnected(
  admin: string,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<JoinOutcome> {
  const deadline = performance.now() + timeoutMs;
  let message = 'the agent does not answer yet';
  let reason = 'Starting';
  while (!signal.aborted && performance.now() < deadline) {
    const facts = await ask(admin);
    if (facts !== undefined) {
      const connected = facts.hub === 'up';
      if (connected && facts.snapshot.hash !== '')
        return { kind: 'ready', message: 'connected to the hub, snapshot applied' };
      reason = connected ? 'SnapshotPending' : 'Disconnected';
      message =
        facts.snapshot.error ?? (connected ? 'no snapshot is applied yet' : 'no connection to the hub yet');
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return { kind: 'not-ready', reason, message };
}

async function ask(admin: string): Promise<z.output<typeof health> | undefined> {
  try {
    const response = await fetch(`http://${admin}/healthz`, { signal: AbortSignal.timeout(1000) });
    return health.parse(await response.json());
  } catch {
    return undefined;
  }
}

/** A port of 127.0.0.1 that is free now, as `host:port`. */
export async function freeLoopbackAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}
