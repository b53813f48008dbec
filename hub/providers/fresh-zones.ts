import type { ProviderClock } from '../../providers/contract.ts';
import type { ZoneWorker } from './zone-worker.ts';

/** A plan that people look at is made of a zone that was read no longer ago. Milliseconds. */
export const FRESH_MS = 2_000;
/** How long people wait for that: an account that is throttled, or a large zone, takes longer. */
export const LOOK_MS = 5_000;

/**
 * Has zones read again whose content is not fresh, all at once and each in its account's turn, and waits for that for `LOOK_MS` at most. Never
 * rejects: what could not be read stays as it was read before.
 */
export async function freshen(
  workers: readonly Pick<ZoneWorker, 'state' | 'lookAgain'>[],
  clock: ProviderClock,
): Promise<void> {
  const old = workers.filter(({ state }) => !isFresh(state.readAtMs, clock));
  if (old.length === 0) return;
  const enough = new AbortController();
  const limit = clock.wait(LOOK_MS, enough.signal).catch(() => undefined);
  await Promise.race([Promise.all(old.map((worker) => worker.lookAgain())), limit]);
  enough.abort();
}

/** @param readAtMs monotonic milliseconds; `undefined` when it was never read */
export function isFresh(readAtMs: number | undefined, clock: ProviderClock): boolean {
  return readAtMs !== undefined && clock.monotonicMs() - readAtMs <= FRESH_MS;
}
