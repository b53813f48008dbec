export interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** What is to happen when: a binary heap, first in first out among equals. */
export class Agenda {
  readonly #heap: Event[] = [];
  #order = 0;

  /** @returns takes it off again. */
  add(atMs: number, action: () => void): () => void {
    let live = true;
    this.#order += 1;
    this.#push({ atMs, order: this.#order, action: () => (live ? action() : undefined) });
    return () => {
      live = false;
    };
  }

  take(untilMs: number): Event | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > untilMs) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first;
  }

  #push(event: Event): void {
    let at = this.#heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || !isBefore(event, parent)) break;
      this.#heap[at] = parent;
      at = above;
    }
    this.#heap[at] = event;
  }

  #sink(event: Event): void {
    const size = this.#heap.length;
    let at = 0;
    for (;;) {
      const left = this.#heap[2 * at + 1];
      const right = this.#heap[2 * at + 2];
      const useRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = useRight ? right : left;
      if (child === undefined || 2 * at + 1 >= size || !isBefore(child, event)) break;
      this.#heap[at] = child;
      at = 2 * at + (useRight ? 2 : 1);
    }
    this.#heap[at] = event;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
