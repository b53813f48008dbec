import { Worker } from 'node:worker_threads';
import { SLOT, type WorkerReport } from './slot.ts';
import { TARGETS } from './targets.ts';

export interface Failure {
  readonly target: string;
  readonly hex: string;
  readonly message: string;
}

export interface CodecResult {
  readonly tried: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

/** One input may take so long, on a machine that does other things too; it should take microseconds. */
const HANG_MS = 5000;
const LOOK_MS = 250;

/** Changes inputs of every target for so many seconds. A thread that does not come back from one is a failure too. */
export function fuzzCodec(seed: number, seconds: number): Promise<CodecResult> {
  const memory = new SharedArrayBuffer(SLOT.octets);
  const words = new Int32Array(memory, 0, SLOT.words);
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: { seed, seconds, memory } });
  const failures: Failure[] = [];
  return new Promise((resolve, reject) => {
    let count = 0;
    let since = performance.now();
    const watch = setInterval(() => {
      const now = Atomics.load(words, SLOT.count);
      if (now !== count || now === 0) {
        count = now;
        since = performance.now();
      } else if (performance.now() - since > HANG_MS) {
        const input = new Uint8Array(memory, SLOT.inputAt, Atomics.load(words, SLOT.length));
        failures.push({
          target: TARGETS[Atomics.load(words, SLOT.target)]?.name ?? 'unknown',
          hex: Buffer.from(input).toString('hex'),
          message: `no result after ${HANG_MS} ms`,
        });
        finish({ tried: count, outcomes: {}, failures });
      }
    }, LOOK_MS);
    const finish = (result: CodecResult): void => {
      clearInterval(watch);
      worker.terminate().then(() => resolve(result), reject);
    };
    worker.on('message', (report: WorkerReport) => {
      if (report.kind === 'failure') failures.push(report);
      else finish({ tried: report.tried, outcomes: report.outcomes, failures });
    });
    worker.on('error', (error) => {
      clearInterval(watch);
      reject(error);
    });
  });
}
