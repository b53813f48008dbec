import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { createClusterDigest, createHubDigest } from '../../src/identity/api-key.ts';
import { createSharedKeyTable } from './writer.ts';

const peppers = { hub: Buffer.alloc(32, 1), cluster: Buffer.alloc(32, 2) };
const KEYS = 400;

/*
 * Threads look keys up as fast as they can while the writer changes, removes and adds them, so that slots, records and whole shards are
 * used again under their eyes. A key's record says its own name, so a torn read shows.
 */
const READER = `
  const { parentPort, workerData } = require('node:worker_threads');
  (async () => {
    const { readKeyTable } = await import(workerData.module);
    const { shared, hub, cluster, keys } = workerData;
    const peppers = { hub: Buffer.from(hub), cluster: Buffer.from(cluster) };
    const table = readKeyTable(shared, { peppers, cached: 64 });
    const control = new Int32Array(workerData.stop);
    let looks = 0, torn = 0, lost = 0;
    parentPort.postMessage('ready');
    for (let i = 0; Atomics.load(control, 0) === 0; i = (i + 7) % keys) {
      if (looks === 1000) Atomics.add(control, 1, 1);
      const name = 'key-' + i;
      const answer = table.find(name, undefined, 0);
      looks += 1;
      if (answer.type === 'known') {
        const { principal, labels, attributes } = answer.record;
        if (!principal.startsWith(name + ' ') || attributes.of !== principal) torn += 1;
      } else if (answer.type === 'revoked' || i % 2 === 0) lost += 1;
    }
    parentPort.postMessage({ looks, torn, lost });
  })();
`;

describe('readers beside the writer', () => {
  it('see whole records only, and never miss a key that stays', async () => {
    const table = createSharedKeyTable();
    const hub = createHubDigest(peppers.hub);
    const cluster = createClusterDigest(peppers.cluster);
    const digests = Array.from({ length: KEYS }, (_, i) => cluster(hub(`key-${i}`)));
    let version = 0;
    const put = (i: number, removed: boolean): void => {
      version += 1;
      const principal = `key-${i} ${'x'.repeat(version % 40)}`;
      table.apply({
        digest: digests[i] ?? Buffer.alloc(16),
        removed,
        id: 'k-aaaaaaaaaa',
        namespace: 'default',
        principal,
        roles: [],
        plan: '',
        labels: {},
        attributes: { of: principal },
        expiresAtSeconds: 0,
        revoked: false,
      });
    };
    for (let i = 0; i < KEYS; i += 1) put(i, false);
    const stop = new SharedArrayBuffer(8);
    const module = new URL('./reader.ts', import.meta.url).href;
    const workers = Array.from(
      { length: 2 },
      () =>
        new Worker(READER, {
          eval: true,
          workerData: { module, shared: table.shared, ...peppers, keys: KEYS, stop },
        }),
    );
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const done = workers.map((worker) => once(worker, 'message'));
    // Over when a second has passed and both have looked a thousand times; a busy machine takes longer, not less care.
    const busy = new Int32Array(stop);
    const end = performance.now() + 1_200;
    const hang = end + 30_000;
    let extra = 0;
    while (performance.now() < (Atomics.load(busy, 1) < workers.length ? hang : end)) {
      for (let i = 0; i < KEYS; i += 1) {
        // Even keys change and always stay; odd ones come and go.
        if (i % 2 === 1) put(i, true);
        put(i, false);
      }
      // Shards grow now and then, into room that others left.
      for (let i = 0; i < 40; i += 1) {
        extra += 1;
        const digest = cluster(hub(`extra-${extra}`));
        table.apply({
          digest,
          removed: false,
          id: 'k-bbbbbbbbbb',
          namespace: 'default',
          principal: 'extra',
          roles: [],
          plan: '',
          labels: {},
          attributes: {},
          expiresAtSeconds: 0,
          revoked: false,
        });
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(busy, 0, 1);
    const results = (await Promise.all(done)).flat() as { looks: number; torn: number; lost: number }[];
    for (const { looks, torn, lost } of results) {
      expect(looks).toBeGreaterThan(1_000);
      expect({ torn, lost }).toEqual({ torn: 0, lost: 0 });
    }
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
});
