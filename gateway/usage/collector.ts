import type { UsageHit, UsageSink } from './contract.ts';
import { type UsageCount, UsageCounts } from './usage-counts.ts';

export interface UsageCollectorDeps {
  /** To whoever has the outbox; must not wait. */
  readonly give: (counts: readonly UsageCount[]) => void;
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** Longest time that counts stay in memory; default 1 s. */
  readonly flushMs?: number;
}

export interface UsageCollector extends UsageSink {
  flush(): void;
}

export const FLUSH_MS = 1_000;
/** Accounts of one interval; with more they go earlier. */
const MAX_ACCOUNTS = 20_000;

/** Usage of one thread: numbers in memory, given on once per interval, and not at all while there is nothing to give. */
export function createUsageCollector({
  give,
  after,
  flushMs = FLUSH_MS,
}: UsageCollectorDeps): UsageCollector {
  const counts = new UsageCounts();
  let cancel: (() => void) | undefined;
  const flush = (): void => {
    cancel?.();
    cancel = undefined;
    if (counts.size > 0) give(counts.take());
  };
  // Half of the time is left for the way to the disk.
  const delayMs = flushMs / 2;
  const due = (): void => {
    cancel = undefined;
    flush();
  };
  return {
    flush,
    count(hit: UsageHit): void {
      counts.count(hit);
      if (counts.size >= MAX_ACCOUNTS) flush();
      else cancel ??= after(delayMs, due);
    },
  };
}
