/**
 * First in, first out within a key, and turn by turn between keys: a cluster with thousands of black-holed targets does not
 * make another cluster's probes wait behind them. All operations take constant time.
 */
export class FairQueue<Item> {
  /** Insertion order is the order of turns. */
  readonly #queues = new Map<string, Set<Item>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(key: string, item: Item): void {
    const queue = this.#queues.get(key) ?? new Set();
    if (queue.has(item)) return;
    queue.add(item);
    this.#size += 1;
    this.#queues.set(key, queue);
  }

  /** The next item, or `undefined` when empty. */
  shift(): Item | undefined {
    for (const [key, queue] of this.#queues) {
      for (const item of queue) {
        this.#queues.delete(key);
        queue.delete(item);
        this.#size -= 1;
        if (queue.size > 0) this.#queues.set(key, queue);
        return item;
      }
    }
    return undefined;
  }
}
