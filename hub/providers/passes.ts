import type { ProviderClock } from '../../providers/contract.ts';

/**
 * Runs passes one at a time. Level-based: whatever asks for one while another is under way makes one more after it, and no more than that, so
 * nothing queues up.
 */
export interface Passes {
  /** A pass is due now, or after the pause that a failure has set. */
  ask(): void;
  /** A pass is due now, whatever failed before. */
  askNow(): void;
  /** Asked for since the pass under way began, or since it looked at what is wanted. */
  readonly asked: boolean;
  /** The pass under way looks at what is wanted now: whatever asked before is served by it. */
  looked(): void;
  /** Failures in a row. */
  readonly failures: number;
  /** Resolves when no pass is under way; none begins after it. */
  close(): Promise<void>;
}

export interface PassesOptions {
  /**
   * One pass. @returns the instant of the next one if nobody asks earlier, monotonic milliseconds; `overtaken`: it left off for a newer one,
   * which says nothing of whether the failures before it are over
   */
  readonly pass: () => Promise<number | 'overtaken'>;
  /** What a failure means. @param failures in a row, from 1 @returns milliseconds until the next try */
  readonly onFailure: (thrown: unknown, failures: number) => number;
  readonly onEnd: () => void;
  readonly clock: ProviderClock;
}

/** Whatever a server says (Retry-After: ten years), it is asked again after so long. */
const LONGEST_PAUSE_MS = 300_000;

export function createPasses(options: PassesOptions): Passes {
  const { clock } = options;
  let closed = false;
  let failures = 0;
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  let timer: { readonly atMs: number; readonly cancel: AbortController } | undefined;
  let running: Promise<void> | undefined;
  let asked = false;

  function schedule(wantedMs: number): void {
    if (closed || !Number.isFinite(wantedMs)) return;
    const atMs = Math.max(wantedMs, notBeforeMs);
    if (timer !== undefined && timer.atMs <= atMs) return;
    timer?.cancel.abort();
    const cancel = new AbortController();
    timer = { atMs, cancel };
    clock.wait(Math.max(0, atMs - clock.monotonicMs()), cancel.signal).then(
      () => {
        timer = undefined;
        run();
      },
      () => undefined,
    );
  }

  function run(): void {
    if (running !== undefined || closed) return;
    asked = false;
    running = once().then((nextMs) => {
      running = undefined;
      options.onEnd();
      schedule(asked ? clock.monotonicMs() : nextMs);
    });
  }

  async function once(): Promise<number> {
    try {
      const nextMs = await options.pass();
      if (nextMs === 'overtaken') return clock.monotonicMs();
      failures = 0;
      notBeforeMs = Number.NEGATIVE_INFINITY;
      return nextMs;
    } catch (thrown) {
      if (closed) return Number.POSITIVE_INFINITY;
      failures += 1;
      notBeforeMs = clock.monotonicMs() + Math.min(LONGEST_PAUSE_MS, options.onFailure(thrown, failures));
      return notBeforeMs;
    }
  }

  return {
    ask() {
      asked = true;
      schedule(clock.monotonicMs());
    },
    askNow() {
      notBeforeMs = Number.NEGATIVE_INFINITY;
      failures = 0;
      asked = true;
      schedule(clock.monotonicMs());
    },
    get asked() {
      return asked;
    },
    looked() {
      asked = false;
    },
    get failures() {
      return failures;
    },
    async close() {
      closed = true;
      timer?.cancel.abort();
      await running;
    },
  };
}
