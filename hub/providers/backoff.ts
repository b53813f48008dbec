import type { ProviderClock, ProviderError } from '../../providers/contract.ts';
import { backoffDelayMs } from '../../src/protocol/backoff.ts';

const LIMITS = { baseMs: 500, capMs: 60_000 };

export interface Backoff {
  /**
   * Waits before the next try; false when it should not come: time is over, or `signal` was aborted.
   * @param attempt from 0
   */
  pause(attempt: number, error: Pick<ProviderError, 'retryAfterMs'>, signal: AbortSignal): Promise<boolean>;
}

/**
 * Full jitter: anything between nothing and a bound that doubles, so that many who were refused together do not come back together. What the provider says
 * (Retry-After) is the least that is waited.
 * @param untilMs on `clock.monotonicMs`; no try begins after it
 */
export function backoffOf(clock: ProviderClock, random: () => number, untilMs: number): Backoff {
  return {
    async pause(attempt, { retryAfterMs = 0 }, signal) {
      const delayMs = retryAfterMs + backoffDelayMs(attempt + 1, random, LIMITS);
      if (signal.aborted || clock.monotonicMs() + delayMs > untilMs) return false;
      try {
        await clock.wait(delayMs, signal);
      } catch {
        return false;
      }
      return !signal.aborted;
    },
  };
}
