/** A gateway thread that only looks keys up: `bench/keys.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import type { SharedKeys } from '../gateway/keys/layout.ts';
import { readKeyTable } from '../gateway/keys/reader.ts';

const order = z.discriminatedUnion('type', [
  z.object({ type: z.literal('look'), count: z.number(), keys: z.number(), known: z.boolean() }),
  z.object({ type: z.literal('watch'), key: z.string() }),
]);

// Sent by `bench/keys.ts` of this release.
const { shared, hub, cluster } = workerData as { shared: SharedKeys; hub: Uint8Array; cluster: Uint8Array };
const table = readKeyTable(shared, { peppers: { hub: Buffer.from(hub), cluster: Buffer.from(cluster) } });

parentPort?.on('message', (message: unknown) => {
  const told = order.parse(message);
  if (told.type === 'watch') {
    parentPort?.postMessage({ watching: true });
    const end = Date.now() + 5_000;
    while (table.find(told.key, undefined, 0).type === 'known' && Date.now() < end);
    parentPort?.postMessage({ seenMs: performance.timeOrigin + performance.now() });
    return;
  }
  let found = 0;
  let x = 12_345;
  const start = performance.now();
  for (let i = 0; i < told.count; i += 1) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    const key = told.known ? `bench-key-${x % told.keys}` : `unknown-${x}`;
    if (table.find(key, undefined, 0).type === 'known') found += 1;
  }
  parentPort?.postMessage({ found, us: ((performance.now() - start) * 1000) / told.count });
});
