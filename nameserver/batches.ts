/** How much may wait on the way to the process's own thread. */
export interface BatchLimits {
  /** Items of one message. */
  readonly batch: number;
  /** Messages that nobody has taken yet. */
  readonly inFlight: number;
  /** Items that wait for a message; what comes on top is dropped. */
  readonly waiting: number;
  /** An item waits this long for others, in milliseconds. */
  readonly delayMs: number;
}

/**
 * Collects items and hands them on in batches, a bounded number at a time: when the receiver does not keep up, items are
 * dropped and counted, and nothing grows.
 */
export class Batches<Item> {
  readonly #limits: BatchLimits;
  readonly #post: (items: readonly Item[]) => void;
  readonly #dropped: () => void;
  #waiting: Item[] = [];
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: BatchLimits, post: (items: readonly Item[]) => void, dropped: () => void) {
    this.#limits = limits;
    this.#post = post;
    this.#dropped = dropped;
  }

  push(item: Item): void {
    if (this.#waiting.length >= this.#limits.waiting) {
      this.#dropped();
      return;
    }
    this.#waiting.push(item);
    if (this.#waiting.length >= this.#limits.batch) this.#flush();
    else this.#timer ??= setTimeout(() => this.flush(), this.#limits.delayMs);
  }

  /** The receiver took a batch. */
  taken(): void {
    this.#inFlight -= 1;
    if (this.#waiting.length >= this.#limits.batch || this.#timer === undefined) this.#flush();
  }

  /** Sends what waits, as far as the receiver keeps up. */
  flush(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flush();
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#inFlight < this.#limits.inFlight) {
      this.#inFlight += 1;
      this.#post(this.#waiting.splice(0, this.#limits.batch));
    }
  }
}
