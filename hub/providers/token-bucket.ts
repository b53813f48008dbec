import { type ProviderClock, ProviderError } from '../../providers/contract.ts';

export interface BucketRate {
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Tokens that are there after a pause; at least 1. */
  readonly burst: number;
}

/**
 * The requests that one account may make: a token each. Those who wait are served in turns, one zone after the other, so that a
 * zone with a thousand changes does not keep another one from its single one.
 */
export interface TokenBucket {
  /**
   * Resolves when the request of `key` may be sent. Rejects with the signal's reason when aborted.
   * @throws ProviderError `busy` when too many wait already
   */
  take(key: string, signal: AbortSignal): Promise<void>;
  setRate(rate: BucketRate): void;
  /** The account said that it is too much: nobody gets a token for `delayMs`, and what was saved up is lost. */
  pause(delayMs: number): void;
  readonly waiting: number;
}

/** A zone has one request under way at a time, so more than this is somebody's loop. */
const MAX_WAITING = 2_000;

interface Waiter {
  readonly grant: () => void;
}

export function createTokenBucket(initial: BucketRate, clock: ProviderClock): TokenBucket {
  let rate = initial;
  let tokens = initial.burst;
  let countedMs = clock.monotonicMs();
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  /** In the order in which their next turn comes. */
  const queues = new Map<string, Set<Waiter>>();
  let waiting = 0;
  let pumping = false;
  const forever = new AbortController().signal;

  function refill(): void {
    const nowMs = clock.monotonicMs();
    const fromMs = Math.max(countedMs, Math.min(pausedUntilMs, nowMs));
    tokens = Math.min(rate.burst, tokens + ((nowMs - fromMs) / 1000) * rate.perSecond);
    countedMs = nowMs;
  }

  /** Milliseconds until a token is there; 0: now. */
  function due(): number {
    refill();
    const nowMs = clock.monotonicMs();
    if (nowMs < pausedUntilMs)
      return pausedUntilMs - nowMs + (Math.max(0, 1 - tokens) / rate.perSecond) * 1000;
    // What is left of a token after adding up parts of milliseconds is not worth another wait.
    return tokens >= 1 - 1e-6 ? 0 : ((1 - tokens) / rate.perSecond) * 1000;
  }

  function next(): Waiter | undefined {
    for (const [key, queue] of queues) {
      const [waiter] = queue;
      queues.delete(key);
      if (waiter === undefined) continue;
      queue.delete(waiter);
      if (queue.size > 0) queues.set(key, queue);
      return waiter;
    }
    return undefined;
  }

  async function pump(): Promise<void> {
    pumping = true;
    while (waiting > 0) {
      const waitMs = due();
      if (waitMs > 0) {
        // At least a millisecond: timers know no less.
        await clock.wait(Math.max(1, Math.ceil(waitMs)), forever);
        continue;
      }
      const waiter = next();
      if (waiter === undefined) break;
      tokens -= 1;
      waiter.grant();
    }
    pumping = false;
  }

  return {
    take(key, signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (waiting >= MAX_WAITING)
        return Promise.reject(new ProviderError('busy', `${waiting} requests wait for this account already`));
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          waiting -= 1;
          signal.removeEventListener('abort', abort);
        };
        const waiter: Waiter = {
          grant() {
            leave();
            resolve();
          },
        };
        const abort = (): void => {
          leave();
          queues.get(key)?.delete(waiter);
          reject(signal.reason);
        };
        signal.addEventListener('abort', abort, { once: true });
        waiting += 1;
        const queue = queues.get(key);
        if (queue === undefined) queues.set(key, new Set([waiter]));
        else queue.add(waiter);
        if (!pumping) void pump();
      });
    },
    setRate(next_) {
      refill();
      rate = next_;
      tokens = Math.min(tokens, rate.burst);
    },
    pause(delayMs) {
      refill();
      tokens = 0;
      pausedUntilMs = Math.max(pausedUntilMs, clock.monotonicMs() + delayMs);
    },
    get waiting() {
      return waiting;
    },
  };
}
