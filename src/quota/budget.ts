/**
 * What is shared out: so many hits in a window, for each key by itself. One rate of one limit of a RateLimitPolicy is one budget, the same
 * in all clusters; the hub's ledger grants parts of it to agents, whose gateways admit from what they hold (docs/quota.md).
 */
export interface Budget {
  /**
   * `namespace/policy/limit` with what tells rates apart, such as `shop/customers/per-customer/60s` or `…/gold/60s`. A change of the
   * algorithm, the window or the scope makes another id; a change of the limit or of the floors does not.
   */
  readonly id: string;
  /** Agents of which clusters share it: a namespace, or `*` for those of the whole hub. */
  readonly scope: string;
  readonly algorithm: QuotaAlgorithm;
  /** Hits in a window; 0 to 2^40. */
  readonly limit: number;
  readonly window: QuotaWindow;
  /** `token-bucket`: hits at once, and `limit` per window is how fast they come back. Default: `limit`. */
  readonly burst?: number;
  /** Of the limit, what is kept for agents that cannot reach the hub, 0 to 1; lent to others while they can. */
  readonly floorShare: number;
  /** How the hub shares out what is short: by what agents ask for, or the same to each that asks. */
  readonly allocation: 'proportional' | 'fair';
  /** Values in each of its keys, one of each counter; 0: there is one key for all. Absent: not known. */
  readonly counters?: number;
  /** Hits may wait for a grant, so tokens of a tiny limit stay at the hub until somebody needs one. */
  readonly waits: boolean;
}

export type QuotaAlgorithm =
  /** At most `limit` between two marks of the hub's clock. */
  | 'fixed-window'
  /** At most `limit` in any stretch of a window's length. */
  | 'sliding-window'
  /** At most `burst` at once, and `limit` per window in the long run (the generic cell rate algorithm). */
  | 'token-bucket';

export type QuotaWindow =
  /** Counted from 1970-01-01T00:00Z of the hub's clock. */
  | { readonly type: 'length'; readonly ms: number }
  /** Only for `fixed-window`. `week` begins on Monday; `eternity` has no end. */
  | {
      readonly type: 'calendar';
      readonly unit: 'day' | 'week' | 'month' | 'year' | 'eternity';
      /** IANA name, such as `Europe/Berlin`. */
      readonly timeZone: string;
    };

/** A stretch of the hub's clock, milliseconds since 1970, the end excluded. */
export interface WindowBounds {
  readonly startMs: number;
  readonly endMs: number;
}

/** How far two good clocks go apart: every monotonic clock is taken to be off by at most this share. */
export const CLOCK_DRIFT = 0.01;
