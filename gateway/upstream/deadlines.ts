/** Something that must be over in time. */
export interface Deadlined {
  /** Monotonic milliseconds. */
  deadlineMs: number;
  deadlinePassed(): void;
}

/** Deadlines are kept within this. */
const TICK_MS = 20;

/** Many deadlines, one timer: setting and clearing a timer for each request costs more than looking at all of them now and then. */
export class Deadlines {
  readonly #waiting = new Set<Deadlined>();
  readonly #monotonicMs: () => number;
  readonly #after: (delayMs: number, task: () => void) => () => void;
  #ticking = false;

  constructor(monotonicMs: () => number, after: (delayMs: number, task: () => void) => () => void) {
    this.#monotonicMs = monotonicMs;
    this.#after = after;
  }

  add(waiting: Deadlined): void {
    this.#waiting.add(waiting);
    if (!this.#ticking) this.#tickLater();
  }

  delete(waiting: Deadlined): void {
    this.#waiting.delete(waiting);
  }

  #tickLater(): void {
    this.#ticking = true;
    this.#after(TICK_MS, () => {
      this.#ticking = false;
      const now = this.#monotonicMs();
      for (const waiting of this.#waiting) {
        if (waiting.deadlineMs > now) continue;
        this.#waiting.delete(waiting);
        waiting.deadlinePassed();
      }
      if (this.#waiting.size > 0) this.#tickLater();
    });
  }
}
