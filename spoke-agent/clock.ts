import type { LinkClock } from '../src/protocol/clock.ts';

/** The machine's clocks. */
export const systemClock: LinkClock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};
