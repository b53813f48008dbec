import { setTimeout as delay } from 'node:timers/promises';
import type { ProviderClock } from '../../providers/contract.ts';

/** The machine's clock. */
export const systemProviderClock: ProviderClock = {
  monotonicMs: () => performance.now(),
  wallMs: Date.now,
  async wait(delayMs, signal) {
    signal.throwIfAborted();
    try {
      await delay(delayMs, undefined, { signal });
    } catch (thrown) {
      // `timers/promises` rejects with an error of its own; callers want to know why they were told to stop.
      signal.throwIfAborted();
      throw thrown;
    }
  },
};
