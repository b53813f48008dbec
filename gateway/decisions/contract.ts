import type { DecisionCaching } from '../../src/policy/model.ts';

/**
 * A question that somebody else answers: is this token active, may this caller do that. Made once per rule, not per request, so that a
 * known answer costs no closure.
 * @typeParam C what is needed to ask; only used when the answer is not known
 * @typeParam T the answer; immutable, shared by all who ask
 */
export interface DecisionQuestion<C, T extends object> {
  /** Rejects when the one who decides cannot be asked; a refusal is an answer, not a rejection. */
  ask(context: C): Promise<T>;
  /** A no is kept for `negativeTtlSeconds`, a yes for `ttlSeconds`. */
  denied(answer: T): boolean;
  /** Wall clock, milliseconds: after this the answer must not be used in any mode (a token's `exp`). Absent or undefined: no such end. */
  expiresAtMs?(answer: T): number | undefined;
}

/**
 * Remembers decisions of others (bounded, least recently used first to go) and stands in for them as the policy says:
 * - `none`: asks each time; rejects when that fails.
 * - `strict`: a known answer holds for its time; then, and at first, asks; rejects when that fails.
 * - `resilient`: the same, but when asking fails the last answer stands, yes or no, however old; nothing known: rejects.
 * - `allow`: as resilient, but with nothing known gives `undefined`: pass.
 * While one is asked, others with the same key wait for the same answer (not with `none`).
 */
export interface DecisionCache {
  /**
   * Synchronous when the answer is known and still holds.
   * @param key of the question in this process: the rule's identity and what is asked. Never a credential itself: a digest of it.
   */
  decide<C, T extends object>(
    key: string,
    caching: DecisionCaching,
    question: DecisionQuestion<C, T>,
    context: C,
  ): T | undefined | Promise<T | undefined>;
}
