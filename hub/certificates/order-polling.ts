import { AcmeNoAnswer } from './acme/error.ts';
import type { OrderRunPorts } from './order-ports.ts';

/** A CA that has not decided by then is asked again with the next try. */
const PATIENCE_MS = 5 * 60_000;
const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 10_000;
/** A Retry-After beyond this is not sat out here, but with the next try. */
const LONGEST_SIT_OUT_MS = 60_000;

/** Polls with backoff, as the CA asks, until it takes too long: then it throws AcmeNoAnswer. @returns waits for the next poll */
export function polling(
  wait: OrderRunPorts['wait'],
  signal: AbortSignal,
): (retryAfterMs: number, what: string) => Promise<void> {
  let leftMs = PATIENCE_MS;
  let nextMs = FIRST_POLL_MS;
  return async (retryAfterMs, what) => {
    const delayMs = Math.max(nextMs, Math.min(retryAfterMs, LONGEST_SIT_OUT_MS));
    if (delayMs > leftMs) throw new AcmeNoAnswer(what, { mayBeDone: true });
    leftMs -= delayMs;
    nextMs = Math.min(nextMs * 2, LONGEST_POLL_MS);
    await wait(delayMs, signal);
  };
}
