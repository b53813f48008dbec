import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { createQuotaMemory, createTableWriter } from './table.ts';
import type { Bank } from './table-contract.ts';

const THREADS = 3;
const WINDOWS = 10_000;
const KEYS = 6;
/** Fewer slots than keys: every slot serves one key after the other. */
const CAPACITY = 3;
const TOKENS = 5;

/*
 * Threads take as fast as they can while one writer makes windows come and go: `control[1]` is the window that it is, and the time. What was
 * taken is counted by key and window; so is what each held and what was left of it. A token of another window or another key, and one
 * that was made from nothing, shows in one of these sums.
 *
 * `wrong` takes as one must not: subtract first, and add back when there was not enough.
 */
const TAKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  (async () => {
    const { createTaker } = await import(workerData.table);
    const { HEADER, SLOT, SLOT_WORDS, shapeOf, tokensOf } = await import(workerData.layout);
    const { memory, keys, windows, wrong } = workerData;
    const control = new Int32Array(workerData.control);
    const admitted = new Int32Array(workerData.admitted);
    const taker = createTaker(memory);
    const words = new Int32Array(memory);
    const { slotsAt } = shapeOf(words[HEADER.capacity]);
    const takeWrongly = (slot, bank, hits) => {
      const at = slotsAt + slot * SLOT_WORDS + SLOT.banks + bank * 4;
      if (tokensOf(Atomics.sub(words, at, hits)) >= hits) return 0;
      Atomics.add(words, at, hits);
      return 2;
    };
    parentPort.postMessage('ready');
    let settled = 0;
    for (let n = workerData.id; Atomics.load(control, 0) === 0; n += 7) {
      const now = Atomics.load(control, 1);
      const key = n % keys;
      const hits = 1 + (n & 1);
      const slot = taker.find(0, 'key-' + key);
      if (slot < 0) continue;
      const verdict = wrong ? takeWrongly(slot, now & 1, hits) : taker.take(slot, hits, now);
      if (verdict !== 0) continue;
      let spent = hits;
      // Every few hits cost something else than was taken for them.
      if (!wrong && n % 5 === 0) {
        const more = n % 2 === 0 ? 1 : -1;
        if (taker.settle(slot, taker.receipt, more)) { spent += more; settled += 1; }
      }
      Atomics.add(admitted, key * windows + now, spent);
    }
    parentPort.postMessage(settled);
  })();
`;

interface Outcome {
  /** Sums of key and window that are not what was held less what was left. */
  readonly unequal: number;
  readonly over: number;
  readonly admitted: number;
  readonly settled: number;
}

async function run(wrong: boolean): Promise<Outcome> {
  const memory = createQuotaMemory({ capacity: CAPACITY, seeds: [3, 4] });
  const writer = createTableWriter(memory);
  const control = new SharedArrayBuffer(8);
  const counts = new SharedArrayBuffer(4 * KEYS * WINDOWS);
  const stop = new Int32Array(control);
  const held = new Int32Array(KEYS * WINDOWS);
  const workers = Array.from({ length: THREADS }, (_, id) => {
    const file = (name: string): string => new URL(name, import.meta.url).href;
    const [table, layout] = [file('./table.ts'), file('./table-layout.ts')];
    return new Worker(TAKER, {
      eval: true,
      workerData: {
        table,
        layout,
        memory,
        control,
        admitted: counts,
        keys: KEYS,
        windows: WINDOWS,
        id,
        wrong,
      },
    });
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  /** By key: its slot, and the window of what is in each of its two banks. */
  const living = new Map<number, { readonly slot: number; readonly windows: [number, number] }>();
  const account = (key: number, bank: number, change: number): void => {
    const window = living.get(key)?.windows[bank] ?? -1;
    if (window >= 0) held[key * WINDOWS + window] = (held[key * WINDOWS + window] ?? 0) + change;
  };
  const fill = (key: number, window: number): void => {
    const it = living.get(key);
    if (it === undefined) return;
    const bank = (window & 1) as Bank;
    account(key, bank, -writer.fill(it.slot, bank, TOKENS, window, window + 1));
    it.windows[window & 1] = window;
    account(key, bank, TOKENS);
  };
  const leave = (key: number): void => {
    const it = living.get(key);
    if (it === undefined) return;
    for (const bank of [0, 1] as const) {
      account(key, bank, -writer.fill(it.slot, bank, 0, 0, 0));
      it.windows[bank] = -1;
    }
    writer.remove(it.slot);
    living.delete(key);
  };
  const started = performance.now();
  for (let now = 0; now + 1 < WINDOWS; now += 1) {
    // Other keys get the slots now and then.
    if (now % 3 === 0) {
      leave((now / 3) % KEYS);
      if (living.size < CAPACITY) {
        const key = (now / 3 + CAPACITY) % KEYS;
        const slot = writer.insert(0, `key-${key}`);
        if (slot >= 0 && !living.has(key)) living.set(key, { slot, windows: [-1, -1] });
        fill(key, now);
      }
    }
    for (const key of living.keys()) fill(key, now + 1);
    Atomics.store(stop, 1, now + 1);
    // However busy the machine is, threads get to run.
    if (now % 50 === 0) Atomics.wait(stop, 0, 0, 1);
    if (now % 4 === 0) for (const { slot } of living.values()) writer.renew(slot, ((now + 1) & 1) as Bank);
    // Some windows are long enough to be used up, and to be added to and withdrawn from.
    for (let n = now % 40; n > 0; n -= 1) {
      for (const [key, { slot }] of living) {
        const bank = ((now + 1) & 1) as Bank;
        writer.add(slot, bank, 1);
        account(key, bank, 1);
        if (n % 3 === 0) account(key, bank, -writer.withdraw(slot, bank, 2));
      }
    }
    if (wrong && performance.now() - started > 1500) break;
  }
  Atomics.store(stop, 0, 1);
  const ended = await Promise.all(
    workers.map(async (worker) => {
      const [settled] = (await once(worker, 'message')) as [number];
      await worker.terminate();
      return settled;
    }),
  );
  for (const key of [...living.keys()]) leave(key);
  const admitted = new Int32Array(counts);
  let unequal = 0;
  let over = 0;
  for (let at = 0; at < held.length; at += 1) {
    const difference = (admitted[at] ?? 0) - (held[at] ?? 0);
    if (difference !== 0) unequal += 1;
    if (difference > 0) over += 1;
  }
  return {
    unequal,
    over,
    admitted: admitted.reduce((sum, count) => sum + count, 0),
    settled: ended.reduce((sum, count) => sum + count, 0),
  };
}

describe('threads beside the writer', () => {
  it('I20 take exactly the tokens that each key held in each window, while windows and keys change', async () => {
    const outcome = await run(false);
    expect(outcome).toMatchObject({ unequal: 0, over: 0 });
    expect(outcome.admitted).toBeGreaterThan(WINDOWS / 2);
    expect(outcome.settled).toBeGreaterThan(100);
  });

  it('I20 would be caught if they subtracted first and added back', async () => {
    expect((await run(true)).over).toBeGreaterThan(0);
  });
});
