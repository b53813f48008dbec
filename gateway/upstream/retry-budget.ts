import type { CompiledRetry } from '../../src/policy/model.ts';

/** Retries as a share of recent requests: a backend that fails for all is not asked several times as much. */
export class RetryBudget {
  #windowMs = 0;
  #requests = 0;
  #retries = 0;
  #lastRequests = 0;
  #lastRetries = 0;

  request(budget: CompiledRetry['budget'], nowMs: number): void {
    this.#turn(budget.intervalMs, nowMs);
    this.#requests += 1;
  }

  /** @returns one more may be made; it counts as made */
  take(budget: CompiledRetry['budget'], nowMs: number): boolean {
    this.#turn(budget.intervalMs, nowMs);
    // The last interval counts by the part of it that still lies within an interval of now.
    const share = 1 - (nowMs - this.#windowMs) / budget.intervalMs;
    const requests = this.#requests + this.#lastRequests * share;
    const retries = this.#retries + this.#lastRetries * share;
    const most = Math.max(
      (requests * budget.percent) / 100,
      (budget.minPerSecond * budget.intervalMs) / 1_000,
    );
    if (retries + 1 > most) return false;
    this.#retries += 1;
    return true;
  }

  #turn(intervalMs: number, nowMs: number): void {
    if (nowMs - this.#windowMs < intervalMs) return;
    const next = nowMs - this.#windowMs < 2 * intervalMs;
    this.#lastRequests = next ? this.#requests : 0;
    this.#lastRetries = next ? this.#retries : 0;
    this.#requests = 0;
    this.#retries = 0;
    this.#windowMs = next ? this.#windowMs + intervalMs : nowMs;
  }
}
