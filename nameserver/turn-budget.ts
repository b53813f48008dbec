/** Milliseconds in a turn of the event loop for what TCP connections ask: then datagrams have their turn. */
const TURN_MS = 1;

/**
 * Shares a thread between connections that always have more to ask and everybody else: without a bound, the queries that lie in the
 * buffers of a few connections take seconds in one turn of the event loop. Whoever is put off is called again in the order of asking.
 */
export class TurnBudget {
  readonly #now: () => number;
  readonly #turnMs: number;
  #endsAt = 0;
  #begun = false;
  #waiting: (() => void)[] = [];

  /** @param now monotonic milliseconds */
  constructor(now: () => number, turnMs = TURN_MS) {
    this.#now = now;
    this.#turnMs = turnMs;
  }

  /** Whether there is nothing left in this turn. Whoever asks first begins it. */
  get spent(): boolean {
    if (!this.#begun) this.#begin();
    return this.#now() >= this.#endsAt;
  }

  /** Calls back in a later turn, when those who asked before have had theirs. */
  putOff(again: () => void): void {
    this.#waiting.push(again);
    if (!this.#begun) this.#begin();
  }

  #begin(): void {
    this.#begun = true;
    this.#endsAt = this.#now() + this.#turnMs;
    setImmediate(() => {
      this.#begun = false;
      this.#next();
    });
  }

  #next(): void {
    const queue = this.#waiting;
    if (queue.length === 0) return;
    this.#waiting = [];
    this.#begin();
    let at = 0;
    while (at < queue.length && !this.spent) {
      queue[at]?.();
      at += 1;
    }
    // Those that were called and want more stand behind those that were not.
    this.#waiting = [...queue.slice(at), ...this.#waiting];
  }
}
