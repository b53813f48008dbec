/**
 * The thread that tries inputs. Before each it puts the input into shared memory, so that whoever watches knows what it is at
 * when it never comes back.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { PortolanError } from '../../../src/errors/error.ts';
import { seededRandom } from '../../support/random.ts';
import { corpusOf } from './corpus.ts';
import { mutate } from './mutate.ts';
import { SLOT, type WorkerReport } from './slot.ts';
import { TARGETS, type Target } from './targets.ts';

const { seed, seconds, memory } = z
  .object({ seed: z.number(), seconds: z.number(), memory: z.instanceof(SharedArrayBuffer) })
  .parse(workerData);

const MAX_INPUT = 2048;
const MAX_POOL = 300;
const MAX_FAILURES = 10;

const words = new Int32Array(memory, 0, SLOT.words);
const slot = new Uint8Array(memory, SLOT.inputAt);
const random = seededRandom(seed);
const tell = (report: WorkerReport): void => parentPort?.postMessage(report);
const failures = new Set<string>();
const outcomes = new Map<string, number>();

/** The inputs of a target, and the outcomes they had. */
interface Pool {
  readonly target: Target;
  readonly inputs: Uint8Array[];
  readonly seen: Set<string>;
  tried: number;
}

function attempt(pool: Pool, index: number, input: Uint8Array): void {
  slot.set(input);
  Atomics.store(words, SLOT.length, input.length);
  Atomics.store(words, SLOT.target, index);
  Atomics.add(words, SLOT.count, 1);
  pool.tried += 1;
  let outcome: string;
  try {
    outcome = pool.target.run(input);
  } catch (error) {
    if (error instanceof PortolanError && error.code !== 'INTERNAL') {
      outcome = `${error.code} ${error.message}`;
    } else {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const short = `${pool.target.name} ${message.split('\n')[0]?.slice(0, 60) ?? ''}`;
      if (!failures.has(short)) {
        failures.add(short);
        tell({ kind: 'failure', target: pool.target.name, hex: Buffer.from(input).toString('hex'), message });
      }
      return;
    }
  }
  outcome = outcome.replaceAll(/"[\s\S]*"|\d{4,}/g, '').slice(0, 80); // what the input itself says makes no new outcome
  if (pool.seen.has(outcome)) return;
  pool.seen.add(outcome);
  outcomes.set(pool.target.name, pool.seen.size);
  if (pool.inputs.length < MAX_POOL) pool.inputs.push(input);
  else pool.inputs[Math.floor(random() * MAX_POOL)] = input;
}

const pools: readonly Pool[] = TARGETS.map((target) => ({
  target,
  inputs: [],
  seen: new Set<string>(),
  tried: 0,
}));
pools.forEach((pool, index) => {
  for (const { input } of corpusOf(pool.target.name)) attempt(pool, index, input);
  for (const input of pool.target.seeds) {
    pool.inputs.push(input);
    attempt(pool, index, input);
  }
});

const nothing = new Uint8Array(0);
const end = performance.now() + seconds * 1000;
while (performance.now() < end && failures.size < MAX_FAILURES) {
  for (let round = 0; round < 20; round += 1) {
    pools.forEach((pool, index) => {
      const base = pool.inputs[Math.floor(random() * pool.inputs.length)] ?? nothing;
      const other = pool.inputs[Math.floor(random() * pool.inputs.length)] ?? nothing;
      attempt(pool, index, mutate(base, other, random, MAX_INPUT));
    });
  }
}
tell({
  kind: 'done',
  tried: pools.reduce((sum, pool) => sum + pool.tried, 0),
  outcomes: Object.fromEntries(outcomes),
});
