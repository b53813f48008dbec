import { type Batch, type ProviderClock, ProviderError, type ProviderZone } from '../contract.ts';
import { changesOf } from './change-order.ts';
import type { Route53Api } from './client.ts';
import { plainId } from './names.ts';

/**
 * "Changes generally propagate to all Route 53 name servers within 60 seconds": asked for after a second, then at growing pauses, and no longer
 * than this many milliseconds.
 */
const INSYNC_WITHIN_MS = 180_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 8_000;

/** One request for the whole batch, then waits until every name server has it. @throws ProviderError */
export async function applyBatch(
  api: Route53Api,
  clock: ProviderClock,
  zone: ProviderZone,
  batch: Batch,
  signal: AbortSignal,
): Promise<void> {
  const Changes = changesOf(batch);
  if (Changes.length === 0) return;
  const { ChangeInfo } = await api.changeRecordSets(
    { HostedZoneId: zone.id, ChangeBatch: { Changes } },
    batch,
    signal,
  );
  const id = plainId(ChangeInfo?.Id ?? '');
  if (id === '' || ChangeInfo?.Status === 'INSYNC') return;
  await inSync(api, clock, id, signal);
}

/**
 * The change is accepted by now, whatever happens: so every failure from here on is `ambiguous`, and the hub reads before it writes again.
 */
async function inSync(api: Route53Api, clock: ProviderClock, id: string, signal: AbortSignal): Promise<void> {
  const until = clock.monotonicMs() + INSYNC_WITHIN_MS;
  let pauseMs = FIRST_PAUSE_MS;
  let last: unknown;
  while (clock.monotonicMs() < until) {
    try {
      await clock.wait(pauseMs, signal);
      const { ChangeInfo } = await api.getChange(id, signal);
      if (ChangeInfo?.Status === 'INSYNC') return;
      last = undefined;
    } catch (thrown) {
      if (signal.aborted || !passes(thrown)) throw accepted(id, thrown);
      last = thrown;
    }
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.5);
  }
  throw accepted(id, last);
}

/** Asking again helps. */
function passes(thrown: unknown): boolean {
  return thrown instanceof ProviderError && ['throttled', 'transient', 'busy'].includes(thrown.failure);
}

function accepted(id: string, cause: unknown): ProviderError {
  const why =
    cause === undefined
      ? `it is still not INSYNC after ${INSYNC_WITHIN_MS / 1000} s`
      : cause instanceof Error
        ? cause.message
        : String(cause);
  return new ProviderError('ambiguous', `Route 53 accepted change ${id}, but ${why}`, {
    fix: cause instanceof ProviderError ? cause.fix : undefined,
    cause,
  });
}
