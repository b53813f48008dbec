import type { AriWindow, CertificateRecord, IssuedCertificate, WantedCertificate } from './model.ts';
import { sameNames } from './names.ts';
import { fractionOf } from './spread.ts';

/** Why another certificate is due. */
export type RenewalReason =
  /** There is none yet. */
  | 'none'
  | 'forced'
  | 'revoked'
  | 'names'
  | 'key'
  /** The policy does not name the Issuer of the current one any more, or it only stood in. */
  | 'issuer'
  /** The CA's window (RFC 9773). */
  | 'ari'
  | 'lifetime';

export interface RenewalDue {
  /** When; in the past: now. */
  readonly atMs: number;
  readonly reason: RenewalReason;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Lives up to here are short: what is left of them when they are renewed is half, so that a CA may be down for days. */
const SHORT_LIFE_MS = 10 * DAY_MS;
const REMAINING_PERCENT = 33;
const SHORT_REMAINING_PERCENT = 50;
/** To either side, of the life. */
const JITTER_PERCENT = 5;
/** A CA that suggests a later instant is not followed beyond this: a tenth of the life, at most this much before its end. */
const MAX_MARGIN_MS = 2 * DAY_MS;
/** Renewals by time in a sixth of the life, at most a day; more of them mean a clock or a CA that is wrong. */
const MOST_RENEWALS = 3;
const MAX_GUARD_MS = DAY_MS;

/**
 * When a certificate is to be renewed by time: a uniformly drawn instant of the CA's window (RFC 9773 section 4.2), or what is left of its life.
 * The draw comes of id and window, so it is the same whenever it is asked, and ten thousand of them are spread. Saved as `renewAtMs` with the
 * certificate, and anew when the window is another one.
 */
export function chooseRenewal(
  wanted: Pick<WantedCertificate, 'id' | 'renewal'>,
  certificate: Pick<IssuedCertificate, 'notBeforeMs' | 'notAfterMs'>,
  ari: Pick<AriWindow, 'startMs' | 'endMs'> | undefined,
): { readonly atMs: number; readonly by: 'ari' | 'lifetime' } {
  const { notBeforeMs, notAfterMs } = certificate;
  const lifeMs = Math.max(0, notAfterMs - notBeforeMs);
  const latestMs = notAfterMs - Math.min(lifeMs / 10, MAX_MARGIN_MS);
  if (wanted.renewal.ari && ari !== undefined) {
    const widthMs = Math.max(0, ari.endMs - ari.startMs);
    const drawn = ari.startMs + widthMs * fractionOf(`${wanted.id} ${ari.startMs} ${ari.endMs}`);
    return { atMs: Math.floor(Math.min(drawn, latestMs)), by: 'ari' };
  }
  const percent =
    wanted.renewal.remainingPercent ??
    (lifeMs <= SHORT_LIFE_MS ? SHORT_REMAINING_PERCENT : REMAINING_PERCENT);
  const jitter = (fractionOf(`${wanted.id} ${notBeforeMs}`) * 2 - 1) * JITTER_PERCENT;
  const drawn = notAfterMs - (lifeMs * (percent + jitter)) / 100;
  // At 95 % and more, the jitter must not lead to before it was there.
  return {
    atMs: Math.floor(Math.min(Math.max(drawn, notBeforeMs + lifeMs / 100), latestMs)),
    by: 'lifetime',
  };
}

/**
 * Why and when the next order is due, without what failed before (`failures.ts`) and what the CA allows (`limits.ts`). Never in a panic: a clock
 * that runs behind makes nothing due, and one that runs ahead, or a CA whose window is always past, renews a certificate at most three times
 * a day (of short lives: in a sixth of their life).
 */
export function renewalDue(wanted: WantedCertificate, record: CertificateRecord | undefined): RenewalDue {
  const current = record?.current;
  if (record === undefined || current === undefined) return { atMs: 0, reason: 'none' };
  if (record.forced !== undefined) return { atMs: record.forced.atMs, reason: 'forced' };
  if (current.revokedAtMs !== undefined) return { atMs: current.revokedAtMs, reason: 'revoked' };
  if (!sameNames(current.names, wanted.names)) return { atMs: 0, reason: 'names' };
  if (current.key !== wanted.key) return { atMs: 0, reason: 'key' };
  if (!wanted.issuers.includes(current.issuer)) return { atMs: 0, reason: 'issuer' };
  // A minute, so that it can be served; then as often as the guard allows, as the one before it may be away for long.
  if (wanted.standIns?.includes(current.issuer))
    return { atMs: Math.max(current.issuedAtMs + MINUTE_MS, guardOf(record, current)), reason: 'issuer' };
  const chosen = chooseRenewal(wanted, current, record.ari);
  return { atMs: Math.max(chosen.atMs, guardOf(record, current)), reason: chosen.by };
}

/** Before this it is not renewed by time again. */
function guardOf(record: CertificateRecord, current: IssuedCertificate): number {
  const spanMs = Math.min((current.notAfterMs - current.notBeforeMs) / 6, MAX_GUARD_MS);
  let seen = 0;
  for (const { event, atMs } of record.history) {
    if (event !== 'issued' && event !== 'renewed') continue;
    seen += 1;
    if (seen === MOST_RENEWALS) return atMs + spanMs;
  }
  return 0;
}

/**
 * When the CA's window is to be asked for again; undefined: never, as the policy does not follow it or the certificate has no id for it. The
 * first time soon after it was issued, spread over an hour, then as the CA says (RFC 9773 section 4.3.2), never beyond a quarter of its life.
 */
export function ariCheckDue(
  wanted: Pick<WantedCertificate, 'id' | 'renewal'>,
  record: Pick<CertificateRecord, 'current' | 'ari'> | undefined,
): number | undefined {
  const current = record?.current;
  if (!wanted.renewal.ari || current?.ariId === undefined) return undefined;
  if (record?.ari !== undefined) return record.ari.nextCheckAtMs;
  const spreadMs = Math.min(HOUR_MS, (current.notAfterMs - current.notBeforeMs) / 10);
  return Math.floor(current.issuedAtMs + spreadMs * fractionOf(`${wanted.id} ari`));
}

/** RFC 9773 section 4.3.2 lets clients bound it. */
const MIN_ARI_MS = MINUTE_MS;
const MAX_ARI_MS = DAY_MS;

/**
 * `nextCheckAtMs` after an answer, or after none: the CA's Retry-After within a minute and a day (short lives: a tenth of the life), and up to a
 * tenth later, so that certificates of the same minute do not ask together for ever.
 */
export function nextAriCheck(
  certificate: { readonly id: string } & Pick<IssuedCertificate, 'notBeforeMs' | 'notAfterMs'>,
  retryAfterMs: number,
  nowMs: number,
): number {
  const lifeMs = certificate.notAfterMs - certificate.notBeforeMs;
  const mostMs = Math.max(MIN_ARI_MS, Math.min(MAX_ARI_MS, lifeMs / 10));
  const waitMs = Math.min(Math.max(retryAfterMs, Math.min(MIN_ARI_MS, mostMs)), mostMs);
  return Math.floor(nowMs + waitMs * (1 + fractionOf(`${certificate.id} ${nowMs}`) / 10));
}

export type ExpiryLevel = 'none' | 'soon' | 'urgent' | 'expired';

/** Of lives of 90 days that are renewed when 30 are left; others are warned of at the same part of what they have. */
const SOON_MS = 21 * DAY_MS;
const URGENT_MS = 7 * DAY_MS;
const FULL_LIFE_MS = 90 * DAY_MS;
const FULL_SPARE_MS = 30 * DAY_MS;

type Lifetime = Pick<IssuedCertificate, 'notBeforeMs' | 'notAfterMs' | 'renewAtMs'>;

/**
 * Milliseconds before its end from when on people are told: 21 and 7 days, less of shorter lives, and never before it had most of the time
 * between `renewAtMs` and its end to be renewed, so that a warning means that something is wrong.
 */
export function warningTimes(certificate: Lifetime): { readonly soonMs: number; readonly urgentMs: number } {
  const { notBeforeMs, notAfterMs, renewAtMs } = certificate;
  const life = Math.max(0, notAfterMs - notBeforeMs) / FULL_LIFE_MS;
  const spare = Math.max(0, notAfterMs - renewAtMs) / FULL_SPARE_MS;
  const scale = Math.min(1, life, spare);
  return { soonMs: SOON_MS * scale, urgentMs: URGENT_MS * scale };
}

/** How near its end it is. */
export function expiryLevel(certificate: Lifetime, nowMs: number): ExpiryLevel {
  const leftMs = certificate.notAfterMs - nowMs;
  if (leftMs <= 0) return 'expired';
  const { soonMs, urgentMs } = warningTimes(certificate);
  if (leftMs <= urgentMs) return 'urgent';
  return leftMs <= soonMs ? 'soon' : 'none';
}
