import { createIssuanceLog, type IssuanceLog } from './issuance-log.ts';
import { type AskedOrder, type CaLimits, judgeOrder, type LimitUse, type LimitVerdict } from './limits.ts';

/** What would come of orders if they were asked for in this order, one after the other, from now on. */
export function forecastOrders(
  limits: CaLimits,
  log: Pick<IssuanceLog, 'instants'>,
  orders: readonly AskedOrder[],
  nowMs: number,
): readonly LimitVerdict[] {
  const ahead = createIssuanceLog();
  return orders.map((order) => {
    const verdict = judgeOrder(limits, log, order, nowMs, ahead);
    ahead.begun(order, verdict.atMs);
    ahead.ended(order, { issued: true }, verdict.atMs);
    return verdict;
  });
}

const NOUNS: Readonly<Record<LimitUse['limit'], string>> = {
  certificatesPerNameSet: 'certificate',
  certificatesPerDomain: 'certificate',
  ordersPerAccount: 'order',
  failuresPerName: 'failed validation',
};

/** `would be certificate 5 of 5 in 7 days for exactly these names`, `… 51 of 50 …: waits until 2026-11-29T06:00:00Z`. */
export function useSentence(use: LimitUse): string {
  const { limit, subject, used, allowed, fitsAtMs } = use;
  const what = `${NOUNS[limit]} ${used + 1} of ${allowed} in ${windowText(use.windowMs)} ${byText(limit, subject)}`;
  if (limit === 'failuresPerName')
    return fitsAtMs === undefined
      ? `${used} of ${allowed} failed validations in ${windowText(use.windowMs)} ${byText(limit, subject)}`
      : `${used} of ${allowed} failed validations in ${windowText(use.windowMs)} ${byText(limit, subject)}: waits until ${instantText(fitsAtMs)}`;
  return fitsAtMs === undefined
    ? `would be ${what}`
    : `would be ${what}: waits until ${instantText(fitsAtMs)}`;
}

/** A use is told when it is nearly used up: the last fifth, and at least the last one. */
export function isTight(use: LimitUse): boolean {
  return use.used + 1 >= use.allowed - Math.floor(use.allowed / 5);
}

/** The one sentence for a person about an order: the fullest limit, if it is tight; else undefined. */
export function forecastSentence(verdict: LimitVerdict): string | undefined {
  const [fullest] = verdict.uses;
  if (fullest === undefined || !(isTight(fullest) || fullest.fitsAtMs !== undefined)) return undefined;
  return useSentence(fullest);
}

function byText(limit: LimitUse['limit'], subject: string): string {
  switch (limit) {
    case 'certificatesPerNameSet':
      return `for exactly the names of ${subject}`;
    case 'certificatesPerDomain':
      return `for ${subject}`;
    case 'ordersPerAccount':
      return `of the account of Issuer ${subject}`;
    case 'failuresPerName':
      return `of ${subject}`;
  }
}

const HOUR_MS = 3_600_000;

function windowText(windowMs: number): string {
  const hours = windowMs / HOUR_MS;
  if (hours === 1) return 'an hour';
  return hours % 24 === 0 ? `${hours / 24} days` : `${hours} hours`;
}

/** RFC 3339, whole seconds. */
function instantText(ms: number): string {
  return `${new Date(Math.ceil(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}
