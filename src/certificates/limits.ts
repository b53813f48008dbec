import type { IssuerSpec } from '../resources/issuer.ts';
import type { IssuanceLog } from './issuance-log.ts';
import type { NameSet } from './model.ts';
import { nameSetKey, registeredDomains, withoutWildcard } from './names.ts';

/** What a CA allows; absent: no limit that is known. */
export interface CaLimits {
  /** In 7 days, for exactly the same names. */
  readonly certificatesPerNameSet?: number | undefined;
  /** In 7 days, per registered domain. */
  readonly certificatesPerDomain?: number | undefined;
  /** In 3 hours. */
  readonly ordersPerAccount?: number | undefined;
  /** Failed validations of one name in an hour. */
  readonly failuresPerName?: number | undefined;
  readonly namesPerCertificate?: number | undefined;
}

/** letsencrypt.org/docs/rate-limits: what its production allows an account. */
const LETS_ENCRYPT: CaLimits = {
  certificatesPerNameSet: 5,
  certificatesPerDomain: 50,
  ordersPerAccount: 300,
  failuresPerName: 5,
  namesPerCertificate: 100,
};
/** Its staging allows thousands: nothing that an installation passes. */
const LETS_ENCRYPT_HOSTS: ReadonlySet<string> = new Set(['acme-v02.api.letsencrypt.org']);

/** What the Issuer's CA allows: Let's Encrypt's own figures for its directory, none for others; the spec's own before those. */
export function limitsOf(spec: Pick<IssuerSpec, 'acme' | 'internal'>): CaLimits {
  if (spec.acme === undefined) return {};
  const preset = LETS_ENCRYPT_HOSTS.has(new URL(spec.acme.directory).hostname) ? LETS_ENCRYPT : {};
  return { ...preset, ...spec.acme.limits };
}

/** Names that one certificate may have: what the policy says, or the least that its CAs allow. */
export function mostNames(namesPerCertificate: number, limits: readonly CaLimits[]): number {
  return Math.min(namesPerCertificate, ...limits.map((l) => l.namesPerCertificate ?? namesPerCertificate));
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export type LimitName = Exclude<keyof CaLimits, 'namesPerCertificate'>;
/** Sliding: what is older does not count. */
export const WINDOWS_MS: Readonly<Record<LimitName, number>> = {
  certificatesPerNameSet: 7 * DAY_MS,
  certificatesPerDomain: 7 * DAY_MS,
  ordersPerAccount: 3 * HOUR_MS,
  failuresPerName: HOUR_MS,
};

/** An order that is about to be asked for. */
export interface AskedOrder {
  /** Id of the certificate: an order that it has under way itself does not count against it. */
  readonly certificate: string;
  /** `namespace/name` of the Issuer. */
  readonly account: string;
  readonly names: NameSet;
  /**
   * What it replaces, which decides what counts: with `replaces` (RFC 9773 section 5) the CA exempts it from all, for the same names as before from
   * the limits per domain and account.
   */
  readonly renews: 'replaces' | 'sameNames' | 'nothing';
}

/** How much of one limit is used, this order not counted. */
export interface LimitUse {
  readonly limit: LimitName;
  /** What it is counted by: the name, the registered domain, the account; for a set of names the first of them. */
  readonly subject: string;
  readonly used: number;
  readonly allowed: number;
  readonly windowMs: number;
  /** Where there is no room now: from when on there is. */
  readonly fitsAtMs?: number;
}

export interface LimitVerdict {
  /** When it fits all limits; not after now: now. */
  readonly atMs: number;
  /** Every limit that counts it, the fullest first. */
  readonly uses: readonly LimitUse[];
}

/** Whether the CA's limits leave room for an order. @param ahead orders that are counted as if they were there (a forecast) */
export function judgeOrder(
  limits: CaLimits,
  log: Pick<IssuanceLog, 'instants'>,
  order: AskedOrder,
  nowMs: number,
  ahead?: Pick<IssuanceLog, 'instants'>,
): LimitVerdict {
  if (order.renews === 'replaces') return { atMs: nowMs, uses: [] };
  const uses: LimitUse[] = [];
  for (const { limit, subject, key } of countedBy(order)) {
    const allowed = limits[limit];
    if (allowed === undefined) continue;
    const windowMs = WINDOWS_MS[limit];
    const since = nowMs - windowMs;
    const own = log.instants(limit, key, order.certificate);
    const instants =
      ahead === undefined ? own : [...own, ...ahead.instants(limit, key)].sort((a, b) => a - b);
    const first = instants.findIndex((at) => at > since);
    const used = first < 0 ? 0 : instants.length - first;
    const leaves = used < allowed ? undefined : instants[instants.length - allowed];
    uses.push({
      limit,
      subject,
      used,
      allowed,
      windowMs,
      ...(leaves === undefined ? {} : { fitsAtMs: Math.max(nowMs, leaves + windowMs) }),
    });
  }
  uses.sort((a, b) => (b.fitsAtMs ?? 0) - (a.fitsAtMs ?? 0) || b.used / b.allowed - a.used / a.allowed);
  return { atMs: Math.max(nowMs, ...uses.map((use) => use.fitsAtMs ?? 0)), uses };
}

interface Counted {
  readonly limit: LimitName;
  readonly subject: string;
  /** In the log. */
  readonly key: string;
}

function countedBy(order: AskedOrder): readonly Counted[] {
  const { account, names, renews } = order;
  const counted: Counted[] = [
    { limit: 'certificatesPerNameSet', subject: names[0] ?? '', key: nameSetKey(names) },
  ];
  for (const name of new Set(names.map(withoutWildcard)))
    counted.push({ limit: 'failuresPerName', subject: name, key: failureKey(account, name) });
  if (renews === 'sameNames') return counted;
  for (const domain of registeredDomains(names))
    counted.push({ limit: 'certificatesPerDomain', subject: domain, key: domain });
  counted.push({ limit: 'ordersPerAccount', subject: account, key: account });
  return counted;
}

/** @internal */
export function failureKey(account: string, name: string): string {
  return `${account} ${name}`;
}
