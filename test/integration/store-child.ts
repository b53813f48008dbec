/**
 * A writer that is killed: opens the store named on the command line and commits as fast as it can, several at a time.
 * Prints `start N` before and `ack N` after each commit resolved. One of three commits is an object alone, one a secret
 * and an object together, one a counter.
 */

import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openStore, type StoreConfig } from '../../hub/store/open.ts';

const WRITERS = 4;
const [, , kind, place, kekHex, firstText, countText] = process.argv;
if (place === undefined || kekHex === undefined)
  throw new Error('usage: store-child sqlite|postgres PLACE KEK FIRST [COUNT]');
const config: StoreConfig = kind === 'postgres' ? { kind, url: place } : { kind: 'sqlite', file: place };
const store = await openStore(config, {
  kek: Buffer.from(kekHex, 'hex'),
  wallClock: Date.now,
  random: (length) => randomBytes(length),
});

let next = Number(firstText ?? '0');
const end = next + Number(countText ?? '1e9');
const actor = { id: 'hub', display: 'hub' };
// Straight to the pipe: a line that was written is there whatever happens to this process.
const say = (line: string) => writeSync(1, `${line}\n`);

async function write(n: number): Promise<void> {
  const cluster = {
    type: 'create',
    key: { kind: 'Cluster', namespace: 'default', name: `n${n}` },
    spec: { location: { country: 'DE' }, addresses: [] },
  } as const;
  if (n % 3 === 0) {
    await store.commit([{ ...cluster, spec: { location: { country: 'DE' }, addresses: [] } }], { actor });
  } else if (n % 3 === 1) {
    const key = { kind: 'Secret', namespace: 'default', name: `n${n}` } as const;
    const secret = { type: 'create', key, spec: { stringData: { value: `v${n}` } } } as const;
    await store.commit([secret, { ...cluster, spec: { location: { country: 'DE' }, addresses: [] } }], {
      actor,
    });
  } else {
    await store.increment(`n${n}`);
  }
}

say('ready');
await Promise.all(
  Array.from({ length: WRITERS }, async () => {
    while (next < end) {
      const n = next;
      next += 1;
      say(`start ${n}`);
      await write(n);
      say(`ack ${n}`);
    }
  }),
);
await store.close();
