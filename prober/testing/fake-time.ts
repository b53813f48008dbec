import type { SetTimer } from '../probe.ts';

interface Timer {
  readonly atMs: number;
  readonly fn: () => void;
  cancelled: boolean;
}

/** A monotonic clock and its timers, moved by hand. Promise callbacks run between two timers, as in a real event loop. */
export class FakeTime {
  #nowMs = 1_000_000;
  /** The latest first; of equal ones the newest first, so that the next to run is the last. */
  readonly #timers: Timer[] = [];

  readonly clock = (): number => this.#nowMs;

  readonly setTimer: SetTimer = (fn, delayMs) => {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), fn, cancelled: false };
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#timers[middle]?.atMs ?? 0) > timer.atMs) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    return () => {
      timer.cancelled = true;
    };
  };

  get pendingTimers(): number {
    return this.#timers.filter(({ cancelled }) => !cancelled).length;
  }

  /** Runs everything due within `ms` milliseconds, in order. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (
      let next = this.#timers.at(-1);
      next !== undefined && next.atMs <= untilMs;
      next = this.#timers.at(-1)
    ) {
      this.#timers.pop();
      if (next.cancelled) continue;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fn();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  /** The clock jumps and no timer runs meanwhile: a suspended machine. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Lets pending promise callbacks run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i += 1) await Promise.resolve();
}
