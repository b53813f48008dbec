import type { PageChange } from '../../src/quota/ledger-contract.ts';
import type { AnyResource, Kind, Resource, SpecOf, StatusOf } from '../../src/resources/catalogue.ts';
import type { KeyStore } from './key-contract.ts';

/** Names one object. */
export interface Key<K extends Kind = Kind> {
  readonly kind: K;
  readonly namespace: string;
  readonly name: string;
}

/** Who did it; goes into the audit row of the same transaction. */
export interface Actor {
  /** `token/<id>`, `agent/<uid>`, `hub` for the hub's own controllers. */
  readonly id: string;
  readonly display: string;
  /** Client address, when it came over the network. */
  readonly address?: string;
}

/** What a write does; all of a `commit` happens or none. */
export type Change =
  | {
      readonly type: 'create';
      readonly key: Key;
      readonly spec: SpecOf<Kind>;
      readonly labels?: Readonly<Record<string, string>>;
      readonly annotations?: Readonly<Record<string, string>>;
      readonly finalizers?: readonly string[];
    }
  | {
      /**
       * Replaces spec, labels and annotations (left out = none); finalizers left out stay as they are. Generation grows
       * only when the spec (or a Secret's values) differs. No write at all when nothing differs.
       */
      readonly type: 'update';
      readonly key: Key;
      readonly spec: SpecOf<Kind>;
      readonly labels?: Readonly<Record<string, string>>;
      readonly annotations?: Readonly<Record<string, string>>;
      readonly finalizers?: readonly string[];
      /** CONFLICT when the stored one differs. */
      readonly resourceVersion?: string;
    }
  /** Status does not touch generation; the last writer wins unless resourceVersion is given. */
  | {
      readonly type: 'status';
      readonly key: Key;
      readonly status: StatusOf<Kind>;
      readonly resourceVersion?: string;
    }
  /** Sets deletionTimestamp while finalizers remain; removes the object otherwise. */
  | { readonly type: 'delete'; readonly key: Key; readonly resourceVersion?: string; readonly uid?: string }
  /** Removes one finalizer; the object goes with the last one when deletion was asked for. */
  | { readonly type: 'removeFinalizer'; readonly key: Key; readonly finalizer: string };

export interface CommitOptions {
  readonly actor: Actor;
  /** Nothing is stored; conflicts and results are as they would be. */
  readonly dryRun?: boolean;
  /** Short note for the audit row, such as a `--force` and why. */
  readonly reason?: string;
  /** Refused with CONFLICT when this hub's epoch is no longer the store's (another hub took over). */
  readonly epoch?: number;
  /** Extra audit verb when the write is a subresource, such as `drill.start`. */
  readonly verb?: string;
}

export interface WatchEvent {
  readonly type: 'added' | 'modified' | 'deleted';
  /** Store revision of this change. */
  readonly revision: number;
  readonly object: AnyResource;
}

/** An event with its place within its commit, from 0: what a watcher that was cut off in the middle of one resumes after. */
export interface PlacedEvent extends WatchEvent {
  readonly position: number;
}

export interface AuditEntry {
  readonly sequence: number;
  readonly at: string;
  readonly actor: string;
  readonly actorDisplay: string;
  readonly address?: string;
  /** create, update, delete, token.create, cluster.token, drill.start, …; status writes only when they name a verb. */
  readonly verb: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly reason?: string;
  /** SHA-256 (hex) of the canonical JSON of what was written. */
  readonly payloadDigest: string;
  readonly previousHash: string;
  /** SHA-256 (hex) over previousHash and every field above. */
  readonly hash: string;
}

export interface ListResult {
  readonly items: readonly AnyResource[];
  /** Watch from here to miss nothing. */
  readonly revision: number;
}

/** Roles of an API token: which role in which namespace (`*` = all). */
export interface RoleBinding {
  readonly namespace: string;
  readonly role: 'admin' | 'operator' | 'viewer';
}

export interface TokenRecord {
  readonly id: string;
  readonly display: string;
  readonly bindings: readonly RoleBinding[];
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly lastUsedAt?: string;
}

export interface JoinTokenRecord {
  readonly id: string;
  readonly cluster: Key<'Cluster'>;
  readonly clusterUid: string;
  readonly expiresAt: string;
}

/** The identity of a cluster's agent. `generation` grows when it is revoked or replaced. */
export interface AgentIdentity {
  readonly agentUid: string;
  readonly clusterUid: string;
  readonly cluster: Key<'Cluster'>;
  readonly generation: number;
  readonly revoked: boolean;
  readonly joinedAt: string;
  /** SHA-256 hex of the SPKI of the first key; a repeated join with the same key is idempotent. */
  readonly spkiSha256: string;
  readonly certificateChainPem: string;
}

/** A zone as its keys know it: deleted and created again, it has the same. */
export interface ZoneSigningKey {
  readonly namespace: string;
  readonly origin: string;
}

