export type Outcome = 'try' | 'refused' | 'full' | 'away';

export interface Settled {
  readonly ticket: number;
  readonly outcome: Outcome;
}

interface Ticket {
  readonly ticket: number;
  readonly hits: number;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** Hits that wait at one key: more are told that it is full. */
export const MOST_WAITING_AT_KEY = 64;
export const MOST_WAITING = 10_000;

/** Hits that wait for a grant, the longest wait first at each key. */
export class Waiting {
  readonly #bySlot = new Map<number, Ticket[]>();
  #settled: Settled[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  slots(): IterableIterator<number> {
    return this.#bySlot.keys();
  }

  /** @returns false, and the ticket is settled: there is no room. */
  add(slot: number, ticket: Ticket): boolean {
    const there = this.#bySlot.get(slot);
    if (this.#size >= MOST_WAITING || (there?.length ?? 0) >= MOST_WAITING_AT_KEY) {
      this.settle(ticket.ticket, 'full');
      return false;
    }
    if (there === undefined) this.#bySlot.set(slot, [ticket]);
    else there.push(ticket);
    this.#size += 1;
    return true;
  }

  settle(ticket: number, outcome: Outcome): void {
    this.#settled.push({ ticket, outcome });
  }

  /** Hits that wait at the key. */
  hits(slot: number): number {
    let hits = 0;
    for (const ticket of this.#bySlot.get(slot) ?? []) hits += ticket.hits;
    return hits;
  }

  /** The first hits for which there are tokens may try. @returns tokens that they will take */
  serve(slot: number, tokens: number): number {
    const there = this.#bySlot.get(slot);
    let served = 0;
    while (there !== undefined) {
      const first = there[0];
      if (first === undefined || served + first.hits > tokens) break;
      there.shift();
      this.#size -= 1;
      served += first.hits;
      this.settle(first.ticket, 'try');
    }
    if (there?.length === 0) this.#bySlot.delete(slot);
    return served;
  }

  /** Settles what has waited since before an instant, or until now. */
  end(slot: number, outcome: Outcome, over: (ticket: Ticket) => boolean): void {
    const there = this.#bySlot.get(slot);
    if (there === undefined) return;
    const left = there.filter((ticket) => {
      if (!over(ticket)) return true;
      this.#size -= 1;
      this.settle(ticket.ticket, outcome);
      return false;
    });
    if (left.length === 0) this.#bySlot.delete(slot);
    else this.#bySlot.set(slot, left);
  }

  endAll(slot: number, outcome: Outcome): void {
    this.end(slot, outcome, () => true);
  }

  settled(): readonly Settled[] {
    const settled = this.#settled;
    if (settled.length > 0) this.#settled = [];
    return settled;
  }
}
