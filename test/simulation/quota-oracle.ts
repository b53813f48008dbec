import type { Budget } from '../../src/quota/budget.ts';
import { longestMs, windowAt } from '../../src/quota/calendar.ts';

/** What was admitted for one key of one budget, and whether it was too much. Windows are the hub's clock's. */
export class Oracle {
  readonly name: string;
  readonly #algorithm: Budget['algorithm'];
  readonly #window: Budget['window'];
  readonly #windowMs: number;
  /** The largest limit that may hold now: a lowered one holds when what was granted by the one before is over. */
  #limit: number;
  #burst: number;
  readonly #byWindow = new Map<string, number>();
  readonly #recent: { atMs: number; hits: number }[] = [];
  #inRecent = 0;
  #first = 0;
  #level: number;
  #levelMs = 0;
  admitted = 0;

  constructor(name: string, budget: Budget) {
    this.name = name;
    this.#algorithm = budget.algorithm;
    this.#window = budget.window;
    this.#windowMs = longestMs(budget.window);
    this.#limit = budget.limit;
    this.#burst = budget.burst ?? budget.limit;
    this.#level = this.#burst;
  }

  /** From now on this holds, whatever was before. */
  setLimit(limit: number, burst: number): void {
    this.#limit = limit;
    this.#burst = burst;
    this.#level = Math.min(this.#level, burst);
    // Windows that began before are judged by the limit before: their count is kept apart by the caller's choice of the moment.
  }

  /**
   * @param clock which clock of the hub `hubMs` is of; after one that did not go on, windows of before are not those of now
   * @param passedMs since the beginning: what a stretch is counted by
   * @returns what is wrong
   */
  admit(hits: number, hubMs: number, clock: number, passedMs: number): string | undefined {
    this.admitted += hits;
    switch (this.#algorithm) {
      case 'fixed-window':
        return this.#fixed(hits, hubMs, clock);
      case 'sliding-window':
        return this.#sliding(hits, passedMs);
      case 'token-bucket':
        return this.#bucket(hits, passedMs);
    }
  }

  /** An answer cost less than was taken for it at a time: so much may be admitted again. */
  gaveBack(hits: number, hubMs: number, clock: number, passedMs: number): void {
    this.admitted -= hits;
    const name = `${clock} ${windowAt(this.#window, hubMs).startMs}`;
    this.#byWindow.set(name, (this.#byWindow.get(name) ?? 0) - hits);
    this.#level = Math.min(this.#burst, this.#level + hits);
    const at = this.#recent.findLastIndex(({ atMs }) => atMs === passedMs);
    const row = this.#recent[at];
    if (row === undefined || at < this.#first) return;
    row.hits -= hits;
    this.#inRecent -= hits;
  }

  #fixed(hits: number, hubMs: number, clock: number): string | undefined {
    const { startMs } = windowAt(this.#window, hubMs);
    const name = `${clock} ${startMs}`;
    const count = (this.#byWindow.get(name) ?? 0) + hits;
    this.#byWindow.set(name, count);
    return count > this.#limit
      ? `I20 ${this.name}: ${count} admitted of ${this.#limit} in the window from ${startMs}`
      : undefined;
  }

  #sliding(hits: number, nowMs: number): string | undefined {
    this.#recent.push({ atMs: nowMs, hits });
    this.#inRecent += hits;
    for (;;) {
      const oldest = this.#recent[this.#first];
      if (oldest === undefined || nowMs - oldest.atMs < this.#windowMs) break;
      this.#inRecent -= oldest.hits;
      this.#first += 1;
    }
    return this.#inRecent > this.#limit
      ? `I20 ${this.name}: ${this.#inRecent} admitted of ${this.#limit} in the window to ${nowMs}`
      : undefined;
  }

  #bucket(hits: number, nowMs: number): string | undefined {
    const grown = (this.#limit * Math.max(0, nowMs - this.#levelMs)) / this.#windowMs;
    this.#level = Math.min(this.#burst, this.#level + grown) - hits;
    this.#levelMs = Math.max(this.#levelMs, nowMs);
    return this.#level < -1e-6
      ? `I20 ${this.name}: ${-this.#level} more than a bucket of ${this.#burst} and ${this.#limit} per ${this.#windowMs} ms at ${nowMs}`
      : undefined;
  }
}