export interface ZoneSigningRecord {
  /** Grows by one with every write. */
  readonly version: number;
  readonly values: Readonly<Record<string, string>>;
}

/** Names a certificate or an account at a CA; `name` is the certificate's id, or for an account a digest of issuer and directory. */
export interface CertificateKey {
  readonly kind: 'certificate' | 'account' | 'issuance';
  readonly namespace: string;
  readonly name: string;
}

export interface StoredCertificate {
  readonly key: CertificateKey;
  /** Grows by one with every write. */
  readonly version: number;
  /** JSON, readable without the key-encryption key. */
  readonly state: string;
}

/** The quota's ledger as it was saved last, and what its clock needs to go on. */
export interface StoredQuota {
  readonly pages: ReadonlyMap<string, Uint8Array>;
  /** As it was given; undefined: never saved. */
  readonly clock: string | undefined;
}

/** What a person did to a limit. */
export interface QuotaAudit {
  readonly actor: Actor;
  readonly verb: 'quota.set' | 'quota.reset';
  readonly namespace: string;
  /** Of the RateLimitPolicy. */
  readonly name: string;
  readonly payload: unknown;
  readonly reason?: string;
}

/** A batch of an agent's usage outbox. */
export interface UsageBatchFrom {
  readonly agentUid: string;
  /** `namespace/name` */
  readonly cluster: string;
  /** Random id and the place in it, from 1. */
  readonly outbox: string;
  readonly sequence: number;
  readonly counts: readonly Required<Omit<UsageMinute, 'cluster'>>[];
}

/** Hits of one account. */
export interface UsageMinute {
  readonly namespace: string;
  readonly principal: string;
  /** Public id; empty: not by an API key. */
  readonly keyId: string;
  /** `namespace/name` of the route. */
  readonly route: string;
  readonly metric: string;
  /** `namespace/name` of the cluster that let them pass. */
  readonly cluster: string;
  /** Start of the minute, seconds since 1970; absent in a total. */
  readonly minuteSeconds?: number;
  readonly amount: number;
}

export interface UsageFilter {
  readonly namespace?: string;
  readonly principal?: string;
  readonly keyId?: string;
  readonly route?: string;
  readonly metric?: string;
  readonly cluster?: string;
  /** Minutes that start at or after this. */
  readonly fromSeconds?: number;
  /** Minutes that start before this. */
  readonly toSeconds?: number;
  /** A row per minute, newest first, or one for the whole time. */
  readonly by: 'minute' | 'total';
  readonly limit: number;
}

/**
 * The hub's durable state. Every method that writes resolves only after the write is durable (fsync or the database's
 * commit): an acknowledged write survives `kill -9` (I19). Methods reject with PortolanError: CONFLICT, NOT_FOUND,
 * ALREADY_EXISTS, DISK_FULL, STORE_UNAVAILABLE, STORE_CORRUPT. One conformance suite runs over every implementation.
 */
export interface Store {
  get<K extends Kind>(key: Key<K>): Promise<Resource<K> | undefined>;
  /** All of a kind (or of every kind), in one namespace or all; ordered by kind, namespace, name; one consistent revision. */
  list(filter?: { readonly kind?: Kind; readonly namespace?: string }): Promise<ListResult>;
  /** All changes or none. Resolves to the written objects in order (a removed object as it last was). */
  commit(
    changes: readonly Change[],
    options: CommitOptions,
  ): Promise<{ readonly objects: readonly AnyResource[]; readonly revision: number }>;
  /**
   * Events after `fromRevision` (with `fromPosition`: after that event of it) in order, then live ones; ends when `signal` aborts. Rejects with WATCH_EXPIRED when that
   * revision is compacted. A slow consumer is cut with WATCH_EXPIRED rather than buffered without bound.
   */
  watch(options: {
    readonly fromRevision: number;
    readonly fromPosition?: number;
    readonly kind?: Kind;
    readonly namespace?: string;
    readonly signal: AbortSignal;
  }): AsyncIterable<PlacedEvent>;

  /** Decrypted values of a Secret, for the hub's own use only; `undefined` when it does not exist. */
  secretData(key: Key<'Secret'>): Promise<Readonly<Record<string, string>> | undefined>;

  /** Every zone of which something of its signing is kept. */
  listZoneSigning(): Promise<readonly ZoneSigningKey[]>;
  /** Keys and state of a zone's signing, for the hub's own use only; version 0 and no values while none are kept. */
  zoneSigning(zone: ZoneSigningKey): Promise<ZoneSigningRecord>;
  /**
   * Replaces all of it, sealed as a Secret's values are, with the audit rows of what happened in the same transaction. CONFLICT when
   * the stored version is not the one before, or this hub's epoch is no longer the store's.
   */
  putZoneSigning(
    zone: ZoneSigningKey,
    next: ZoneSigningRecord,
    options: {
      readonly epoch: number;
      readonly audit: readonly {
        readonly actor: Actor;
        readonly verb: string;
        readonly name: string;
        readonly reason?: string;
        readonly payload?: unknown;
      }[];
    },
  ): Promise<void>;

