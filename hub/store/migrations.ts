import { type Kysely, sql } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import { certificateTables } from './certificates.ts';
import type { SqlDialect } from './database.ts';
import { geoFileTables } from './geo-files.ts';
import { keyTables } from './key-tables.ts';
import { publicationTables } from './publication.ts';
import { quotaTables } from './quota-pages.ts';
import type { Tables } from './schema.ts';

/** Each step is applied once, in order, in the transaction that records it. A published step is never edited. */
const MIGRATIONS: readonly ((dialect: SqlDialect) => readonly string[])[] = [
  firstSchema,
  usage,
  keyTables,
  quotaTables,
  certificateTables,
  publicationTables,
  geoFileTables,
];

/** Reads which schema there is; 0: none yet. Throws STORE_TOO_NEW when a newer program has written it. */
export async function schemaVersion(db: Kysely<Tables>): Promise<number> {
  const found = await sql<{
    readonly name: string | null;
  }>`select to_regclass('schema_versions')::text as name`.execute(db);
  if (found.rows[0]?.name == null) return 0;
  return checkedVersion(db);
}

async function checkedVersion(db: Kysely<Tables>): Promise<number> {
  const row = await db
    .selectFrom('schema_versions')
    .select((q) => q.fn.max('version').as('version'))
    .executeTakeFirst();
  const current = row?.version ?? 0;
  if (current > MIGRATIONS.length) {
    throw new PortolanError(
      'STORE_TOO_NEW',
      `The store has schema ${current}; this program knows up to ${MIGRATIONS.length}.`,
    );
  }
  return current;
}

/** Brings the schema up to date. Throws STORE_TOO_NEW when a newer program has written it. */
export async function migrate(db: Kysely<Tables>, dialect: SqlDialect, nowIso: string): Promise<void> {
  // Two hubs opening an empty database at once would both create the tables.
  if (dialect === 'postgres') await sql`select pg_advisory_xact_lock(7305809)`.execute(db);
  const integer = dialect === 'postgres' ? 'bigint' : 'integer';
  await sql
    .raw(
      `create table if not exists schema_versions (version ${integer} primary key, applied_at text not null)`,
    )
    .execute(db);
  const current = await checkedVersion(db);
  if (current === MIGRATIONS.length) return;
  // Dozens of statements: on a busy machine a pause between two of them may be longer than a hub that leads is allowed.
  if (dialect === 'postgres') await sql`set local idle_in_transaction_session_timeout = '30s'`.execute(db);
  for (const [index, statements] of MIGRATIONS.entries()) {
    if (index < current) continue;
    for (const statement of statements(dialect)) await sql.raw(statement).execute(db);
    await db
      .insertInto('schema_versions')
      .values({ version: index + 1, applied_at: nowIso })
      .execute();
  }
  // As the connection has it.
  if (dialect === 'postgres') await sql`set local idle_in_transaction_session_timeout to default`.execute(db);
}

function firstSchema(dialect: SqlDialect): readonly string[] {
  const postgres = dialect === 'postgres';
  const integer = postgres ? 'bigint' : 'integer';
  // Names order by code point, whatever the database's locale.
  const name = postgres ? 'text collate "C"' : 'text';
  const end = postgres ? '' : ' strict';
  return [
    `create table store_state (
      id ${integer} primary key check (id = 1), hub_uid text not null, epoch ${integer} not null,
      revision ${integer} not null, compacted_revision ${integer} not null, audit_sequence ${integer} not null,
      audit_hash text not null, key_id text not null, digest_key text not null)${end}`,
    `create table objects (
      kind ${name} not null, namespace ${name} not null, name ${name} not null, uid text not null unique,
      body text not null, primary key (kind, namespace, name))${end}`,
    `create table events (
      revision ${integer} not null, position ${integer} not null, type text not null, kind text not null,
      namespace text not null, body text not null, primary key (revision, position))${end}`,
    `create table audit (
      sequence ${integer} primary key, at text not null, actor text not null, actor_display text not null, address text,
      verb text not null, kind text not null, namespace text not null, name text not null, reason text,
      payload_digest text not null, previous_hash text not null, hash text not null)${end}`,
    'create index audit_by_namespace on audit (namespace, sequence)',
    `create table secrets (
      uid text primary key, namespace text not null, name text not null, version ${integer} not null,
      key_id text not null, wrapped_key text not null, fields text not null)${end}`,
    `create table tokens (
      id ${name} primary key, display text not null, bindings text not null, secret_sha256 text not null,
      created_at text not null, expires_at text, last_used_at text)${end}`,
    `create table join_tokens (
      id text primary key, cluster_namespace text not null, cluster_name text not null, cluster_uid text not null,
      secret_sha256 text not null, expires_at_ms ${integer} not null, used_at_ms ${integer},
      used_spki_sha256 text, agent_uid text)${end}`,
    `create table agents (
      agent_uid text primary key, cluster_uid text not null, cluster_namespace text not null, cluster_name text not null,
      generation ${integer} not null, revoked ${integer} not null, joined_at text not null,
      joined_sequence ${integer} not null, spki_sha256 text not null, certificate_chain_pem text not null)${end}`,
    'create index agents_by_cluster on agents (cluster_uid, joined_sequence)',
    `create table meta (name text primary key, value text not null)${end}`,
    `create table counters (name text primary key, value ${integer} not null)${end}`,
  ];
}

function usage(dialect: SqlDialect): readonly string[] {
  const postgres = dialect === 'postgres';
  const integer = postgres ? 'bigint' : 'integer';
  const name = postgres ? 'text collate "C"' : 'text';
  const end = postgres ? '' : ' strict, without rowid';
  return [
    `create table usage_outboxes (
      agent_uid ${name} not null, outbox ${name} not null, sequence ${integer} not null,
      primary key (agent_uid, outbox))${end}`,
    `create table usage_minutes (
      minute ${integer} not null, namespace ${name} not null, principal ${name} not null, key_id ${name} not null,
      route ${name} not null, metric ${name} not null, cluster ${name} not null, amount ${integer} not null,
      primary key (minute, namespace, principal, key_id, route, metric, cluster))${end}`,
    'create index usage_by_principal on usage_minutes (namespace, principal, minute)',
  ];
}
