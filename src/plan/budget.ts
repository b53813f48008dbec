/**
 * The change budget (I6): removals that no quorum has confirmed (configuration, empty discovery, staleness) may take at
 * most a share of a hostname's capacity within a window, and always at least one endpoint. Confirmed removals do not
 * come here. Pure: the caller keeps the history and passes the time.
 */
export interface Removal {
  /** Milliseconds, the caller's clock. */
  readonly atMs: number;
  /** Sum of `capacity` of the endpoints taken away. */
  readonly capacity: number;
  readonly endpoints: number;
}

export interface BudgetConfig {
  readonly windowMs: number;
  /** 0..1 of the capacity the name had when the window began. */
  readonly share: number;
}

/** 30 % per 5 minutes. */
export const DEFAULT_BUDGET: BudgetConfig = { windowMs: 300_000, share: 0.3 };

export type BudgetVerdict =
  | { readonly allowed: true; readonly history: readonly Removal[] }
  | {
      readonly allowed: false;
      /** Percent of the capacity that would be gone within the window, and how much may be. */
      readonly removedPercent: number;
      readonly limitPercent: number;
      /** Until enough of the window has passed; `undefined` when the removal alone is too large. */
      readonly retryInMs?: number;
    };

/**
 * Charges `removal` against what was removed before.
 * @param current capacity and endpoints the name has now, before the removal
 */
export function chargeRemoval(
  history: readonly Removal[],
  removal: Removal,
  current: { readonly capacity: number; readonly endpoints: number },
  config: BudgetConfig = DEFAULT_BUDGET,
): BudgetVerdict {
  // A clock that went backwards must not forget removals: an entry from the future still counts.
  const recent = history.filter((r) => removal.atMs - r.atMs < config.windowMs);
  const verdictWith = (entries: readonly Removal[]) => {
    const earlier = entries.reduce((sum, r) => sum + r.capacity, 0);
    const endpoints = entries.reduce((sum, r) => sum + r.endpoints, 0) + removal.endpoints;
    const share = (earlier + removal.capacity) / (current.capacity + earlier);
    return { share, allowed: share <= config.share + 1e-9 || endpoints <= 1 };
  };
  if (removal.endpoints === 0 && removal.capacity <= 0) return { allowed: true, history: recent };
  const now = verdictWith(recent);
  if (now.allowed) return { allowed: true, history: [...recent, removal] };
  const byAge = [...recent].sort((a, b) => a.atMs - b.atMs);
  const freeing = byAge.findIndex((_, i) => verdictWith(byAge.slice(i + 1)).allowed);
  const entry = byAge[freeing];
  return {
    allowed: false,
    removedPercent: Math.round(now.share * 100),
    limitPercent: Math.round(config.share * 100),
    ...(entry === undefined ? {} : { retryInMs: entry.atMs + config.windowMs - removal.atMs }),
  };
}
