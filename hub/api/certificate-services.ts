import type {
  CertificateStatus,
  ChallengeType,
  KeyAlgorithm,
} from '../../src/resources/certificate-policy.ts';
import type { Actor } from '../store/contract.ts';

/*
 * What people see of certificates. Instants are RFC 3339; never a private key.
 */

export type CertificateState = CertificateStatus['state'];

/** One certificate of a policy, as a list has it. */
export interface CertificateView {
  /** `cert-1a2b3c4d`. */
  readonly id: string;
  readonly namespace: string;
  /** Name of the CertificatePolicy. */
  readonly policy: string;
  /** Those of the certificate that is served; before there is one, those that are wanted. */
  readonly dnsNames: readonly string[];
  readonly state: CertificateState;
  /** Name of the Issuer it came from; before there is one, the first of the policy. */
  readonly issuer: string;
  readonly key: {
    readonly algorithm: KeyAlgorithm;
    /** Who made it and keeps it. */
    readonly location: 'hub' | 'agent';
    /** `location: agent`: the cluster (`namespace/name`) whose agent it is. */
    readonly cluster?: string;
    readonly reuse: boolean;
  };
  readonly serial?: string;
  /** Of the leaf's DER, hex. */
  readonly sha256?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly renewAt?: string;
  readonly clusters: readonly CertificateCluster[];
  /** What it waits for, or what went wrong last. */
  readonly message?: string;
}

/** A cluster that gets the certificate. */
export interface CertificateCluster {
  /** `namespace/name`. */
  readonly name: string;
  /** Its agent has the newest one. */
  readonly delivered: boolean;
  /** What was shown when its gateway was asked from outside. */
  readonly served: 'yes' | 'no' | 'pending' | 'off';
  readonly detail?: string;
}

/** Everything there is to say of one. */
export interface CertificateDetail extends CertificateView {
  /** Leaf first; empty before there is one. */
  readonly chain: readonly ChainLink[];
  readonly order?: CertificateOrder;
  /** RFC 9773. */
  readonly ari?: {
    readonly start: string;
    readonly end: string;
    readonly explanationUrl?: string;
    readonly nextCheckAt: string;
  };
  readonly renewal: {
    readonly at?: string;
    /** One sentence: why then. */
    readonly why: string;
  };
  /** What the next order would count as, at the Issuer that would be asked first. */
  readonly forecast: readonly CertificateForecast[];
  readonly failures?: {
    readonly count: number;
    readonly firstAt: string;
    readonly lastAt: string;
    readonly code: string;
    readonly message: string;
    readonly fix?: string;
    /** Name of an Issuer to how often it failed since the last success. */
    readonly byIssuer: Readonly<Record<string, number>>;
    readonly nextTryAt: string;
  };
  readonly revokedAt?: string;
  /** It will be revoked once its replacement is there. */
  readonly revocation?: {
    readonly serial: string;
    readonly reason: RevocationReason;
    readonly askedAt: string;
  };
}

