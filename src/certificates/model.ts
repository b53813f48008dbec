import type { ChallengeType, KeyAlgorithm } from '../resources/certificate-policy.ts';

/** Names of one certificate: lower case, a wildcard as left-most label, sorted, none twice. */
export type NameSet = readonly string[];

/** One certificate that a policy wants: a part of its names, and with keys made by agents one for each cluster. */
export interface WantedCertificate {
  /** `cert-` and 8 or more hex digits; stays the same while policy, place in the packing and cluster do, whatever its names. */
  readonly id: string;
  /** `namespace/name` of the CertificatePolicy. */
  readonly policy: string;
  readonly names: NameSet;
  readonly key: KeyAlgorithm;
  readonly reuseKey: boolean;
  /** `namespace/name` of the cluster whose agent makes the key; absent: the hub makes it. */
  readonly cluster?: string;
  /** Issuers in the order of the policy, `namespace/name`. */
  readonly issuers: readonly string[];
  /** Of them those whose certificates nobody trusts, standing in for one before them: replaced as soon as that one can be had. Absent: none. */
  readonly standIns?: readonly string[];
  readonly challenge: 'auto' | ChallengeType;
  readonly renewal: { readonly ari: boolean; readonly remainingPercent?: number };
  /** Digest of what an order is made of, the Issuers' own specs included: failures of another revision do not count any more. */
  readonly revision?: string;
}

/**
 * What is kept of a certificate, durably; every instant is milliseconds since 1970. Public: keys and chains are the sealed values beside
 * it (`VALUE_*`). One order at most is under way.
 */
export interface CertificateRecord {
  readonly id: string;
  readonly policy: string;
  readonly cluster?: string;
  /** What is served. */
  readonly current?: IssuedCertificate;
  readonly order?: OrderRecord;
  /** Tries since the last success. */
  readonly failures?: Failures;
  readonly ari?: AriWindow;
  /** A person or a revocation asks for another one now. */
  readonly forced?: {
    readonly reason: string;
    readonly atMs: number;
    /** Also where limits of the CA are known to be used up. */
    readonly overLimits?: boolean;
  };
  /** To be revoked: what was served when a person asked for it. */
  readonly revoking?: {
    readonly serial: string;
    /** `namespace/name` of the Issuer that gave it. */
    readonly issuer: string;
    /** DER of the leaf, base64. */
    readonly certificateDer: string;
    /** RFC 5280 section 5.3.1; after keyCompromise (1) the next key is a new one, whatever the policy says. */
    readonly reason: number;
    /** Not before another certificate is current. */
    readonly afterReplacement: boolean;
    readonly askedAtMs: number;
  };
  /** Since when no policy wants it; after a while it goes with its keys, however often the hub starts meanwhile. */
  readonly unwantedSinceMs?: number;
  /** Newest first, at most 20. */
  readonly history: readonly HistoryEntry[];
}

export interface IssuedCertificate {
  readonly names: NameSet;
  readonly key: KeyAlgorithm;
  /** `namespace/name`. */
  readonly issuer: string;
  readonly serial: string;
  /** SHA-256 of the leaf's DER, hex. */
  readonly sha256: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** RFC 9773 section 4.1; absent where the leaf has no authority key identifier. */
  readonly ariId?: string;
  readonly certificateUrl?: string;
  /** Id of the key that the agent made. */
  readonly agentKey?: string;
  readonly issuedAtMs: number;
  /** Chosen once from the window or the lifetime, with its jitter. */
  readonly renewAtMs: number;
  readonly revokedAtMs?: number;
}

/** What the CA suggests (RFC 9773 section 4.2). */
export interface AriWindow {
  readonly startMs: number;
  readonly endMs: number;
  readonly explanationUrl?: string;
  readonly nextCheckAtMs: number;
}

export interface Failures {
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** Error code of the table, what happened, and what to do. */
  readonly code: string;
  readonly message: string;
  readonly fix?: string;
  /** Issuers that failed since the last success, by how often. */
  readonly byIssuer: Readonly<Record<string, number>>;
  /** Issuers that are left alone (their Retry-After, or an answer that will not change soon), by until when. */
  readonly resting?: Readonly<Record<string, number>>;
  /** Of the `WantedCertificate` that failed. */
  readonly revision?: string;
  readonly nextTryAtMs: number;
}

export interface HistoryEntry {
  readonly atMs: number;
  readonly event: 'issued' | 'renewed' | 'failed' | 'revoked' | 'abandoned';
  readonly issuer: string;
  readonly names: NameSet;
  readonly serial?: string;
  readonly detail?: string;
}

/**
 * An order, as it was when it was saved last. Each phase is saved before what follows it is asked of the CA, so that a hub that died goes on
 * where it was (RFC 8555 section 7.1.6 has the CA's side):
 *
 * `intended` (key made, nothing asked) → `ordered` (the order's URL is known) → `challenged` (challenges chosen, to be made visible) →
 * `answered` (the CA was told to look) → `finalizing` (the request with the key was sent) → issued, which replaces `current` and ends it.
 */
export type OrderPhase = 'intended' | 'ordered' | 'challenged' | 'answered' | 'finalizing';

export interface OrderRecord {
  readonly phase: OrderPhase;
  /** `namespace/name`. */
  readonly issuer: string;
  /** URL of the CA's directory when it was begun: another one ends the order. */
  readonly directory: string;
  readonly names: NameSet;
  readonly key: KeyAlgorithm;
  /** Key that an agent made. */
  readonly agentKey?: string;
  readonly startedAtMs: number;
  /** ARI id of the certificate that it replaces, when the CA was told so. */
  readonly replaces?: string;
  /** A request for the order was sent and its answer not saved: one order at most may be there that nobody knows the URL of. */
  readonly askedAtMs?: number;
  readonly url?: string;
  readonly finalizeUrl?: string;
  readonly expiresAtMs?: number;
  /** From `challenged` on; those that were valid already are left out. */
  readonly challenges: readonly ChallengeRecord[];
}

export interface ChallengeRecord {
  /** Without the wildcard. */
  readonly name: string;
  readonly wildcard: boolean;
  readonly type: ChallengeType;
  readonly authorizationUrl: string;
  readonly challengeUrl: string;
  readonly token: string;
  /** What it takes: `token.thumbprint` (RFC 8555 section 8.1). */
  readonly keyAuthorization: string;
}

/** Names of the sealed values beside a record: PEM. */
export const VALUE_CHAIN = 'current.crt';
export const VALUE_KEY = 'current.key';
/** Key of the order under way. */
export const VALUE_ORDER_KEY = 'order.key';
