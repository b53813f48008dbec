/** The data process's part of a million keys, in a process of its own, so that its memory is only that: `bench/keys.ts`. */
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { readImage } from '../gateway/keys/image.ts';
import { createSharedKeyTable } from '../gateway/keys/writer.ts';
import { THREAD_LIMITS } from '../gateway/thread-limits.ts';
import { createClusterDigest, createHubDigest } from '../src/identity/api-key.ts';

const [image = '', count = '0', threads = '2'] = process.argv.slice(2);
const keys = Number(count);
const peppers = { hub: Buffer.alloc(32, 1), cluster: Buffer.alloc(32, 2) };

const before = performance.now();
const table = createSharedKeyTable();
let longest = 0;
let last = performance.now();
const ticker = setInterval(() => {
  longest = Math.max(longest, performance.now() - last);
  last = performance.now();
}, 1);
await readImage(image, table);
const loadMs = performance.now() - before;
longest = Math.max(longest, performance.now() - last);
clearInterval(ticker);

const workers = Array.from(
  { length: Number(threads) },
  () =>
    new Worker(new URL('keys-worker.ts', import.meta.url), {
      workerData: { shared: table.shared, ...peppers },
      resourceLimits: THREAD_LIMITS,
    }),
);
const ask = (worker: Worker, message: object): Promise<Record<string, number>> =>
  new Promise((resolve) => {
    worker.once('message', resolve);
    worker.postMessage(message);
  });
const all = (message: object) => Promise.all(workers.map((worker) => ask(worker, message)));
await all({ type: 'look', count: 20_000, keys, known: true });
const memory = pssMiB();
const known = await all({ type: 'look', count: 200_000, keys, known: true });
const unknown = await all({ type: 'look', count: 200_000, keys, known: false });

// A revocation, while every thread asks for that key.
const digest = createClusterDigest(peppers.cluster)(createHubDigest(peppers.hub)('bench-key-7'));
const entry = table.get(digest);
await all({ type: 'watch', key: 'bench-key-7' });
const seen = workers.map(
  (worker) => new Promise<{ seenMs: number }>((resolve) => worker.once('message', resolve)),
);
await new Promise((resolve) => setTimeout(resolve, 50));
const at = performance.timeOrigin + performance.now();
if (entry !== undefined) table.apply({ ...entry, revoked: true });
const revoked = (await Promise.all(seen)).map(({ seenMs }) => seenMs - at);

// Growth: another tenth of keys, one by one, while every thread asks for others; the longest that one of them takes of the processor:
// a machine that does much else takes it away for longer than a change needs.
let longestApply = 0;
const meanwhile = all({ type: 'look', count: 200_000, keys, known: true });
const hub = createHubDigest(peppers.hub);
const cluster = createClusterDigest(peppers.cluster);
for (let i = 0; i < keys / 10; i += 1) {
  const next = { ...entry, digest: cluster(hub(`further-key-${i}`)), revoked: false };
  const before = process.threadCpuUsage();
  if (entry !== undefined) table.apply({ ...entry, ...next });
  const { user, system } = process.threadCpuUsage(before);
  longestApply = Math.max(longestApply, (user + system) / 1_000);
}
await meanwhile;
const mean = (figures: readonly Record<string, number>[]): number =>
  figures.reduce((sum, { us }) => sum + (us ?? 0), 0) / figures.length;
process.stdout.write(
  JSON.stringify({
    keys: table.size,
    found: known.map(({ found }) => found),
    memoryMiB: memory,
    afterMiB: pssMiB(),
    loadMs,
    stallMs: longest,
    knownUs: mean(known),
    unknownUs: mean(unknown),
    revocationMs: Math.max(...revoked),
    longestApplyMs: longestApply,
  }),
);
await Promise.all(workers.map((worker) => worker.terminate()));

/** Proportional set size: what the process costs the machine. */
function pssMiB(): number {
  const found = /^Pss:\s+(\d+) kB/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'));
  return Number(found?.[1] ?? 0) / 1024;
}
