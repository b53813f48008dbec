import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Store } from '../store/contract.ts';
import { openStore } from '../store/open.ts';
import { createPublisher, type RoutingContent } from './publisher.ts';
import { CONTEXT, cluster, policy, worldOf } from './testing.ts';
import { routingContent } from './world.ts';

let folder: string;
let store: Store;
const kek = randomBytes(32);
const open = (): Promise<Store> =>
  openStore(
    { kind: 'sqlite', file: join(folder, 'store.db') },
    { kek, wallClock: Date.now, random: randomBytes },
  );
const content = (hostname: string): RoutingContent =>
  routingContent(
    worldOf(cluster('de', 'DE', '198.51.100.1'), policy('p', [hostname], ['de'])),
    CONTEXT,
    '0'.repeat(64),
  );

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-publisher-'));
  store = await open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

it('I1 every other content gets the next sequence, the same one keeps its own, a return is a new one', async () => {
  const publisher = await createPublisher(store);
  const a = await publisher.publish(content('a.example.com'));
  expect(await publisher.publish(content('a.example.com'))).toBe(a);
  const b = await publisher.publish(content('b.example.com'));
  const again = await publisher.publish(content('a.example.com'));
  expect([a.sequence, b.sequence, again.sequence]).toEqual([1, 2, 3]);
  expect(again.hash).toBe(a.hash);
});

it('keeps the serial over a restart of the hub when nothing changed, although the epoch grows', async () => {
  const first = await (await createPublisher(store)).publish(content('a.example.com'));
  const epoch = store.epoch;
  await store.close();
  store = await open();
  expect(store.epoch).toBe(epoch + 1);
  const publisher = await createPublisher(store);
  expect((await publisher.publish(content('a.example.com'))).sequence).toBe(first.sequence);
  expect((await publisher.publish(content('b.example.com'))).sequence).toBe(first.sequence + 1);
});

it('shows nothing under a sequence that is not durable, and never uses one twice', async () => {
  const broken: Pick<Store, 'getMeta' | 'putMeta' | 'increment' | 'epoch'> = {
    epoch: store.epoch,
    getMeta: (key) => store.getMeta(key),
    increment: (counter) => store.increment(counter),
    putMeta: () => Promise.reject(new Error('the disk is full')),
  };
  const publisher = await createPublisher(broken);
  await expect(publisher.publish(content('a.example.com'))).rejects.toThrow('full');
  expect(publisher.live).toBeUndefined();
  await store.close();
  store = await open();
  const next = await (await createPublisher(store)).publish(content('b.example.com'));
  expect(next.sequence).toBe(2);
});

it('I3 keeps what agents still answer from, however much is published meanwhile, and lets go of it after', async () => {
  const publisher = await createPublisher(store);
  const old = await publisher.publish(content('old.example.com'));
  publisher.referenced('agent', old.hash);
  for (let i = 0; i < 10; i += 1) await publisher.publish(content(`n${i}.example.com`));
  const withOld = publisher.kept;
  publisher.keepReferencesOf(() => false);
  await publisher.publish(content('last.example.com'));
  expect(publisher.kept).toBe(withOld - 1);
});