  /** Everything that is kept of certificates (or one kind of it), without sealed values; ordered by kind, namespace, name. */
  listCertificates(kind?: CertificateKey['kind']): Promise<readonly StoredCertificate[]>;
  /** The sealed values beside one (keys, chains); empty when there are none. For the hub's own use only. */
  certificateValues(key: CertificateKey): Promise<Readonly<Record<string, string>>>;
  /**
   * Writes states and sealed values of several, all or none, with the audit rows of what happened in the same transaction. CONFLICT when a stored version is not
   * the one before (absent: 0), or this hub's epoch is no longer the store's. Left out `values` stay as they are; a null `state` removes both.
   */
  putCertificates(
    writes: readonly {
      readonly key: CertificateKey;
      readonly version: number;
      readonly state: string | null;
      readonly values?: Readonly<Record<string, string>>;
    }[],
    options: {
      readonly epoch: number;
      readonly audit?: readonly {
        readonly actor: Actor;
        readonly verb: string;
        readonly namespace: string;
        readonly name: string;
        readonly reason?: string;
        readonly payload?: unknown;
      }[];
    },
  ): Promise<void>;

  audit(options: {
    readonly after?: number;
    readonly limit: number;
    readonly namespace?: string;
  }): Promise<readonly AuditEntry[]>;
  /** Recomputes the hash chain; the first sequence that does not fit, if any. */
  verifyAudit(): Promise<{ readonly entries: number; readonly brokenAt?: number }>;
  /** An audit row for something that changes no object (token created, drill started by …). */
  recordAudit(entry: {
    readonly actor: Actor;
    readonly verb: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly reason?: string;
    readonly payload?: unknown;
  }): Promise<void>;

  createToken(
    record: Omit<TokenRecord, 'createdAt'> & { readonly secretSha256: string },
    actor: Actor,
  ): Promise<TokenRecord>;
  /** Constant-time comparison; `undefined` when unknown, expired or revoked. */
  authenticateToken(id: string, secretSha256: string): Promise<TokenRecord | undefined>;
  listTokens(): Promise<readonly TokenRecord[]>;
  revokeToken(id: string, actor: Actor): Promise<void>;

  createJoinToken(record: JoinTokenRecord & { readonly secretSha256: string }, actor: Actor): Promise<void>;
  /**
   * Single use (I30): the first caller with the right secret before expiry (store's clock = hub's) wins and its SPKI is kept; the
   * same SPKI again returns the stored identity, another one is JOIN_TOKEN_USED. `issue` makes the identity; it runs
   * once per hub and outside any transaction, so it may use the store. What it made counts only when this resolves: after a
   * lost race against another hub it is dropped. Its generation must exceed that of `previous` when the uid is the same;
   * another agent of the same cluster is revoked by the join.
   */
  claimJoinToken(claim: {
    readonly id: string;
    readonly secretSha256: string;
    readonly spkiSha256: string;
    readonly issue: (token: JoinTokenRecord, previous: AgentIdentity | undefined) => Promise<AgentIdentity>;
  }): Promise<AgentIdentity>;
  agent(agentUid: string): Promise<AgentIdentity | undefined>;
  listAgents(): Promise<readonly AgentIdentity[]>;
  updateAgent(
    agentUid: string,
    change: { readonly revoked?: boolean; readonly certificateChainPem?: string },
    actor: Actor,
  ): Promise<AgentIdentity>;

  /**
   * Counts a batch if it is the next one of its outbox; any other changes nothing, so that each is counted once however often and in
   * whatever order it comes (I34). Resolves to the last sequence that is counted, durably.
   */
  countUsage(batch: UsageBatchFrom): Promise<number>;
  usage(filter: UsageFilter): Promise<readonly UsageMinute[]>;

  /** The pages of the quota's ledger, all of them, and the state of its clock. */
  loadQuota(): Promise<StoredQuota>;
  /**
   * Replaces these pages, with the clock's state and the audit rows of what people did, in one transaction. CONFLICT when this hub's epoch
   * is no longer the store's: then nothing that the pages say was granted may leave this hub.
   */
  saveQuota(
    epoch: number,
    changes: readonly PageChange[],
    clock: string,
    audit?: readonly QuotaAudit[],
  ): Promise<void>;

  /** Small durable values of the hub's own (CA, keys' wrapped form, health memory, counters). */
  getMeta(key: string): Promise<string | undefined>;
  putMeta(key: string, value: string): Promise<void>;
  /** Adds one and returns the new value, durably: content sequence, snapshot versions. */
  increment(counter: string): Promise<number>;
  /** API keys and the feed of their changes. */
  readonly keys: KeyStore;
  /** This hub's fencing epoch, taken at open (previous + 1). */
  readonly epoch: number;
  /** Random id of the installation, made at the first open. */
  readonly hubUid: string;
  /** Cheap check for /readyz. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
