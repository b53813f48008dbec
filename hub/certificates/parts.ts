import type { Leaf } from '../../src/certificates/chain.ts';
import type { Failure } from '../../src/certificates/failures.ts';
import type { OrderOutcome } from '../../src/certificates/issuance-log.ts';
import type { AskedOrder } from '../../src/certificates/limits.ts';
import type { CertificateRecord, NameSet, WantedCertificate } from '../../src/certificates/model.ts';
import type { KeyAlgorithm } from '../../src/resources/certificate-policy.ts';
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

/**
 * What was asked of CAs, kept durably, against what they allow: `hub/certificates/issuance.ts`. Memory is changed at once and saved soon after;
 * nothing here throws or waits.
 */
export interface OrderForecast {
  /** Whether an order may be made now: an Issuer without known limits always. */
  mayOrder(
    order: AskedOrder,
    nowMs: number,
  ): { readonly ok: true } | { readonly ok: false; readonly atMs: number; readonly why: string };
  /** Before the CA is asked: from now on it counts. */
  ordered(order: AskedOrder, nowMs: number): void;
  /** An order that an earlier process asked for goes on. */
  resumed(order: AskedOrder, nowMs: number): void;
  /** It is over, however it ended. */
  ended(order: AskedOrder, outcome: OrderOutcome, nowMs: number): void;
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
  failed?(wanted: WantedCertificate, record: CertificateRecord, failure: Failure): void;
  revoked?(record: CertificateRecord): void;
}

/** Keys, requests and chains; the machine's own are in `key-work.ts`. */
export interface KeyWork {
  /** PKCS#8 PEM. */
  newKey(algorithm: KeyAlgorithm): Promise<string>;
  /** DER. */
  request(keyPem: string, names: NameSet): Promise<Uint8Array>;
  /** SPKI DER; undefined: it is no request. */
  keyOfRequest(csrDer: Uint8Array): Promise<Uint8Array | undefined>;
  /** What the leaf says, or what is wrong with the chain. @param key PKCS#8 PEM, or the SPKI DER of one that we do not have */
  read(
    chainPem: string,
    key: string | Uint8Array,
    names: NameSet,
    nowMs: number,
  ): Leaf | { readonly problem: string };
}
