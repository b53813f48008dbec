const MIN_SIZE = 64;
const MIN_PER_SECOND = 1;
const REFILL_SHARE = 0.05;

/**
 * How many confirms may be sent beside the scheduled probes, so that probe work stays the same whether nothing or everything
 * fails (I13): a token bucket, one token a confirm.
 *
 * - Refill: 5 % of the scheduled probes per second, at least 1 token per second (small set-ups fail whole, too).
 * - Size: one second's scheduled probes, at least 64. A site of 32 endpoints can fail at one instant and have both confirms of
 *   every endpoint.
 *
 * So over a minute confirms add at most 60 x 5 % + 1 = 4 seconds' worth of scheduled probes: under 7 %, whatever fails. Out of
 * budget a target is judged by scheduled probes alone: slower (`fall` intervals), never wrongly.
 */
export class ConfirmBudget {
  #tokens = MIN_SIZE;
  #size = MIN_SIZE;
  #perSecond = MIN_PER_SECOND;
  #filledAtMs: number;

  constructor(nowMs: number) {
    this.#filledAtMs = nowMs;
  }

  /** @param scheduledPerSecond probes per second that the schedule makes anyhow. */
  resize(scheduledPerSecond: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#size = Math.max(MIN_SIZE, scheduledPerSecond);
    this.#perSecond = Math.max(MIN_PER_SECOND, scheduledPerSecond * REFILL_SHARE);
    this.#fill(nowMs);
  }

  /** Takes a token; false when there is none. */
  take(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  available(nowMs: number): number {
    this.#fill(nowMs);
    return Math.floor(this.#tokens);
  }

  #fill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#filledAtMs = Math.max(this.#filledAtMs, nowMs);
    this.#tokens = Math.min(this.#size, this.#tokens + (elapsedMs / 1000) * this.#perSecond);
  }
}
