import { type NO_SLOT, Slots } from '../slots.ts';

/** Something that must be over in time. */
export interface Deadlined {
  /** Monotonic milliseconds. */
  deadlineMs: number;
  /** Its number in here; `NO_SLOT`: none. */
  deadlineSlot: number;
  deadlinePassed(): void;
}

/** Deadlines are kept within this. */
const TICK_MS = 20;

/** Many deadlines, one timer: setting and clearing a timer for each request costs more than looking at all of them now and then. */
export class Deadlines {
  readonly #waiting = new Slots<Deadlined>();
  readonly #monotonicMs: () => number;
  readonly #after: (delayMs: number, task: () => void) => () => void;
  #ticking = false;

  constructor(monotonicMs: () => number, after: (delayMs: number, task: () => void) => () => void) {
    this.#monotonicMs = monotonicMs;
    this.#after = after;
  }

  /** @returns for `release` */
  add(waiting: Deadlined): number {
    if (!this.#ticking) this.#tickLater();
    return this.#waiting.put(waiting);
  }

  /** As `Slots.release`. */
  release(slot: number): typeof NO_SLOT {
    return this.#waiting.release(slot);
  }

  #tickLater(): void {
    this.#ticking = true;
    this.#after(TICK_MS, () => {
      this.#ticking = false;
      const now = this.#monotonicMs();
      this.#waiting.each((waiting) => {
        if (waiting.deadlineMs > now) return;
        waiting.deadlineSlot = this.#waiting.release(waiting.deadlineSlot);
        waiting.deadlinePassed();
      });
      // One that was set anew has seen to it.
      if (!this.#ticking && this.#waiting.size > 0) this.#tickLater();
    });
  }
}
