import type { ProviderClock } from '../../providers/contract.ts';

/** A clock for tests: time goes on only when told. */
export interface VirtualClock extends ProviderClock {
  /** Lets time pass, waking who waits in order, each with everything that follows from it done first. */
  pass(ms: number): Promise<void>;
}

/** Enough turns of the event loop for chains of promises that follow from one waking. */
const TURNS = 20;

export function createVirtualClock(startWallMs = 1_790_000_000_000): VirtualClock {
  let nowMs = 0;
  const sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  async function quiet(): Promise<void> {
    for (let i = 0; i < TURNS; i += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  return {
    monotonicMs: () => nowMs,
    wallMs: () => startWallMs + nowMs,
    wait(delayMs, signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const sleeper = {
          atMs: nowMs + delayMs,
          wake() {
            signal.removeEventListener('abort', abort);
            sleepers.delete(sleeper);
            resolve();
          },
        };
        const abort = (): void => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        };
        signal.addEventListener('abort', abort, { once: true });
        sleepers.add(sleeper);
      });
    },
    async pass(ms) {
      const untilMs = nowMs + ms;
      await quiet();
      for (;;) {
        const [first] = [...sleepers].sort((a, b) => a.atMs - b.atMs);
        if (first === undefined || first.atMs > untilMs) break;
        nowMs = Math.max(nowMs, first.atMs);
        first.wake();
        await quiet();
      }
      nowMs = untilMs;
    },
  };
}
