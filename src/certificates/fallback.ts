import type { Failures, IssuedCertificate, WantedCertificate } from './model.ts';
import { warningTimes } from './renewal.ts';

/** Failures in a row at one Issuer before the next one is asked. */
const PATIENCE = 3;

export interface IssuerChoice {
  /** `namespace/name`. */
  readonly issuer: string;
  /** When it may be asked; not after now: now. */
  readonly atMs: number;
}

/**
 * Which Issuer is asked next. The first of the policy, until it failed three times in a row, or cannot be asked (a Retry-After, an answer that
 * will not change, a limit of the CA that is used up) for longer than what is served can wait: then the next, and round again. A success forgets
 * all failures, so that the next renewal starts with the first again.
 * @param fitsAtMs from when on the CA's limits leave room for this order (`limits.ts`); by default at once
 */
export function issuerOrder(
  wanted: Pick<WantedCertificate, 'issuers'>,
  current: Served | undefined,
  failures: Pick<Failures, 'byIssuer' | 'resting'> | undefined,
  nowMs: number,
  fitsAtMs: (issuer: string) => number = () => 0,
): IssuerChoice {
  const [first = ''] = wanted.issuers;
  const choices = wanted.issuers.map((issuer, place) => ({
    issuer,
    place,
    round: Math.floor((failures?.byIssuer[issuer] ?? 0) / PATIENCE),
    atMs: Math.max(nowMs, failures?.resting?.[issuer] ?? 0, fitsAtMs(issuer)),
  }));
  const inTimeMs = Math.max(nowMs, mayWaitUntil(current));
  const inTime = choices.filter(({ atMs }) => atMs <= inTimeMs);
  const [best] =
    inTime.length > 0
      ? inTime.sort((a, b) => a.round - b.round || a.place - b.place)
      : choices.sort((a, b) => a.atMs - b.atMs || a.place - b.place);
  return { issuer: best?.issuer ?? first, atMs: best?.atMs ?? nowMs };
}

type Served = Pick<IssuedCertificate, 'notBeforeMs' | 'notAfterMs' | 'renewAtMs' | 'revokedAtMs'>;

/** Until when there is no hurry: what is served is good until the time of the warnings. Nothing served: no waiting at all. */
export function mayWaitUntil(current: Served | undefined): number {
  if (current === undefined || current.revokedAtMs !== undefined) return 0;
  return current.notAfterMs - warningTimes(current).soonMs;
}
