import type { CertificateKey } from './contract.ts';
import type { GeoFileRow } from './geo-files.ts';
import type { ApiKeyRow, KeyCommitRow, KeyFeedRow } from './key-tables.ts';
import type { PublicationPartRow, PublicationRow } from './publication.ts';

/** The one SQL schema, as the queries see it. Bodies are JSON text, revisions are integers below 2^53. */
export interface Tables {
  readonly store_state: StateRow;
  readonly objects: ObjectRow;
  readonly events: EventRow;
  readonly audit: AuditRow;
  readonly secrets: SecretRow;
  readonly tokens: TokenRow;
  readonly join_tokens: JoinTokenRow;
  readonly agents: AgentRow;
  readonly meta: { readonly name: string; readonly value: string };
  readonly counters: { readonly name: string; readonly value: number };
  readonly usage_outboxes: UsageOutboxRow;
  readonly usage_minutes: UsageMinuteRow;
  readonly api_keys: ApiKeyRow;
  readonly key_feed: KeyFeedRow;
  readonly key_commits: KeyCommitRow;
  readonly quota_pages: QuotaPageRow;
  readonly certificates: CertificateRow;
  /** Only in PostgreSQL. */
  readonly publication: PublicationRow;
  readonly publication_parts: PublicationPartRow;
  /** Only in PostgreSQL. */
  readonly geo_files: GeoFileRow;
  readonly schema_versions: { readonly version: number; readonly applied_at: string };
}

/** The single row that every write locks: it orders the writers of all hubs. */
export interface StateRow {
  readonly id: number;
  readonly hub_uid: string;
  readonly epoch: number;
  readonly revision: number;
  /** Events up to and including this revision are gone. */
  readonly compacted_revision: number;
  readonly audit_sequence: number;
  readonly audit_hash: string;
  readonly key_id: string;
  /** Key of the secrets' digests, wrapped by the key-encryption key; opening it is also the check of that key. */
  readonly digest_key: string;
}

interface ObjectRow {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly body: string;
}

export interface EventRow {
  readonly revision: number;
  /** Place inside the commit, from 0. */
  readonly position: number;
  readonly type: string;
  readonly kind: string;
  readonly namespace: string;
  readonly body: string;
}

export interface AuditRow {
  readonly sequence: number;
  readonly at: string;
  readonly actor: string;
  readonly actor_display: string;
  readonly address: string | null;
  readonly verb: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly reason: string | null;
  readonly payload_digest: string;
  readonly previous_hash: string;
  readonly hash: string;
}

export interface SecretRow {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: number;
  readonly key_id: string;
  readonly wrapped_key: string;
  /** JSON object: field → base64 ciphertext. */
  readonly fields: string;
}

export interface TokenRow {
  readonly id: string;
  readonly display: string;
  readonly bindings: string;
  readonly secret_sha256: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

export interface JoinTokenRow {
  readonly id: string;
  readonly cluster_namespace: string;
  readonly cluster_name: string;
  readonly cluster_uid: string;
  readonly secret_sha256: string;
  /** Milliseconds since the Unix epoch, by the hub's clock. */
  readonly expires_at_ms: number;
  readonly used_at_ms: number | null;
  readonly used_spki_sha256: string | null;
  readonly agent_uid: string | null;
}

export interface AgentRow {
  readonly agent_uid: string;
  readonly cluster_uid: string;
  readonly cluster_namespace: string;
  readonly cluster_name: string;
  readonly generation: number;
  readonly revoked: number;
  readonly joined_at: string;
  /** Audit sequence of the join: the order in which a cluster's agents came. */
  readonly joined_sequence: number;
  readonly spki_sha256: string;
  readonly certificate_chain_pem: string;
}

/** How far an agent's outbox is counted. Kept for ever: a batch that comes late must not count again. */
export interface UsageOutboxRow {
  readonly agent_uid: string;
  readonly outbox: string;
  readonly sequence: number;
}

export interface CertificateRow {
  readonly kind: CertificateKey['kind'];
  readonly namespace: string;
  readonly name: string;
  readonly version: number;
  /** JSON. */
  readonly state: string;
}

/** A piece of the quota's ledger, under the ledger's own name for it. */
export interface QuotaPageRow {
  readonly page: string;
  readonly content: Uint8Array;
}

export interface UsageMinuteRow {
  /** Seconds since the Unix epoch. */
  readonly minute: number;
  readonly namespace: string;
  readonly principal: string;
  /** Empty: not by an API key. */
  readonly key_id: string;
  readonly route: string;
  readonly metric: string;
  readonly cluster: string;
  readonly amount: number;
}
