import type { ErrorCode } from '../../src/errors/table.ts';
import type { CelContext } from '../../src/policy/cel-context.ts';
import type { QuotaPart } from '../../src/policy/model.ts';
import type { PreparedLimit, PreparedQuota, PreparedRate } from './limits.ts';

/** The table of tokens as threads get it, with every configuration that has limits. */
export interface SharedQuota {
  readonly memory: SharedArrayBuffer;
  /** By place in `QuotaPart.budgets`: the table's number of that budget. Never another budget's in the life of the process. */
  readonly numbers: readonly number[];
}

/** A thread has no tokens for a key; `hits` wait for some. */
export interface QuotaWant {
  /** Unique in its thread. */
  readonly ticket: number;
  /** The table's number. */
  readonly budget: number;
  readonly key: string;
  readonly hits: number;
  /** 0: nobody waits, but the key is wanted. */
  readonly waitMs: number;
}

export interface QuotaSettled {
  readonly ticket: number;
  readonly outcome: 'try' | 'refused' | 'full' | 'away';
}

/** What one request asks of one budget. */
export interface Claim {
  readonly limit: PreparedLimit;
  readonly rate: PreparedRate;
  readonly key: string;
  /** What is taken for it: 1 or more. */
  readonly hits: number;
  /** Of the last try; -1: the key has none. */
  slot: number;
  /** There were too few tokens for it at the last try. */
  lacks: boolean;
  /** The tokens were taken, with this receipt. */
  taken: boolean;
  receipt: number;
}

/** What the limits say of one request. `waiting`: not yet; see `QuotaGate.wait`. */
export interface QuotaDecision {
  readonly state: 'admitted' | 'refused' | 'waiting';
  /** Why it was refused: `QUOTA_EXCEEDED`, or `QUOTA_UNAVAILABLE` when it could not be known. Empty otherwise. */
  readonly code: ErrorCode | '';
  /** Status of the answer for HTTP; 0 unless refused. */
  readonly status: number;
  /** Name of the limit that refused; empty otherwise. */
  readonly limit: string;
  /** Header fields for the answer, names in lower case: `ratelimit-policy`, `ratelimit`, `x-ratelimit-*`, `retry-after`. */
  readonly fields: readonly string[];
  readonly claims: readonly Claim[];
}

/** Who waits for a decision. */
export interface QuotaWaiter {
  /** Nobody wants it any more: nothing is taken for it. */
  readonly gone: boolean;
  /** Called once, never before `wait` returned; not `waiting`. */
  decided(decision: QuotaDecision): void;
}

/** The limits as one thread keeps them. */
export interface QuotaGate {
  /** From now on there are these policies; by key of `QuotaPart.policies`. @throws PortolanError CEL_INVALID */
  open(part: QuotaPart | undefined, shared: SharedQuota | undefined): ReadonlyMap<string, PreparedQuota>;
  /**
   * Synchronous: takes what it needs from all budgets or from none.
   * @param plan of the caller
   * @param times how many such requests it is; default 1
   */
  decide(quota: PreparedQuota, context: CelContext, plan: string | undefined, times?: number): QuotaDecision;
  /**
   * So many such requests were served already, for what they cost was not known before: it is taken whatever is left, and those who come
   * after have less. What cannot be taken within seconds is lost.
   */
  charge(quota: PreparedQuota, context: CelContext, times: number): readonly Claim[];
  /** For a decision that is `waiting`. */
  wait(decision: QuotaDecision, waiter: QuotaWaiter): void;
  /** What a claim cost in the end; the difference to what was taken is settled. */
  settle(claim: Claim, cost: number): void;
  /** The supervisor's answers to wants. */
  settled(settled: readonly QuotaSettled[]): void;
}