export interface ChainLink {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

export interface CertificateOrder {
  readonly phase: 'intended' | 'ordered' | 'challenged' | 'answered' | 'finalizing';
  readonly issuer: string;
  readonly dnsNames: readonly string[];
  readonly startedAt: string;
  readonly url?: string;
  readonly expiresAt?: string;
  /** The CA was told which certificate it replaces. */
  readonly replaces: boolean;
  /** One sentence. */
  readonly waitsFor: string;
  readonly challenges: readonly {
    readonly name: string;
    readonly type: ChallengeType;
    /** One sentence. */
    readonly waitsFor: string;
  }[];
}

/** One limit of a CA, and what the next order would be of it. */
export interface CertificateForecast {
  /** Name of the Issuer. */
  readonly issuer: string;
  readonly limit: 'certificatesPerNameSet' | 'certificatesPerDomain' | 'ordersPerAccount' | 'failuresPerName';
  /** The registered domain, name or set of names that is counted. */
  readonly subject: string;
  /** In the window that runs, without the next order. */
  readonly used: number;
  readonly allowed: number;
  readonly windowSeconds: number;
  /** The next order would pass it: when it fits again. */
  readonly fitsAt?: string;
  /** "this would be order 5 of 5 this week for shop.example.com". */
  readonly text: string;
}

export interface CertificateHistoryEntry {
  readonly at: string;
  readonly event: 'issued' | 'renewed' | 'failed' | 'revoked' | 'abandoned';
  readonly issuer: string;
  readonly dnsNames: readonly string[];
  readonly serial?: string;
  readonly detail?: string;
}

export interface CertificateHistory {
  readonly id: string;
  /** Newest first, at most 20. */
  readonly items: readonly CertificateHistoryEntry[];
}

/** RFC 5280 section 5.3.1, those that a subscriber may give (CA/Browser Forum). */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
} as const;
export type RevocationReason = keyof typeof REVOCATION_REASONS;

export interface CertificateChange {
  readonly dryRun: boolean;
  /** The caller overrides a limit that is known to be used up, or that nothing replaces what is revoked. */
  readonly force: boolean;
}

export interface CertificateRenewal {
  readonly certificate: CertificateDetail;
  /** One sentence: what happens now, or with `dryRun` would. */
  readonly message: string;
  readonly warnings: readonly string[];
}

/** An order at the Issuer's staging directory, whose certificate is thrown away. Known for an hour, or until the hub ends. */
export interface CertificateTrial {
  readonly policy: string;
  readonly issuer: string;
  readonly directory: string;
  readonly state: 'running' | 'passed' | 'failed';
  readonly dnsNames: readonly string[];
  readonly startedAt: string;
  readonly finishedAt?: string;
  /** In order, for people. */
  readonly steps: readonly { readonly at: string; readonly text: string }[];
  readonly problem?: { readonly code: string; readonly message: string; readonly fix: string };
}

/**
 * What the API asks of the hub's certificates. Rejects with CERTIFICATE_NOT_FOUND (also for one of another namespace), NOT_FOUND for a policy,
 * CONFLICT when another hub has the store, STORE_UNAVAILABLE.
 */
export interface CertificateServices {
  /** By namespace, policy and id. @param namespaces undefined: all */
  list(filter: {
    readonly namespaces?: readonly string[];
    readonly policy?: string | undefined;
  }): Promise<readonly CertificateView[]>;
  describe(namespace: string, id: string): Promise<CertificateDetail>;
  history(namespace: string, id: string): Promise<CertificateHistory>;
  /** Leaf first, PEM. @throws PortolanError CERTIFICATE_NOT_FOUND also before there is one */
  chain(namespace: string, id: string): Promise<string>;
  /**
   * Asks for another one now; durable when this resolves.
   * @throws PortolanError ISSUER_RATE_LIMITED when every Issuer's limits are known to be used up, unless forced
   */
  renew(
    namespace: string,
    id: string,
    options: CertificateChange & { readonly reason?: string | undefined },
    actor: Actor,
  ): Promise<CertificateRenewal>;
  /**
   * Revokes what is served once its replacement is there, or with `force` at once; durable when this resolves. What was made with a compromised
   * key is replaced with a new key.
   */
  revoke(
    namespace: string,
    id: string,
    options: CertificateChange & { readonly reason: RevocationReason },
    actor: Actor,
  ): Promise<CertificateRenewal>;
  /** Begins a trial of the policy's first Issuer, unless one runs. VALIDATION_FAILED: it has no staging directory. */
  try(
    namespace: string,
    policy: string,
    options: { readonly issuer?: string | undefined },
    actor: Actor,
  ): Promise<CertificateTrial>;
  /** The last trial. NOT_FOUND: none is known. */
  trial(namespace: string, policy: string): Promise<CertificateTrial>;
}
