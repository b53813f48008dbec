import type { SqlDialect } from './database.ts';

export interface ApiKeyRow {
  readonly id: string;
  readonly namespace: string;
  readonly principal: string;
  /** Hex; of the key with the hub's pepper. */
  readonly digest: string;
  readonly pair_id: string | null;
  /** JSON. */
  readonly roles: string;
  readonly plan: string | null;
  /** JSON, as are attributes. */
  readonly labels: string;
  readonly attributes: string;
  readonly state: string;
  readonly created_at: string;
  readonly revoked_at: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly expires_at_ms: number | null;
  readonly predecessor: string | null;
  readonly successor: string | null;
  readonly sequence: number;
}

/** The single row of the feed. */
export interface KeyFeedRow {
  readonly id: number;
  readonly feed: string;
  readonly sequence: number;
  readonly hash: string;
}

/** Ends of commits that an agent may stand at. */
export interface KeyCommitRow {
  readonly sequence: number;
  readonly hash: string;
}

/** What changed lies with the keys themselves (`sequence`), so a feed of a million keys is not kept twice. */
export function keyTables(dialect: SqlDialect): readonly string[] {
  const postgres = dialect === 'postgres';
  const integer = postgres ? 'bigint' : 'integer';
  const name = postgres ? 'text collate "C"' : 'text';
  const end = postgres ? '' : ' strict';
  return [
    `create table api_keys (
      id ${name} primary key, namespace ${name} not null, principal ${name} not null, digest ${name} not null unique,
      pair_id text, roles text not null, plan text, labels text not null, attributes text not null, state text not null,
      created_at text not null, revoked_at text, expires_at_ms ${integer}, predecessor text, successor text,
      sequence ${integer} not null)${end}`,
    'create index api_keys_by_sequence on api_keys (sequence)',
    'create index api_keys_by_namespace on api_keys (namespace, id)',
    'create index api_keys_by_principal on api_keys (namespace, principal, id)',
    `create table key_feed (
      id ${integer} primary key check (id = 1), feed text not null, sequence ${integer} not null, hash text not null)${end}`,
    `create table key_commits (sequence ${integer} primary key, hash text not null)${end}`,
  ];
}
