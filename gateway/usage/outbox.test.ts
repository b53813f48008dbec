import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createUsageCollector } from './collector.ts';
import { type OutboxBatch, openUsageOutbox, type UsageOutbox } from './outbox.ts';
import { createUsageSender } from './sender.ts';
import { type UsageCount, UsageCounts } from './usage-counts.ts';

const HIT = {
  namespace: 'shop',
  principal: 'acme',
  keyId: 'k-1',
  route: 'shop/orders',
  metric: 'hits',
  amount: 1,
  wallMs: 120_500,
};
const count = (amount: number, principal = 'acme', minuteSeconds = 120): UsageCount => ({
  namespace: 'shop',
  principal,
  keyId: 'k-1',
  route: 'shop/orders',
  metric: 'hits',
  minuteSeconds,
  amount,
});

/** The hub's side of the bargain: each (outbox, sequence) once, in order. */
class Hub {
  readonly places = new Map<string, number>();
  total = 0;

  take(batch: OutboxBatch): number {
    const last = this.places.get(batch.outbox) ?? 0;
    if (batch.sequence !== last + 1) return last;
    this.places.set(batch.outbox, batch.sequence);
    this.total += batch.counts.reduce((sum, { amount }) => sum + amount, 0);
    return batch.sequence;
  }
}

describe('usage counts', () => {
  it('are one number per account and minute', () => {
    const counts = new UsageCounts();
    counts.count(HIT);
    counts.count({ ...HIT, amount: 2, wallMs: 179_999 });
    counts.count({ ...HIT, wallMs: 180_000 });
    counts.count({ ...HIT, keyId: undefined });
    counts.count(HIT);
    expect(counts.take()).toEqual([count(4), count(1, 'acme', 180), { ...count(1), keyId: '' }]);
    expect(counts.take()).toEqual([]);
  });

  it('are given on half an interval after the first, and not at all while there are none', () => {
    const given: number[] = [];
    const timers: { delayMs: number; task: () => void }[] = [];
    const collector = createUsageCollector({
      give: (counts) => given.push(counts.length),
      after: (delayMs, task) => {
        timers.push({ delayMs, task });
        return () => undefined;
      },
      flushMs: 1000,
    });
    expect(timers).toHaveLength(0);
    collector.count(HIT);
    collector.count({ ...HIT, principal: 'other' });
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([500]);
    timers[0]?.task();
    expect(given).toEqual([2]);
    collector.flush();
    expect(given).toEqual([2]);
  });
});

