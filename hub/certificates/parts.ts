import type {
  CertificateRecord,
  Failures,
  NameSet,
  WantedCertificate,
} from '../../src/certificates/model.ts';
import type { PortolanError } from '../../src/errors/error.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { AcmeClient } from './contract.ts';

/*
 * What the driver of certificates is given, and what it shows. Instants are milliseconds since 1970 by the hub's wall clock.
 */

/** An Issuer that can be asked. */
export interface OpenIssuer {
  readonly client: AcmeClient;
  /** URL of its directory; of the internal CA a word of its own. */
  readonly directory: string;
  /** Gives certificates without looking whose names they are. */
  readonly internal: boolean;
  readonly profile?: string;
  readonly preferredChain?: string;
}

/** Issuers by `namespace/name`; the same object as long as nothing of the Issuer changed. */
export interface Issuers {
  /** @throws PortolanError NOT_FOUND (no such Issuer), ISSUER_REFUSED, SECRET_… (what is wrong with it) */
  open(issuer: ObjectKey): Promise<OpenIssuer>;
  /** The directory for trials; its account and orders have nothing to do with the other's. */
  openStaging(issuer: ObjectKey): Promise<OpenIssuer>;
}

/** How one try ended, in the table's words. */
export interface FailedTry {
  readonly error: PortolanError;
  /** As long as the CA asks to be left alone. */
  readonly retryAfterMs?: number;
  /** Whose fault: `issuer` may be otherwise with another Issuer, `names` is not, `hub` (store, agent, presenter) passes by itself. */
  readonly of: 'issuer' | 'names' | 'hub';
}

/** What is decided about certificates, purely: `src/certificates/{renewal,failures,fallback}.ts`. */
export interface CertificateRules {
  /** When a certificate is renewed: within the window, or by its lifetime, with jitter of its id. */
  renewAtMs(
    certificate: { readonly id: string; readonly notBeforeMs: number; readonly notAfterMs: number },
    renewal: WantedCertificate['renewal'],
    window: { readonly startMs: number; readonly endMs: number } | undefined,
  ): number;
  classify(thrown: unknown): FailedTry;
  /** `failures` after one more; `nextTryAtMs` has backoff, jitter and Retry-After in it. */
  failed(
    failures: Failures | undefined,
    failure: FailedTry,
    of: { readonly id: string; readonly issuer: ObjectKey; readonly nowMs: number },
  ): Failures;
  /** The issuer to try now: the first of `issuers`, or one that stands in. */
  issuerFor(
    wanted: Pick<WantedCertificate, 'issuers'>,
    record: CertificateRecord | undefined,
    nowMs: number,
  ): ObjectKey;
}

/** What was asked of CAs, kept durably, against what they allow: `hub/certificates/forecast.ts`. */
export interface OrderForecast {
  /** Whether an order may be made now. Ours: reads memory only. */
  mayOrder(
    issuer: ObjectKey,
    names: NameSet,
    nowMs: number,
    /** A renewal that tells the CA what it replaces is exempt at Let's Encrypt. */
    replaces: boolean,
  ): { readonly ok: true } | { readonly ok: false; readonly atMs: number; readonly why: string };
  /** Before the CA is asked. */
  ordered(issuer: ObjectKey, names: NameSet, nowMs: number): void;
  issued(issuer: ObjectKey, names: NameSet, nowMs: number, replaces: boolean): void;
  validationFailed(issuer: ObjectKey, names: NameSet, nowMs: number): void;
}

/** What is done for a certificate at this moment; of those that rest there is none. */
export interface Activity {
  /** A sentence: what it waits for. */
  readonly doing: string;
  readonly sinceMs: number;
}

/** Told of what happened, for events, metrics and the log. Must not throw. */
export interface CertificateNews {
  issued?(wanted: WantedCertificate, record: CertificateRecord, tookMs: number): void;
  failed?(wanted: WantedCertificate, record: CertificateRecord, failure: FailedTry): void;
  revoked?(record: CertificateRecord): void;
}
