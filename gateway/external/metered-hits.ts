import type { QuotaDecision } from '../quota/contract.ts';
import type { PreparedLimit } from '../quota/limits.ts';

/** What one admitted request adds to the account of a limit's own metric. */
export interface MeteredHits {
  readonly limit: PreparedLimit;
  readonly metric: string;
  readonly hits: number;
  /** Values of the limit's counters, as `budgetKey` joins them. */
  readonly key: string;
}

/** None of a decision that is not admitted; several rates of one limit are one account. */
export function meteredHits({
  state,
  claims,
}: Pick<QuotaDecision, 'state' | 'claims'>): readonly MeteredHits[] {
  if (state !== 'admitted') return NONE;
  let metered: MeteredHits[] | undefined;
  let last: PreparedLimit | undefined;
  for (const { limit, hits, key } of claims) {
    const { metric } = limit;
    if (metric === undefined || limit === last) continue;
    last = limit;
    metered ??= [];
    metered.push({ limit, metric, hits, key });
  }
  return metered ?? NONE;
}

const NONE: readonly MeteredHits[] = [];
