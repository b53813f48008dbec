import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { zone } from '../reconcile/testing.ts';
import { openStore } from './open.ts';

const ACTOR = { actor: { id: 'test', display: 'test' } };
const KEY = { kind: 'Zone', namespace: 'default', name: 'big' } as const;
const KEK = randomBytes(32);
const OCTETS_KEPT = 200_000;

it('events of big objects are kept by their size, so that statuses cannot fill the disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-compaction-'));
  const open = () =>
    openStore(
      { kind: 'sqlite', file: join(folder, 'store.db'), eventOctetsKept: OCTETS_KEPT },
      { kek: KEK, wallClock: Date.now, random: randomBytes },
    );
  const records = Array.from({ length: 500 }, (_, i) => ({ name: `h${i}`, type: 'A', data: ['192.0.2.1'] }));
  const { spec } = zone('big', 'example.com', records);
  const kept = Math.floor(OCTETS_KEPT / JSON.stringify(spec).length) - 1;
  let store = await open();
  try {
    await store.commit([{ type: 'create', key: KEY, spec }], ACTOR);
    let last = 0;
    for (let serial = 1; serial <= 30; serial += 1) {
      const change = { type: 'status', key: KEY, status: { conditions: [], serial } } as const;
      last = (await store.commit([change], ACTOR)).revision;
    }
    await store.close();
    // Opened anew, it has no events in memory: a watch reads the disk.
    store = await open();
    const after = async (fromRevision: number): Promise<number> => {
      const ending = new AbortController();
      let count = 0;
      for await (const event of store.watch({ fromRevision, signal: ending.signal })) {
        count += 1;
        if (event.revision === last) ending.abort();
      }
      return count;
    };
    expect(kept).toBeGreaterThan(1);
    expect(kept).toBeLessThan(15);
    expect(await after(last - kept)).toBe(kept);
    await expect(after(last - 2 * kept - 2)).rejects.toMatchObject({ code: 'WATCH_EXPIRED' });
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
});
