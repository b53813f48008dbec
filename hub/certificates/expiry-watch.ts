import type { CertificateRecord } from '../../src/certificates/model.ts';
import { type ExpiryLevel, expiryLevel } from '../../src/certificates/renewal.ts';

/** Says in the log, once for each level, that a certificate comes to its end. */
export interface ExpiryWatch {
  look(records: ReadonlyMap<string, CertificateRecord>, nowMs: number): void;
}

const WORDS: Readonly<Record<Exclude<ExpiryLevel, 'none'>, string>> = {
  soon: 'a certificate ends soon and should have been renewed for long',
  urgent: 'a certificate ends very soon and could not be renewed',
  expired: 'a certificate has ended and could not be renewed',
};

export function createExpiryWatch(log: { warn(details: object, message: string): void }): ExpiryWatch {
  /** What was said of whom. */
  const said = new Map<string, { readonly sha256: string; readonly level: ExpiryLevel }>();
  return {
    look(records, nowMs) {
      for (const id of said.keys()) if (!records.has(id)) said.delete(id);
      for (const { id, policy, current, failures } of records.values()) {
        if (current === undefined) continue;
        const level = expiryLevel(current, nowMs);
        const before = said.get(id);
        if (level === 'none') {
          if (before !== undefined) said.delete(id);
          continue;
        }
        if (before?.sha256 === current.sha256 && before.level === level) continue;
        said.set(id, { sha256: current.sha256, level });
        log.warn(
          {
            certificate: id,
            policy,
            notAfter: new Date(current.notAfterMs).toISOString(),
            ...(failures === undefined ? {} : { code: failures.code, reason: failures.message }),
          },
          WORDS[level],
        );
      }
    },
  };
}
