import type { GatewayRequest } from '../request.ts';
import type { Principal } from './contract.ts';

/** Why a way of authentication did not give a principal. */
export type FailureKind =
  | 'missing'
  | 'invalid'
  | 'expired'
  | 'revoked'
  | 'stale'
  | 'unavailable'
  /** Too many wrong ones from this source lately: not looked at. */
  | 'throttled'
  /** Several credentials where one is meant: refuses the request at once. */
  | 'doubtful';

export interface Failure {
  readonly failed: FailureKind;
}

export type Attempt = Principal | Failure;

const failure = (failed: FailureKind): Failure => Object.freeze({ failed });

/** Shared, so that a refusal costs nothing. */
export const FAILURES: Readonly<Record<FailureKind, Failure>> = {
  missing: failure('missing'),
  invalid: failure('invalid'),
  expired: failure('expired'),
  revoked: failure('revoked'),
  stale: failure('stale'),
  unavailable: failure('unavailable'),
  throttled: failure('throttled'),
  doubtful: failure('doubtful'),
};

/**
 * Which failure is told when every way failed: the one that got furthest. Something that was shown and is wrong says more than something
 * that was not shown, and what could not be judged might have been right.
 */
const RANK: Readonly<Record<FailureKind, number>> = {
  missing: 0,
  invalid: 1,
  expired: 2,
  revoked: 3,
  stale: 4,
  unavailable: 5,
  throttled: 6,
  doubtful: 7,
};

export function isFailure(attempt: Attempt): attempt is Failure {
  return 'failed' in attempt;
}

export function worse(a: Failure, b: Failure): Failure {
  return RANK[b.failed] > RANK[a.failed] ? b : a;
}

/** One way of authentication, built once per policy. Never rejects. */
export interface Method {
  attempt(request: GatewayRequest): Attempt | Promise<Attempt>;
}
