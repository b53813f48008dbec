/** Parts of a window in which hits are counted together: a hit is forgotten at most so much of a window too late. */
const PARTS = 16;

/** What one agent may admit of one key by itself, at most, at a given time: the rest of its floor. Never more than the floor. */
export interface FloorAccount {
  /** Hits that were admitted until now. */
  spend(hits: number, nowMs: number): void;
  /** @param floor hits in a window (a bucket: at once); what is in the hands of threads counts as part of it */
  free(floor: number, nowMs: number): number;
  /** Hits that still count against the floor. */
  used(nowMs: number): number;
}

/** Hits of the last `spanMs`, in whole numbers. A hit counts for `spanMs` and up to a sixteenth longer. */
export class FloorLog implements FloorAccount {
  readonly #spanMs: number;
  readonly #partMs: number;
  readonly #counts = new Float64Array(PARTS + 1);
  #part = 0;
  #total = 0;

  /** @param spanMs of the local clock; Infinity: hits count for ever */
  constructor(spanMs: number) {
    this.#spanMs = spanMs;
    this.#partMs = spanMs / PARTS;
  }

  spend(hits: number, nowMs: number): void {
    this.#roll(nowMs);
    const at = this.#part % (PARTS + 1);
    this.#counts[at] = (this.#counts[at] ?? 0) + hits;
    this.#total += hits;
  }

  free(floor: number, nowMs: number): number {
    return Math.max(0, floor - this.used(nowMs));
  }

  used(nowMs: number): number {
    this.#roll(nowMs);
    return this.#total;
  }

  #roll(nowMs: number): void {
    if (this.#spanMs === Number.POSITIVE_INFINITY) return;
    const part = Math.floor(nowMs / this.#partMs);
    if (part <= this.#part) return;
    const steps = Math.min(part - this.#part, PARTS + 1);
    for (let step = 1; step <= steps; step += 1) {
      const at = (part - steps + step) % (PARTS + 1);
      this.#total -= this.#counts[at] ?? 0;
      this.#counts[at] = 0;
    }
    this.#part = part;
  }
}

/** A bucket that begins empty and fills in `spanMs` times the burst over the limit. */
export class FloorBucket implements FloorAccount {
  #level = 0;
  #atMs: number;
  #perMs = 0;
  #burst = 0;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** The part that this agent has, from now on. */
  shape(burst: number, perMs: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#burst = burst;
    this.#perMs = perMs;
    this.#level = Math.min(this.#level, burst);
  }

  spend(hits: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#level -= hits;
  }

  free(_floor: number, nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, Math.floor(this.#level));
  }

  /** What a bucket gave never counts later: one that is forgotten begins empty again. */
  used(): number {
    return 0;
  }

  #fill(nowMs: number): void {
    this.#level = Math.min(this.#burst, this.#level + this.#perMs * Math.max(0, nowMs - this.#atMs));
    this.#atMs = nowMs;
  }
}
