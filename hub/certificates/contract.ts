import type { ChallengeRecord, NameSet } from '../../src/certificates/model.ts';
import type { AuthorizationAnswer, OrderAnswer } from '../../src/certificates/order.ts';
import type { ChallengeType, KeyAlgorithm } from '../../src/resources/certificate-policy.ts';
import type { ObjectKey } from '../reconcile/objects.ts';

/*
 * What the parts of the hub that get certificates say to each other. Instants are milliseconds since 1970 by the hub's wall clock.
 */

/** A CA with our account there. One per Issuer; nothing is loaded or asked before the first call. */
export interface AcmeClient {
  directory(signal: AbortSignal): Promise<AcmeDirectory>;
  /** Makes the account, or finds the one of the key (RFC 8555 section 7.3); remembered. @returns its URL */
  account(signal: AbortSignal): Promise<string>;
  newOrder(request: NewOrder, signal: AbortSignal): Promise<AcmeOrder>;
  order(url: string, signal: AbortSignal): Promise<AcmeOrder>;
  /** URLs of the account's orders, where the CA lists them (at most 2,000; some list also those that are over); else undefined. */
  orders(signal: AbortSignal): Promise<readonly string[] | undefined>;
  authorization(url: string, signal: AbortSignal): Promise<AcmeAuthorization>;
  keyAuthorization(token: string): Promise<string>;
  /** Tells the CA to look. */
  answer(challengeUrl: string, signal: AbortSignal): Promise<void>;
  /** Gives an authorization up, so that it does not count as pending (section 7.5.2). */
  deactivate(authorizationUrl: string, signal: AbortSignal): Promise<void>;
  /** @returns the order; where the CA does not say its URL, with the one that it was sent to */
  finalize(finalizeUrl: string, csrDer: Uint8Array, signal: AbortSignal): Promise<AcmeOrder>;
  /** The chain, leaf first, PEM; of several the one whose topmost issuer has this common name. */
  certificate(url: string, preferredChain: string | undefined, signal: AbortSignal): Promise<string>;
  /** @param reason RFC 5280 section 5.3.1 */
  revoke(certificateDer: Uint8Array, reason: number, signal: AbortSignal): Promise<void>;
  /** RFC 9773; undefined where the CA has none. */
  renewalInfo(ariId: string, signal: AbortSignal): Promise<RenewalInfo | undefined>;
}

export interface AcmeDirectory {
  readonly profiles: Readonly<Record<string, string>>;
  readonly hasRenewalInfo: boolean;
  readonly externalAccountRequired: boolean;
  readonly termsOfService?: string;
  readonly caaIdentities: readonly string[];
}

export interface NewOrder {
  readonly names: NameSet;
  readonly profile?: string;
  /** ARI id (RFC 9773 section 5). */
  readonly replaces?: string;
}

/** RFC 8555 section 7.1.3. */
export interface AcmeOrder extends OrderAnswer {
  /** Milliseconds that the CA asks to wait before it is looked at again. */
  readonly retryAfterMs?: number;
  readonly problem?: AcmeProblem;
}

/** Section 7.1.4. */
export interface AcmeAuthorization extends AuthorizationAnswer {
  readonly expiresAtMs?: number;
  readonly challenges: readonly (AuthorizationAnswer['challenges'][number] & {
    readonly problem?: AcmeProblem;
  })[];
  readonly retryAfterMs?: number;
}

/** A problem document of a CA (RFC 7807, RFC 8555 section 6.7), as data; `AcmeError` of `acme/` carries one. */
export interface AcmeProblem {
  /** Without `urn:ietf:params:acme:error:`, such as `rateLimited`. */
  readonly type: string;
  readonly detail: string;
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly subproblems: readonly {
    readonly type: string;
    readonly detail: string;
    readonly name?: string;
  }[];
}

export interface RenewalInfo {
  readonly startMs: number;
  readonly endMs: number;
  readonly explanationUrl?: string;
  /** Of the answer's Retry-After; 6 hours where it says none. */
  readonly retryAfterMs: number;
}

/** A challenge that has to be visible as long as it is wanted. */
export interface WantedChallenge {
  /** Of the policy. */
  readonly namespace: string;
  readonly certificate: string;
  readonly challenge: ChallengeRecord;
}

/**
 * Makes challenges visible, all of one type. Level-based: it is told the whole set whenever it changes, brings the world in line, and cleans up
 * after what is not in it any more, also after a restart.
 */
export interface ChallengePresenter {
  readonly type: ChallengeType;
  /** Whether this name can be proven so, from what is known without asking anybody outside but DNS. Never rejects. */
  can(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly why: string }>;
  want(challenges: readonly WantedChallenge[]): void;
  /**
   * Resolves once everybody the CA may ask has it: every authoritative server, or every agent that serves the name. Waits as long as that takes,
   * up to a bound of its own.
   * @throws PortolanError CHALLENGE_NOT_VISIBLE, or what stands in the way (PROVIDER_DENIED, PROVIDER_FROZEN, …)
   */
  visible(wanted: WantedChallenge, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Keys that agents make and keep. */
export interface AgentKeys {
  /** Every key that shall exist, by cluster; what is not in it is forgotten by the agent. */
  want(keys: ReadonlyMap<ObjectKey, readonly WantedKey[]>): void;
  /** The agent's certificate request for a key, once it has sent it. @throws PortolanError AGENT_KEY_MISSING after a bound */
  request(cluster: ObjectKey, keyId: string, signal: AbortSignal): Promise<Uint8Array>;
}

export interface WantedKey {
  readonly id: string;
  readonly algorithm: KeyAlgorithm;
  readonly names: NameSet;
}

/** What gateways get of certificates. */
export interface CertificateSource {
  /** Ids of a policy's certificates that can be served, in order; empty: none yet. @param policy `namespace/name` */
  idsOf(policy: ObjectKey, cluster: ObjectKey): readonly string[];
  /** Grows whenever anything that it answers is otherwise. */
  readonly version: number;
  /** Another one whenever the pair is: then only that one is read again. Absent: all are, with every version. */
  stampOf?(id: string): string | undefined;
  pair(
    id: string,
  ): Promise<
    { readonly certificatePem: string; readonly keyPem: string; readonly agentKey?: string } | undefined
  >;
}
