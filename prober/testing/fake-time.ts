import type { SetTimer } from '../probe.ts';

/** A monotonic clock and its timers, moved by hand. Promise callbacks run between two timers, as in a real event loop. */
export class FakeTime {
  #nowMs = 1_000_000;
  #next = 0;
  readonly #timers = new Map<number, { readonly atMs: number; readonly fn: () => void }>();

  readonly clock = (): number => this.#nowMs;

  readonly setTimer: SetTimer = (fn, delayMs) => {
    const id = this.#next++;
    this.#timers.set(id, { atMs: this.#nowMs + Math.max(0, delayMs), fn });
    return () => {
      this.#timers.delete(id);
    };
  };

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Runs everything due within `ms` milliseconds, in order. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      let due: [number, { readonly atMs: number; readonly fn: () => void }] | undefined;
      for (const entry of this.#timers) {
        if (entry[1].atMs <= untilMs && (due === undefined || entry[1].atMs < due[1].atMs)) due = entry;
      }
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#nowMs = Math.max(this.#nowMs, due[1].atMs);
      due[1].fn();
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
