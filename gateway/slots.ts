/** Instead of a number: it is in none. */
export const NO_SLOT = -1;
/** Places beyond this many are given back once nothing is in them. */
const KEPT = 1_024;

/**
 * Things that come and go with requests, to be looked through now and then: each has a number while it is in here.
 *
 * Not a Set: that makes a new table whenever the old one is full of what was deleted, and the old one keeps what it held and points to
 * the next. Once one of them has left the young generation, all that follow do, and with them a third of all requests: the collector
 * then moves and marks what is long over (p99 was four times as long).
 */
export class Slots<T> {
  readonly #things: (T | undefined)[] = [];
  readonly #free: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns its number, for `release` */
  put(thing: T): number {
    this.#size += 1;
    const free = this.#free.pop();
    if (free === undefined) return this.#things.push(thing) - 1;
    this.#things[free] = thing;
    return free;
  }

  /** The number is another one's from now on. @param slot may be `NO_SLOT` @returns `NO_SLOT` */
  release(slot: number): typeof NO_SLOT {
    if (slot === NO_SLOT) return NO_SLOT;
    this.#size -= 1;
    this.#things[slot] = undefined;
    this.#free.push(slot);
    if (this.#size === 0 && this.#things.length > KEPT) {
      this.#things.length = 0;
      this.#free.length = 0;
    }
    return NO_SLOT;
  }

  /** Those that are in here when their turn comes; they may leave meanwhile. */
  each(visit: (thing: T) => void): void {
    for (const thing of this.#things) if (thing !== undefined) visit(thing);
  }
}
