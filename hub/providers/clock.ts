import { setTimeout as delay } from 'node:timers/promises';
import type { ProviderClock } from '../../providers/contract.ts';

/** A longer timer of Node ends at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const systemProviderClock: ProviderClock = {
  monotonicMs: () => performance.now(),
  wallMs: Date.now,
  async wait(delayMs, signal) {
    signal.throwIfAborted();
    try {
      let leftMs = delayMs;
      for (; leftMs > LONGEST_TIMER_MS; leftMs -= LONGEST_TIMER_MS)
        await delay(LONGEST_TIMER_MS, undefined, { signal });
      await delay(leftMs, undefined, { signal });
    } catch (thrown) {
      // `timers/promises` rejects with an error of its own; callers want to know why they were told to stop.
      signal.throwIfAborted();
      throw thrown;
    }
  },
};
