import { nextTryAt } from '../../src/certificates/failures.ts';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { ariCheckDue, renewalDue } from '../../src/certificates/renewal.ts';

/*
 * When something is to be done for a certificate, and for which first.
 */

/** When there is something to do for it, by itself. */
export function dueAt(
  certificate: WantedCertificate,
  record: CertificateRecord | undefined,
  nowMs: number,
): number {
  const atMs = record?.order === undefined ? renewalDue(certificate, record).atMs : 0;
  return Math.max(atMs, nextTryAt(certificate, record, nowMs));
}

/** Orders under way first, as others may wait for them; then what serves nothing, then what ends soonest. */
export function rankOf(record: CertificateRecord | undefined): number {
  if (record?.order !== undefined) return -1;
  return record?.current === undefined || record.current.revokedAtMs !== undefined
    ? 0
    : record.current.notAfterMs;
}

/** When the CA's window of each certificate is to be asked for. */
export interface AriChecks {
  /** @returns milliseconds since 1970; undefined: never */
  at(certificate: WantedCertificate, record: CertificateRecord): number | undefined;
  /** Of those that are not wanted any more nothing is remembered. */
  keep(wanted: ReadonlyMap<string, WantedCertificate>): void;
}

export function createAriChecks(): AriChecks {
  const known = new Map<
    string,
    {
      readonly certificate: WantedCertificate;
      readonly record: CertificateRecord;
      readonly atMs: number | undefined;
    }
  >();
  return {
    // Of these two alone, so once for each: ten thousand are looked at after each order.
    at(certificate, record) {
      const before = known.get(certificate.id);
      if (before?.certificate === certificate && before.record === record) return before.atMs;
      const atMs = ariCheckDue(certificate, record);
      known.set(certificate.id, { certificate, record, atMs });
      return atMs;
    },
    keep(wanted) {
      for (const id of known.keys()) if (!wanted.has(id)) known.delete(id);
    },
  };
}
