import type { ErrorCode } from '../../src/errors/table.ts';
import type { QuotaTaker } from '../../src/quota/table-contract.ts';
import type { Claim, QuotaDecision } from './contract.ts';

const NO_FIELDS: readonly string[] = [];
const NO_CLAIMS: readonly Claim[] = [];

/** No limit applies to the request. */
export const UNLIMITED: QuotaDecision = {
  state: 'admitted',
  code: '',
  status: 0,
  limit: '',
  fields: NO_FIELDS,
  claims: NO_CLAIMS,
};

/** Of one request; what it says may change as long as it waits. */
export class PendingDecision implements QuotaDecision {
  readonly claims: readonly Claim[];
  state: QuotaDecision['state'] = 'waiting';
  code: ErrorCode | '' = '';
  status = 0;
  limit = '';
  fields: readonly string[] = NO_FIELDS;
  /** For which the supervisor is to be asked. */
  asking: Claim | undefined;
  /** The hub is away and `asking` is of a limit that then lets everybody pass. */
  passes = false;
  /** Of one claim of a limit in shadow, whose request went on. */
  inBackground = false;
  /** Monotonic. */
  sinceMs = 0;
  untilMs = 0;

  constructor(claims: readonly Claim[]) {
    this.claims = claims;
  }
}

/** Ends of windows further away are not told: clients cannot wait for them. */
const LONGEST_RESET_SECONDS = 400 * 86_400;

/**
 * What an answer says of the limits that the request counted for: `RateLimit-Policy` and `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers-10), and `X-RateLimit-*` of the one with the least left. Of silent limits only when to try again,
 * and of a request that is larger than all that can ever be there not even that.
 * @param refusedBy whose reset is the time to try again; undefined: admitted
 */
export function limitFields(
  claims: readonly Claim[],
  refusedBy: Claim | undefined,
  taker: QuotaTaker,
  nowMs: number,
): readonly string[] {
  let policies = '';
  let states = '';
  let tightest: Claim | undefined;
  let least = 0;
  let tightestLimit = 0;
  let tightestReset = 0;
  const never = refusedBy !== undefined && refusedBy.hits > mostAtOnce(refusedBy, taker);
  for (const claim of claims) {
    if (claim.limit.shadow || claim.limit.silent) continue;
    const { rate, slot } = claim;
    const known = slot >= 0;
    // Of a key that is not in use here nothing is known, which is not that nothing is left.
    if (!known && claim !== refusedBy) continue;
    // A key that just became known has no figures yet.
    const limit = known && taker.resetMs(slot) !== 0 ? Math.floor(taker.limit(slot)) : rate.budget.limit;
    // What is left is for smaller requests where this one is too large for any window.
    const shows = known && (claim !== refusedBy || never);
    const left = shows ? Math.floor(Math.max(0, taker.left(slot))) : 0;
    const reset = known && !(claim === refusedBy && never) ? secondsUntil(taker.resetMs(slot), nowMs) : 0;
    policies += `${policies === '' ? '' : ', '}${rate.label};q=${limit}${rate.windowParameter}`;
    states += `${states === '' ? '' : ', '}${rate.label};r=${left}${reset > 0 ? `;t=${reset}` : ''}`;
    if (tightest === undefined || claim === refusedBy || (tightest !== refusedBy && left < least)) {
      tightest = claim;
      least = left;
      tightestLimit = limit;
      tightestReset = reset;
    }
  }
  const fields: string[] = [];
  if (tightest !== undefined && refusedBy?.limit.silent !== true) {
    fields.push('ratelimit-policy', policies, 'ratelimit', states);
    fields.push('x-ratelimit-limit', String(tightestLimit), 'x-ratelimit-remaining', String(least));
    if (tightestReset > 0) fields.push('x-ratelimit-reset', String(tightestReset));
  }
  if (refusedBy !== undefined && !never) retryAfter(fields, refusedBy, taker, nowMs);
  return fields.length === 0 ? NO_FIELDS : fields;
}

/** Hits that one request may have at most, by the policy, or by an operator's limit where that is higher. */
export function mostAtOnce({ rate, slot }: Claim, taker: QuotaTaker): number {
  const { algorithm, limit, burst = limit } = rate.budget;
  const now = slot < 0 ? 0 : taker.limit(slot);
  // A bucket's burst goes with the limit.
  return Math.max(rate.most, algorithm === 'token-bucket' && limit > 0 ? (burst * now) / limit : now);
}

/** Of a limit that admits nobody there is no time to wait for. */
function retryAfter(fields: string[], { rate, slot }: Claim, taker: QuotaTaker, nowMs: number): void {
  const known = slot >= 0 && taker.resetMs(slot) !== 0;
  if ((known ? taker.limit(slot) : rate.budget.limit) === 0) return;
  const seconds = known ? secondsUntil(taker.retryMs(slot), nowMs) : 0;
  fields.push('retry-after', String(Math.max(1, seconds)));
}

/** Whole seconds, rounded up; 0: not known, past, or too far away to tell. */
function secondsUntil(resetMs: number, nowMs: number): number {
  const seconds = Math.ceil((resetMs - nowMs) / 1000);
  return seconds > 0 && seconds <= LONGEST_RESET_SECONDS ? seconds : 0;
}
