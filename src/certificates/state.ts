import type { CertificateStatus } from '../resources/certificate-policy.ts';
import { ofThisTime } from './failures.ts';
import type { CertificateRecord } from './model.ts';
import { expiryLevel } from './renewal.ts';

/**
 * How a certificate is, in a word. What is served decides; an order under way is told where there is nothing to serve yet.
 * @param record undefined: nothing was done for it yet
 */
export function certificateState(
  record: Pick<CertificateRecord, 'current' | 'order' | 'failures'> | undefined,
  nowMs: number,
): CertificateStatus['state'] {
  const { current, order } = record ?? {};
  const failures = ofThisTime(record?.failures, nowMs);
  if (current === undefined) {
    if (failures !== undefined) return 'failing';
    return order === undefined ? 'waiting' : 'ordering';
  }
  if (current.notAfterMs <= nowMs) return 'expired';
  if (expiryLevel(current, nowMs) !== 'none') return 'expiring';
  return failures !== undefined || current.revokedAtMs !== undefined ? 'failing' : 'valid';
}

/** What it waits for, or what went wrong last; undefined: nothing is to be said. */
export function certificateMessage(
  record: Pick<CertificateRecord, 'current' | 'order' | 'failures' | 'forced' | 'revoking'> | undefined,
  nowMs: number,
): string | undefined {
  const { current, order, forced, revoking } = record ?? {};
  const failures = ofThisTime(record?.failures, nowMs);
  if (failures !== undefined)
    return `${failures.code}: ${failures.message} (${times(failures.count)}, next at ${instant(failures.nextTryAtMs)})`;
  if (order !== undefined)
    return `${current === undefined ? 'ordering' : 'renewing'}: ${phaseText(order.phase)}`;
  if (revoking !== undefined) return 'it is revoked once its replacement is there';
  if (forced !== undefined) return `to be renewed now: ${forced.reason}`;
  if (current?.revokedAtMs !== undefined) return `revoked on ${instant(current.revokedAtMs)}`;
  return current === undefined ? 'to be ordered' : undefined;
}

/** What an order in this phase waits for. */
export function phaseText(phase: NonNullable<CertificateRecord['order']>['phase']): string {
  switch (phase) {
    case 'intended':
      return 'the CA is asked for an order';
    case 'ordered':
      return 'the CA says what is to be proven';
    case 'challenged':
      return 'the challenges have to be visible everywhere';
    case 'answered':
      return 'the CA looks at the challenges';
    case 'finalizing':
      return 'the CA signs';
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