describe('the usage outbox', () => {
  let folder: string;
  let ids = 0;
  let lost: number;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-usage-'));
    lost = 0;
  });
  afterEach(() => rm(folder, { recursive: true }));

  const open = (limits: { segmentOctets?: number; maxOctets?: number } = {}): Promise<UsageOutbox> =>
    openUsageOutbox({
      folder,
      newId: () => {
        ids += 1;
        return `id-${ids}`;
      },
      lost: (amount) => {
        lost += amount;
      },
      ...limits,
    });

  /** Gives everything that waits. */
  const drain = async (outbox: UsageOutbox, hub: Hub): Promise<void> => {
    for (;;) {
      const batch = await outbox.next(undefined);
      if (batch === undefined) return;
      await outbox.acknowledged(batch.outbox, hub.take(batch));
    }
  };

  it('gives batches in order, and forgets what the hub has', async () => {
    const outbox = await open();
    await outbox.append([count(1)]);
    await outbox.append([count(2)]);
    const first = await outbox.next(undefined);
    expect(first).toMatchObject({ sequence: 1, counts: [count(1)] });
    const second = await outbox.next(first);
    expect(second).toMatchObject({ outbox: first?.outbox, sequence: 2, counts: [count(2)] });
    expect(await outbox.next(second)).toBeUndefined();
    await outbox.acknowledged(first?.outbox ?? '', 2);
    expect(await outbox.next(undefined)).toBeUndefined();
    await outbox.close();
    expect(await readdir(folder)).toEqual([]);
  });

  it('keeps them over a restart, and never uses a place again', async () => {
    const hub = new Hub();
    const first = await open();
    await first.append([count(1)]);
    await first.close();
    const second = await open();
    await second.append([count(2)]);
    await drain(second, hub);
    expect(hub.total).toBe(3);
    expect([...hub.places.values()]).toEqual([1, 1]);
    await second.close();
  });

  it('I34 what a crash cut off is left out, and nothing before it', async () => {
    const hub = new Hub();
    const first = await open();
    await first.append([count(1)]);
    await first.append([count(2)]);
    await first.close();
    const [name = ''] = await readdir(folder);
    const { length } = await readFile(join(folder, name));
    await truncate(join(folder, name), length - 3);
    const second = await open();
    await drain(second, hub);
    expect(hub.total).toBe(1);
    await second.close();
  });

  it('adds up by minute what waits for the hub, so that a long time away stays small', async () => {
    const hub = new Hub();
    const outbox = await open({ segmentOctets: 2_000, maxOctets: 20_000 });
    for (let second = 0; second < 600; second += 1)
      await outbox.append([
        count(1, 'acme', Math.floor(second / 60) * 60),
        count(1, 'b', Math.floor(second / 60) * 60),
      ]);
    expect(outbox.waitingOctets).toBeLessThan(12_000);
    expect(lost).toBe(0);
    await drain(outbox, hub);
    expect(hub.total).toBe(1200);
    await outbox.close();
  });

  it('I34 a crash while it adds up counts nothing twice: the old files no longer count once the new one is there', async () => {
    const hub = new Hub();
    const outbox = await open({ segmentOctets: 300, maxOctets: 100_000 });
    const saved = new Map<string, Buffer>();
    for (let n = 0; n < 30; n += 1) {
      await outbox.append([count(1)]);
      for (const name of await readdir(folder)) saved.set(name, await readFile(join(folder, name)));
    }
    await outbox.close();
    // The disk of a crash: every file that was ever there is there again.
    for (const [name, bytes] of saved)
      if (!(await readdir(folder)).includes(name)) await writeFile(join(folder, name), bytes);
    const again = await open();
    await drain(again, hub);
    expect(hub.total).toBe(30);
    await again.close();
  });

  it('drops and tells what does not fit, rather than fill the disk', async () => {
    const outbox = await open({ segmentOctets: 1_000, maxOctets: 5_000 });
    for (let n = 0; n < 300; n += 1) await outbox.append([count(1, `p${n}`)]);
    expect(outbox.waitingOctets).toBeLessThan(7_000);
    expect(lost).toBeGreaterThan(0);
    const hub = new Hub();
    await drain(outbox, hub);
    expect(hub.total + lost).toBe(300);
    await outbox.append([count(7)]);
    await drain(outbox, hub);
    expect(hub.total + lost).toBe(307);
    await outbox.close();
  });

  it('goes back when the hub was restored from a backup, as far as it still has it', async () => {
    const outbox = await open();
    const hub = new Hub();
    await outbox.append([count(1)]);
    await outbox.append([count(2)]);
    await drain(outbox, hub);
    const restored = new Hub();
    await outbox.append([count(4)]);
    for (let tries = 0; tries < 5; tries += 1) {
      const batch = await outbox.next(undefined);
      if (batch === undefined) break;
      await outbox.acknowledged(batch.outbox, restored.take(batch));
    }
    await drain(outbox, restored);
    expect(restored.total).toBe(7);
    await outbox.close();
  });

  it('I34 counts each hit once through lost, repeated and late messages, and broken links', async () => {
    const hub = new Hub();
    const outbox = await open({ segmentOctets: 500 });
    const timers: (() => void)[] = [];
    const wire: OutboxBatch[] = [];
    const sender = createUsageSender({
      outbox,
      send: (batch) => wire.push(batch) > 0,
      after: (_, task) => {
        timers.push(task);
        return () => undefined;
      },
    });
    const settle = async (): Promise<void> => {
      // The outbox does one thing after the other: behind this, what was asked before is done.
      for (let n = 0; n < 20; n += 1) await outbox.acknowledged('none', 0);
    };
    for (let n = 0; n < 60; n += 1) {
      await outbox.append([count(1)]);
      sender.wake();
      await settle();
      // A hostile network: every third message is lost, some come twice or in the wrong order, some answers are lost.
      const batches = wire.splice(0);
      if (n % 4 === 0) batches.reverse();
      for (const [at, batch] of batches.entries()) {
        if ((at + n) % 3 === 0) continue;
        const sequence = hub.take(batch);
        hub.take(batch);
        if ((at + n) % 5 !== 0) sender.acknowledged(batch.outbox, sequence);
      }
      await settle();
      if (n % 7 === 0) sender.interrupted();
      if (n % 6 === 0) timers.at(-1)?.();
      await settle();
    }
    for (let rounds = 0; rounds < 50 && hub.total < 60; rounds += 1) {
      timers.at(-1)?.();
      sender.wake();
      await settle();
      for (const batch of wire.splice(0)) sender.acknowledged(batch.outbox, hub.take(batch));
      await settle();
    }
    expect(hub.total).toBe(60);
    sender.close();
    await outbox.close();
  });
});
