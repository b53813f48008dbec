import type { ProviderClock } from '../../providers/contract.ts';

/** The machine's clocks, for a provider in a test with a real server. */
export const REAL_CLOCK: ProviderClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  wait: (delayMs, signal) =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', end);
        resolve();
      }, delayMs);
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    }),
};
