import { CLOCK_DRIFT } from './budget.ts';

/**
 * What an agent knows of the hub's clock: an interval, from a monotonic clock that is off by at most a known share. A reply that answers a
 * request of `sentMs` and comes at `nowMs` was written between the two; what replies say is intersected.
 */
export class HubTime {
  readonly #drift: number;
  /** Local time to which the two ends belong; undefined: nothing is known. */
  #at: number | undefined;
  #low = 0;
  #high = 0;

  constructor(drift: number = CLOCK_DRIFT) {
    this.#drift = drift;
  }

  get known(): boolean {
    return this.#at !== undefined;
  }

  /** Forgets everything. */
  forget(): void {
    this.#at = undefined;
  }

  /** @returns false: this cannot be the clock known before, which is forgotten in favour of the new one. */
  observe(hubMs: number, sentMs: number, nowMs: number): boolean {
    const high = hubMs + (nowMs - sentMs) / (1 - this.#drift);
    const low = this.#at === undefined ? hubMs : Math.max(hubMs, this.low(nowMs));
    const top = this.#at === undefined ? high : Math.min(high, this.high(nowMs));
    const agrees = low <= top;
    this.#low = agrees ? low : hubMs;
    this.#high = agrees ? top : high;
    this.#at = nowMs;
    return agrees;
  }

  /** The hub's clock is not before this. -Infinity: not known. */
  low(nowMs: number): number {
    return this.#at === undefined ? Number.NEGATIVE_INFINITY : this.#low + this.#least(nowMs - this.#at);
  }

  /** The hub's clock is not after this. Infinity: not known. */
  high(nowMs: number): number {
    return this.#at === undefined ? Number.POSITIVE_INFINITY : this.#high + this.#most(nowMs - this.#at);
  }

  /** Local time from which the hub's clock is surely not before `hubMs`. Infinity: not known. */
  surelySince(hubMs: number): number {
    if (this.#at === undefined) return Number.POSITIVE_INFINITY;
    const ahead = hubMs - this.#low;
    return this.#at + (ahead > 0 ? ahead * (1 + this.#drift) : ahead * (1 - this.#drift));
  }

  /** Local time until which the hub's clock is surely before `hubMs`. -Infinity: not known. */
  surelyUntil(hubMs: number): number {
    if (this.#at === undefined) return Number.NEGATIVE_INFINITY;
    const ahead = hubMs - this.#high;
    return this.#at + (ahead > 0 ? ahead * (1 - this.#drift) : ahead * (1 + this.#drift));
  }

  /** The hub's clock at a local time that is past was not after this, by what is known at `nowMs`. */
  highThen(pastMs: number, nowMs: number): number {
    return this.high(nowMs) - (nowMs - pastMs) / (1 + this.#drift);
  }

  #least(localMs: number): number {
    return localMs >= 0 ? localMs / (1 + this.#drift) : localMs / (1 - this.#drift);
  }

  #most(localMs: number): number {
    return localMs >= 0 ? localMs / (1 - this.#drift) : localMs / (1 + this.#drift);
  }
}
