import type { Actor } from '../store/contract.ts';

/** A limit: one rate of one limit of a RateLimitPolicy, over all clusters. */
export interface QuotaLimit {
  /** `policy/limit/60s`, with the plan before the rate where a plan has its own. */
  readonly limit: string;
  readonly algorithm: 'fixed-window' | 'sliding-window' | 'token-bucket';
  /** Hits in a window. */
  readonly hits: number;
  /** `token-bucket`: at once. */
  readonly burst?: number;
  /** `60s`, `day`, `month Europe/Berlin`. */
  readonly window: string;
  /** Which clusters share it: those of a namespace, or `*` for all. */
  readonly scope: string;
  /** Of the limit, what is kept for clusters that cannot reach the hub; lent to others while they can. */
  readonly floorPercent: number;
  /** Keys in use, those with the largest part of their limit first; at most as many as were asked for. */
  readonly keys: readonly QuotaKey[];
}

/** What is known of one key. */
export interface QuotaKey {
  /** Values of the limit's counters, separated by commas; empty: the limit has none. */
  readonly key: string;
  /** That holds for it now. */
  readonly hits: number;
  /** RFC 3339, as are the other times; an operator's limit holds until then. */
  readonly overriddenUntil?: string;
  /** More is out than the limit allows, for it was lowered: it holds for all from then on, at the latest. */
  readonly effectiveAt?: string;
  readonly windows: readonly QuotaWindow[];
}

export interface QuotaWindow {
  /** By the hub's clock; absent for sliding windows and token buckets. */
  readonly start?: string;
  readonly end?: string;
  /** Granted to clusters and not known to be spent. */
  readonly leased: number;
  readonly spent: number;
  /** Kept for clusters that cannot be reached. */
  readonly floors: number;
  /** What the hub can still grant. */
  readonly left: number;
  readonly clusters: readonly QuotaHolder[];
}

/** What one data process of a cluster's agent has. */
export interface QuotaHolder {
  /** `namespace/name`; empty: not known any more. */
  readonly cluster: string;
  readonly leased: number;
  readonly spent: number;
  /** Its own part of what is kept for clusters that cannot reach the hub: it may admit so much alone then, and lends it until then. */
  readonly floor: number;
  /** Hits per second wanted there, smoothed. */
  readonly demandPerSecond: number;
  /** Milliseconds since it was heard last: the age of its lease. */
  readonly leaseAgeMs: number;
}

export interface QuotaList {
  /** The hub's clock of limits. */
  readonly at: string;
  /** Nothing is granted before, for the hub's clock could not be shown to go on. */
  readonly pausedUntil?: string;
  readonly items: readonly QuotaLimit[];
}

export interface QuotaExplanation {
  readonly limit: string;
  readonly key: string;
  /**
   * `open`: the hub grants more. `leased`: what is left is held by clusters, which still admit. `spent`: refused everywhere. `paused`: the
   * hub grants nothing for a while.
   */
  readonly verdict: 'open' | 'leased' | 'spent' | 'paused';
  /** When that changes by itself at the latest. */
  readonly until?: string;
  /** In order: one sentence a step, for people. */
  readonly explanation: readonly string[];
}

export interface QuotaChange {
  readonly limit: string;
  readonly key: string;
  readonly reason?: string | undefined;
}

/**
 * What the API asks of the hub's limits. `limit` is a policy, `policy/limit` or the whole name; where one limit is meant, it must say which.
 * Rejects with NOT_FOUND, VALIDATION_FAILED, CONFLICT when another hub has the store, STORE_UNAVAILABLE.
 */
export interface QuotaServices {
  list(
    namespace: string,
    filter: {
      readonly limit?: string | undefined;
      readonly key?: string | undefined;
      readonly most: number;
    },
  ): Promise<QuotaList>;
  explain(
    namespace: string,
    question: { readonly limit: string; readonly key: string },
  ): Promise<QuotaExplanation>;
  /** Another limit for one key until it ends by itself; durable when this resolves. */
  set(
    namespace: string,
    change: QuotaChange & { readonly hits: number; readonly seconds: number },
    actor: Actor,
  ): Promise<QuotaLimit>;
  /** Takes such a limit back. */
  unset(namespace: string, change: QuotaChange, actor: Actor): Promise<QuotaLimit>;
  /** Forgets what was admitted in the windows that run. */
  reset(
    namespace: string,
    change: QuotaChange,
    actor: Actor,
  ): Promise<{ readonly forgotten: number; readonly limit: QuotaLimit }>;
}
