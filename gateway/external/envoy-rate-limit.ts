import type { QuotaAnswer, QuotaQuestion } from './quota-desk.ts';
import { OK, OVER_LIMIT, type RateLimitAsk, rateLimitFrame } from './rate-limit-wire.ts';

/** What a table of tokens takes at once. */
const MAX_HITS = 1_000_000;

/** Envoy says what a stream cost when it is over, like any other request: this entry of a descriptor tells them apart. */
const CHARGE = 'portolan.charge';

/**
 * A request of Envoy's `rate_limit` filter (envoy.service.ratelimit.v3), or of Kuadrant's wasm-shim, which says the same. A descriptor's
 * own `limit` is not looked at: limits are those of the policy. One that would give hits back counts as none.
 * @returns undefined when it names no domain
 */
export function fromRateLimitRequest(ask: RateLimitAsk): QuotaQuestion | undefined {
  const { domain, descriptors, hitsAddend, ownHits } = ask;
  if (domain === '') return undefined;
  const hits = Math.min(MAX_HITS, ownHits >= 0 ? ownHits : Math.max(1, hitsAddend));
  return { domain, descriptors, hits, charge: descriptors.some((entries) => CHARGE in entries) };
}

/** One verdict for all descriptors: a policy looks at them together. Envoy puts the fields into the client's answer, whatever it is. */
export function toRateLimitFrame(
  answer: Exclude<QuotaAnswer, { readonly outcome: 'unready' }>,
  descriptors: number,
): Buffer {
  return rateLimitFrame(answer.outcome === 'admitted' ? OK : OVER_LIMIT, descriptors, answer.fields);
}
