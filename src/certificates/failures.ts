import { issuerOrder } from './fallback.ts';
import type { CertificateRecord, Failures, WantedCertificate } from './model.ts';
import { fractionOf } from './spread.ts';

/** What kind of failure it was decides what comes next. */
export type FailureKind =
  /** Asking again with the same would get the same answer. */
  | 'permanent'
  /** The CA gave enough for now. */
  | 'rateLimited'
  /** The CA cannot be reached, or does not work, or not with us. */
  | 'unreachable'
  /** The CA looked and did not find; counts against the name. */
  | 'validation'
  /** Ours: a provider, an agent, the store. */
  | 'ours';

/** Types of ACME problems (RFC 8555 section 6.7) that the same order gets again, whenever it is asked. */
const PERMANENT: ReadonlySet<string> = new Set([
  'rejectedIdentifier',
  'unsupportedIdentifier',
  'caa',
  'malformed',
  'badCSR',
  'badPublicKey',
  'badSignatureAlgorithm',
  'externalAccountRequired',
  'invalidContact',
  'unsupportedContact',
  'invalidProfile',
  'userActionRequired',
]);

/**
 * @param code of the error table; decides where the type says two things (`unauthorized` of a challenge and of an account, `rateLimited` with 503)
 * @param problemType of the problem or its first subproblem, without its URN prefix
 */
export function failureKind(code: string, problemType?: string): FailureKind {
  if (code === 'ISSUER_RATE_LIMITED') return 'rateLimited';
  if (code === 'ISSUER_UNAVAILABLE') return 'unreachable';
  if (problemType !== undefined && PERMANENT.has(problemType)) return 'permanent';
  if (code === 'CHALLENGE_FAILED') return 'validation';
  // An account that does not work, an Issuer or its Secret that is not there: another one may do better.
  return code === 'ISSUER_REFUSED' || code === 'NOT_FOUND' || code.startsWith('SECRET_')
    ? 'unreachable'
    : 'ours';
}

export interface Failure {
  readonly atMs: number;
  /** `namespace/name` of the Issuer that was tried. */
  readonly issuer: string;
  readonly kind: FailureKind;
  /** Error code of the table, what happened, and what to do. */
  readonly code: string;
  readonly message: string;
  readonly fix?: string;
  /** The CA's Retry-After. */
  readonly retryAfterMs?: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const BASE_MS = MINUTE_MS;
const CAP_MS = 6 * HOUR_MS;
/** What cannot get better by itself is still looked at again, as people change things elsewhere (CAA, their account). */
const PERMANENT_MS = 6 * HOUR_MS;
/** The longest that a CA's Retry-After is believed. */
const MAX_RETRY_AFTER_MS = 7 * DAY_MS;
/** A rate limit without a Retry-After. */
const RATE_LIMITED_MS = HOUR_MS;
/** Another Issuer is asked so soon. */
const SWITCH_MS = 5_000;
/** Of lives of certificates, so that backing off from a CA does not outlast short ones. */
const PART_OF_LIFE = 24;

/**
 * What is kept after a failure: when it is tried next, and until when its Issuer is left alone. A minute, doubled with every failure in a row up
 * to 6 hours (a 24th of a short life), up to a fifth more or less by id and count; the CA's Retry-After is obeyed up to 7 days. Where another
 * Issuer is to be asked now (`fallback.ts`) that happens in seconds.
 */
export function afterFailure(
  wanted: Pick<WantedCertificate, 'id' | 'issuers' | 'revision'>,
  record: Pick<CertificateRecord, 'current' | 'failures'> | undefined,
  failure: Failure,
): Failures {
  const { atMs, issuer, kind, code, message, fix } = failure;
  const before = standing(wanted, record?.failures, atMs);
  const count = (before?.count ?? 0) + 1;
  const restMs = issuerRestMs(failure, before?.byIssuer[issuer] ?? 0);
  const resting = {
    ...Object.fromEntries(Object.entries(before?.resting ?? {}).filter(([, until]) => until > atMs)),
    ...(restMs === undefined ? {} : { [issuer]: atMs + restMs }),
  };
  const failures: Failures = {
    count,
    firstAtMs: before?.firstAtMs ?? atMs,
    lastAtMs: atMs,
    code,
    message,
    ...(fix === undefined ? {} : { fix }),
    // What is wrong here is no reason to ask another CA.
    byIssuer:
      kind === 'ours'
        ? (before?.byIssuer ?? {})
        : { ...before?.byIssuer, [issuer]: (before?.byIssuer[issuer] ?? 0) + 1 },
    ...(Object.keys(resting).length === 0 ? {} : { resting }),
    ...(wanted.revision === undefined ? {} : { revision: wanted.revision }),
    nextTryAtMs: 0,
  };
  const current = record?.current;
  const next = issuerOrder(wanted, current, failures, atMs);
  const draw = fractionOf(`${wanted.id} ${count} ${failures.firstAtMs}`);
  // Only one that did not fail yet, or two that both do would be asked in turns without a rest.
  if (next.issuer !== issuer && next.atMs <= atMs && kind !== 'ours' && !(next.issuer in failures.byIssuer))
    return { ...failures, nextTryAtMs: Math.floor(atMs + SWITCH_MS * (1 + draw)) };
  const lifeMs = current === undefined ? undefined : current.notAfterMs - current.notBeforeMs;
  const capMs = lifeMs === undefined ? CAP_MS : Math.max(BASE_MS, Math.min(CAP_MS, lifeMs / PART_OF_LIFE));
  const backoffMs = Math.min(capMs, BASE_MS * 2 ** Math.min(count - 1, 20)) * (0.8 + 0.4 * draw);
  return { ...failures, nextTryAtMs: Math.floor(Math.max(atMs + backoffMs, next.atMs)) };
}

/** How long its Issuer is left alone, which makes another one stand in where nothing good is served; undefined: not at all. */
function issuerRestMs(failure: Failure, failedBefore: number): number | undefined {
  const { kind, retryAfterMs } = failure;
  const told =
    retryAfterMs === undefined ? undefined : Math.min(Math.max(retryAfterMs, BASE_MS), MAX_RETRY_AFTER_MS);
  if (kind === 'permanent') return Math.max(told ?? 0, PERMANENT_MS);
  if (kind === 'rateLimited') return told ?? RATE_LIMITED_MS;
  if (kind === 'unreachable') return told ?? Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failedBefore, 20));
  return told;
}

/** A clock that goes back by less than this is none that was wrong. */
const CLOCK_SLACK_MS = 5 * MINUTE_MS;

/**
 * The failures that still count: those of another revision (names, key, Issuers were changed by a person) do not, nor those of a clock that was
 * ahead, whose instants to wait for may be years away.
 */
export function standing(
  wanted: Pick<WantedCertificate, 'revision'>,
  failures: Failures | undefined,
  nowMs: number,
): Failures | undefined {
  return failures?.revision !== wanted.revision ? undefined : ofThisTime(failures, nowMs);
}

/** Undefined: the clock was ahead when they were kept. */
export function ofThisTime(failures: Failures | undefined, nowMs: number): Failures | undefined {
  return failures === undefined || failures.lastAtMs > nowMs + CLOCK_SLACK_MS ? undefined : failures;
}

/** The earliest instant for the next try by what failed before; 0 where nothing did. */
export function nextTryAt(
  wanted: Pick<WantedCertificate, 'revision'>,
  record: Pick<CertificateRecord, 'failures'> | undefined,
  nowMs: number,
): number {
  return standing(wanted, record?.failures, nowMs)?.nextTryAtMs ?? 0;
}
