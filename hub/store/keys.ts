import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { AuditFact } from './audit.ts';
import { canonicalJson, sha256Hex } from './canonical.ts';
import type { SqlDialect, Work } from './database.ts';
import type {
  KeyChanges,
  KeyFeedPlace,
  KeyFilter,
  KeyStore,
  NewStoredKey,
  StoredKey,
} from './key-contract.ts';
import type { ApiKeyRow } from './key-tables.ts';
import type { StateRow, Tables } from './schema.ts';
import { readValues, type Sealer, type ValuesOwner, writeValues } from './secrets.ts';
import { assertKey } from './state.ts';
import { newUid } from './uid.ts';

/** Keys of one commit, and of one look at the feed. */
export const MAX_KEYS_AT_ONCE = 5_000;
/** Ends of commits that are kept; an agent that was away for more asks for all keys. */
const COMMITS_KEPT = 10_000;
const COMPACT_EVERY = 500;
/** Keys of one statement: SQLite binds at most 32,766 values. */
const ROWS_AT_ONCE = 500;
/** How late another hub's change may be seen. */
const POLL_MS = 250;
const PEPPER_BYTES = 32;

/** What the keys need of the store around them. */
export interface KeyStoreAccess {
  readonly dialect: SqlDialect;
  readonly read: <T>(work: Work<T>) => Promise<T>;
  readonly snapshot: <T>(work: Work<T>) => Promise<T>;
  readonly audited: <T>(
    work: (tx: Kysely<Tables>, state: StateRow, audit: (fact: AuditFact) => Promise<unknown>) => Promise<T>,
  ) => Promise<T>;
  readonly sealer: () => Sealer;
  readonly nowMs: () => number;
}

export interface ClosableKeyStore extends KeyStore {
  close(): void;
}

/** The peppers lie beside the values of Secrets, sealed in the same way; no object has such a uid. */
const PEPPERS: ValuesOwner = { metadata: { uid: 'key-peppers', namespace: '', name: 'key-peppers' } };

export function createKeyStore(access: KeyStoreAccess): ClosableKeyStore {
  const listeners = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  let seen = '';

  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const now = (): string => new Date(access.nowMs()).toISOString();

  async function poll(): Promise<void> {
    const place = await access.read((db) => readPlace(db)).catch(() => undefined);
    const text = place === undefined ? seen : `${place.feed}/${place.sequence}`;
    if (text === seen) return;
    seen = text;
    tell();
  }

  /** A change of keys with its place in the feed; `work` gets the first sequence and says what it changed. */
  async function change<T extends { readonly changed: readonly StoredKey[] }>(
    work: (tx: Kysely<Tables>, sequence: number, audit: (fact: AuditFact) => Promise<unknown>) => Promise<T>,
  ): Promise<T> {
    const done = await access.audited(async (tx, state, audit) => {
      const place = await openPlace(tx, access.sealer());
      const result = await work(tx, place.sequence + 1, audit);
      if (result.changed.length > 0) await advance(tx, place, result.changed, state);
      return result;
    });
    if (done.changed.length > 0) tell();
    return done;
  }

  return {
    async peppers() {
      const stored = await access.snapshot((db) => readValues(db, PEPPERS, access.sealer()));
      if (stored.version > 0) return peppersOf(stored.values);
      return access.audited(async (tx, state) => {
        const sealer = access.sealer();
        assertKey(state, sealer.kek);
        const again = await readValues(tx, PEPPERS, sealer);
        if (again.version > 0) return peppersOf(again.values);
        const values = {
          hub: Buffer.from(sealer.random(PEPPER_BYTES)).toString('base64'),
          root: Buffer.from(sealer.random(PEPPER_BYTES)).toString('base64'),
        };
        await writeValues(tx, PEPPERS, { version: 1, values }, sealer);
        return peppersOf(values);
      });
    },
    async create(keys, { actor, verb, reason }) {
      if (keys.length > MAX_KEYS_AT_ONCE)
        throw new PortolanError('VALIDATION_FAILED', `${keys.length} keys are more than ${MAX_KEYS_AT_ONCE}`);
      const createdAt = now();
      const { changed } = await change(async (tx, sequence, audit) => {
        const made = keys.map(
          (key, i): StoredKey => ({ ...key, state: 'active', createdAt, sequence: sequence + i }),
        );
        await refuseKnown(tx, keys);
        for (let at = 0; at < made.length; at += ROWS_AT_ONCE) {
          const rows = made.slice(at, at + ROWS_AT_ONCE).map(rowOf);
          if (rows.length > 0) await tx.insertInto('api_keys').values(rows).execute();
        }
        for (const [namespace, group] of byNamespace(made))
          await audit({
            actor,
            verb,
            kind: 'ApiKey',
            namespace,
            name: group.length === 1 ? (group[0]?.id ?? '') : `${group.length} keys`,
            ...(reason === undefined ? {} : { reason }),
            payload: group.map(shown),
          });
        return { changed: made };
      });
      return changed;
    },
    rotate: (id, next, { actor, until, reason }) =>
      change(async (tx, sequence, audit) => {
        const before = await require(tx, id);
        if (before.state !== 'active')
          throw new PortolanError('CONFLICT', `key ${id} is ${before.state}`, {
            fix:
              before.successor === undefined
                ? 'Make a new key with `portolan key create`.'
                : `Rotate its successor: portolan key rotate ${before.successor}`,
          });
        await refuseKnown(tx, [next]);
        const expiresAt =
          before.expiresAt !== undefined && Date.parse(before.expiresAt) < Date.parse(until)
            ? before.expiresAt
            : until;
        const key: StoredKey = { ...before, state: 'rotated', successor: next.id, expiresAt, sequence };
        const successor: StoredKey = {
          ...next,
          state: 'active',
          createdAt: now(),
          predecessor: id,
          sequence: sequence + 1,
        };
        await updateRow(tx, key);
        await tx.insertInto('api_keys').values(rowOf(successor)).execute();
        await audit({
          actor,
          verb: 'key.rotate',
          kind: 'ApiKey',
          namespace: key.namespace,
          name: id,
          ...(reason === undefined ? {} : { reason }),
          payload: [shown(key), shown(successor)],
        });
        return { key, successor, changed: [key, successor] };
      }),
    async revoke(id, { actor, reason }) {
      const { key } = await change(async (tx, sequence, audit) => {
        const before = await require(tx, id);
        if (before.state === 'revoked') return { key: before, changed: [] };
        const key: StoredKey = { ...before, state: 'revoked', revokedAt: now(), sequence };
        await updateRow(tx, key);
        await audit({
          actor,
          verb: 'key.revoke',
          kind: 'ApiKey',
          namespace: key.namespace,
          name: id,
          ...(reason === undefined ? {} : { reason }),
          payload: shown(key),
        });
        return { key, changed: [key] };
      });
      return key;
    },
    async delete(id, { actor, reason }) {
      await change(async (tx, sequence, audit) => {
        const before = await require(tx, id);
        const { namespace, digest, createdAt, expiresAt } = before;
        const expired = expiresAt !== undefined && Date.parse(expiresAt) <= access.nowMs();
        if (before.state !== 'revoked' && !expired)
          throw new PortolanError('CONFLICT', `key ${id} is ${before.state} and may still be used`, {
            fix: `Revoke it first: portolan key revoke ${id}`,
          });
        const key: StoredKey = {
          ...{ id, namespace, digest, createdAt, sequence, state: 'deleted', principal: '', roles: [] },
          labels: {},
          attributes: {},
        };
        await updateRow(tx, key);
        await audit({
          actor,
          verb: 'key.delete',
          kind: 'ApiKey',
          namespace,
          name: id,
          ...(reason === undefined ? {} : { reason }),
          payload: shown(before),
        });
        return { changed: [key] };
      });
    },
    get: (id) => access.read((db) => find(db, id)),
    byDigest: (digest) =>
      access.read(async (db) => {
        const row = await db
          .selectFrom('api_keys')
          .selectAll()
          .where('digest', '=', digest)
          .where('state', '!=', 'deleted')
          .executeTakeFirst();
        return row === undefined ? undefined : keyOf(row);
      }),
    list: (filter) => access.read((db) => list(db, filter, access)),
    async count() {
      const rows = await access.read((db) =>
        db
          .selectFrom('api_keys')
          .select((q) => ['state', q.fn.countAll<number>().as('keys')] as const)
          .where('state', '!=', 'deleted')
          .groupBy('state')
          .execute(),
      );
      const of = (revoked: boolean): number =>
        rows
          .filter((row) => (row.state === 'revoked') === revoked)
          .reduce((sum, row) => sum + Number(row.keys), 0);
      return { active: of(false), revoked: of(true) };
    },
    async place() {
      const known = await access.read((db) => readPlace(db));
      return known ?? access.audited((tx) => openPlace(tx, access.sealer()));
    },
    standing: (place) => access.snapshot((db) => standing(db, place)),
    at: (feed, sequence) =>
      access.snapshot(async (db) => {
        if ((await readPlace(db))?.feed !== feed) return undefined;
        const row = await db
          .selectFrom('key_commits')
          .selectAll()
          .where('sequence', '=', sequence)
          .executeTakeFirst();
        return row === undefined ? undefined : { feed, ...row };
      }),
    changes: (from) => access.snapshot((db) => readChanges(db, from)),
    async restartFeed({ actor, reason }) {
      const place = await access.audited(async (tx, _state, audit) => {
        const before = await openPlace(tx, access.sealer());
        const feed = newUid(access.sealer().random);
        await tx.updateTable('key_feed').set({ feed }).where('id', '=', 1).execute();
        await audit({
          actor,
          verb: 'key.feed',
          kind: 'ApiKey',
          namespace: '',
          name: '',
          ...(reason === undefined ? {} : { reason }),
          payload: { before: before.feed, feed },
        });
        return { ...before, feed };
      });
      tell();
      return place;
    },
    onChange(listener) {
      listeners.add(listener);
      if (access.dialect === 'postgres' && timer === undefined) {
        timer = setInterval(() => void poll(), POLL_MS);
        timer.unref();
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) stop();
      };
    },
    close: stop,
  };

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }
}

async function readPlace(db: Kysely<Tables>): Promise<KeyFeedPlace | undefined> {
  return db
    .selectFrom('key_feed')
    .select(['feed', 'sequence', 'hash'])
    .where('id', '=', 1)
    .executeTakeFirst();
}

/** Inside a transaction that holds the state row. */
async function openPlace(tx: Kysely<Tables>, sealer: Sealer): Promise<KeyFeedPlace> {
  const known = await readPlace(tx);
  if (known !== undefined) return known;
  const place = { feed: newUid(sealer.random), sequence: 0, hash: '' };
  await tx
    .insertInto('key_feed')
    .values({ id: 1, ...place })
    .execute();
  await tx.insertInto('key_commits').values({ sequence: 0, hash: '' }).execute();
  return place;
}

async function advance(
  tx: Kysely<Tables>,
  before: KeyFeedPlace,
  changed: readonly StoredKey[],
  state: StateRow,
): Promise<void> {
  const sequence = before.sequence + changed.length;
  const hash = sha256Hex(canonicalJson(['portolan keys v1', state.hub_uid, before.hash, sequence, changed]));
  await tx.updateTable('key_feed').set({ sequence, hash }).where('id', '=', 1).execute();
  await tx.insertInto('key_commits').values({ sequence, hash }).execute();
  if (Math.floor(sequence / COMPACT_EVERY) === Math.floor(before.sequence / COMPACT_EVERY)) return;
  const oldest = await tx
    .selectFrom('key_commits')
    .select('sequence')
    .orderBy('sequence', 'desc')
    .offset(COMMITS_KEPT - 1)
    .limit(1)
    .executeTakeFirst();
  if (oldest === undefined) return;
  await tx.deleteFrom('key_commits').where('sequence', '<', oldest.sequence).execute();
  // Whoever stands before it asks for all keys, so nobody needs to be told that it is gone.
  await tx
    .deleteFrom('api_keys')
    .where('state', '=', 'deleted')
    .where('sequence', '<=', oldest.sequence)
    .execute();
}

async function standing(
  db: Kysely<Tables>,
  place: KeyFeedPlace,
): Promise<'known' | 'old' | 'ahead' | 'foreign'> {
  const current = await readPlace(db);
  if (current?.feed !== place.feed) return 'foreign';
  const row = await db
    .selectFrom('key_commits')
    .selectAll()
    .where('sequence', '<=', place.sequence)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return 'old';
  return row.sequence === place.sequence && row.hash === place.hash ? 'known' : 'ahead';
}

async function readChanges(db: Kysely<Tables>, from: KeyFeedPlace): Promise<KeyChanges | undefined> {
  if ((await standing(db, from)) !== 'known') return undefined;
  const rows = await db
    .selectFrom('api_keys')
    .selectAll()
    .where('sequence', '>', from.sequence)
    .orderBy('sequence')
    .limit(MAX_KEYS_AT_ONCE + 1)
    .execute();
  const head = await readPlace(db);
  if (head === undefined || rows.length <= MAX_KEYS_AT_ONCE)
    return { from, to: head ?? from, keys: rows.map(keyOf) };
  // More than fits: up to the end of the last commit that fits whole.
  const last = rows[MAX_KEYS_AT_ONCE - 1]?.sequence ?? 0;
  const end = await db
    .selectFrom('key_commits')
    .selectAll()
    .where('sequence', '<=', last)
    .where('sequence', '>', from.sequence)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (end === undefined) return undefined;
  const keys = rows.filter((row) => row.sequence <= end.sequence).map(keyOf);
  return { from, to: { feed: head.feed, ...end }, keys };
}

async function list(
  db: Kysely<Tables>,
  filter: KeyFilter,
  { dialect, nowMs }: Pick<KeyStoreAccess, 'dialect' | 'nowMs'>,
): Promise<readonly StoredKey[]> {
  const { namespaces, principal, plan, state, labels, after, limit } = filter;
  if (namespaces?.length === 0) return [];
  let query = db.selectFrom('api_keys').selectAll().where('state', '!=', 'deleted');
  if (namespaces !== undefined) query = query.where('namespace', 'in', [...namespaces]);
  if (principal !== undefined) query = query.where('principal', '=', principal);
  if (plan !== undefined) query = query.where('plan', '=', plan);
  if (after !== undefined) query = query.where('id', '>', after);
  if (state === 'expired')
    query = query.where('state', '!=', 'revoked').where('expires_at_ms', '<=', nowMs());
  else if (state !== undefined) {
    query = query.where('state', '=', state);
    if (state !== 'revoked')
      query = query.where((q) => q.or([q('expires_at_ms', 'is', null), q('expires_at_ms', '>', nowMs())]));
  }
  for (const [label, value] of Object.entries(labels ?? {})) {
    // Canonical JSON: quotes inside a text are escaped, so this stands only where the label does.
    const text = `${JSON.stringify(label)}:${JSON.stringify(value)}`;
    const position =
      dialect === 'postgres' ? sql<number>`strpos(labels, ${text})` : sql<number>`instr(labels, ${text})`;
    query = query.where(position, '>', 0);
  }
  const rows = await query.orderBy('id').limit(limit).execute();
  return rows.map(keyOf);
}

async function find(db: Kysely<Tables>, id: string): Promise<StoredKey | undefined> {
  const row = await db
    .selectFrom('api_keys')
    .selectAll()
    .where('id', '=', id)
    .where('state', '!=', 'deleted')
    .executeTakeFirst();
  return row === undefined ? undefined : keyOf(row);
}

async function require(db: Kysely<Tables>, id: string): Promise<StoredKey> {
  const key = await find(db, id);
  if (key === undefined) throw new PortolanError('KEY_NOT_FOUND', `There is no key ${id}.`);
  return key;
}

/** @throws PortolanError ALREADY_EXISTS */
async function refuseKnown(tx: Kysely<Tables>, keys: readonly NewStoredKey[]): Promise<void> {
  const places = new Map<string, number>();
  for (const [i, { digest }] of keys.entries()) {
    const first = places.get(digest);
    if (first !== undefined)
      throw new PortolanError('ALREADY_EXISTS', `keys ${first + 1} and ${i + 1} of the list are the same`, {
        fix: 'Leave one of them out.',
      });
    places.set(digest, i);
  }
  for (let at = 0; at < keys.length; at += ROWS_AT_ONCE) {
    const part = keys.slice(at, at + ROWS_AT_ONCE);
    const known = await tx
      .selectFrom('api_keys')
      .select(['id', 'digest', 'state'])
      .where((q) =>
        q.or([
          q(
            'digest',
            'in',
            part.map((key) => key.digest),
          ),
          q(
            'id',
            'in',
            part.map((key) => key.id),
          ),
        ]),
      )
      .limit(1)
      .executeTakeFirst();
    if (known === undefined) continue;
    const i = keys.findIndex((key) => key.digest === known.digest || key.id === known.id);
    throw new PortolanError('ALREADY_EXISTS', `key ${i + 1} of the list is known already, as ${known.id}`, {
      fix:
        known.state === 'deleted'
          ? 'It was deleted lately. Make a new key with `portolan key create`.'
          : 'Leave it out, or revoke the other one.',
    });
  }
}

async function updateRow(tx: Kysely<Tables>, key: StoredKey): Promise<void> {
  const { id: _, digest: __, ...rest } = rowOf(key);
  await tx.updateTable('api_keys').set(rest).where('id', '=', key.id).execute();
}

function rowOf(key: StoredKey): ApiKeyRow {
  return {
    id: key.id,
    namespace: key.namespace,
    principal: key.principal,
    digest: key.digest,
    pair_id: key.pairId ?? null,
    roles: JSON.stringify(key.roles),
    plan: key.plan ?? null,
    labels: canonicalJson(key.labels),
    attributes: canonicalJson(key.attributes),
    state: key.state,
    created_at: key.createdAt,
    revoked_at: key.revokedAt ?? null,
    expires_at_ms: key.expiresAt === undefined ? null : Date.parse(key.expiresAt),
    predecessor: key.predecessor ?? null,
    successor: key.successor ?? null,
    sequence: key.sequence,
  };
}

const rolesSchema = z.array(z.string());
const textsSchema = z.record(z.string(), z.string());
const stateSchema = z.enum(['active', 'rotated', 'revoked', 'deleted']);

function keyOf(row: ApiKeyRow): StoredKey {
  try {
    return {
      id: row.id,
      namespace: row.namespace,
      principal: row.principal,
      digest: row.digest,
      ...(row.pair_id === null ? {} : { pairId: row.pair_id }),
      roles: rolesSchema.parse(JSON.parse(row.roles)),
      ...(row.plan === null ? {} : { plan: row.plan }),
      labels: textsSchema.parse(JSON.parse(row.labels)),
      attributes: textsSchema.parse(JSON.parse(row.attributes)),
      state: stateSchema.parse(row.state),
      createdAt: row.created_at,
      ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
      ...(row.expires_at_ms === null ? {} : { expiresAt: new Date(row.expires_at_ms).toISOString() }),
      ...(row.predecessor === null ? {} : { predecessor: row.predecessor }),
      ...(row.successor === null ? {} : { successor: row.successor }),
      sequence: row.sequence,
    };
  } catch (cause) {
    throw new PortolanError('STORE_CORRUPT', `Key ${row.id} is not readable.`, { cause });
  }
}

/** What the audit row's digest covers; a digest of a weak key must not be guessed from it, so it is left out. */
function shown({ digest: _, ...key }: StoredKey): Omit<StoredKey, 'digest'> {
  return key;
}

function byNamespace(keys: readonly StoredKey[]): ReadonlyMap<string, readonly StoredKey[]> {
  return Map.groupBy(keys, (key) => key.namespace);
}

function peppersOf(values: Readonly<Record<string, string>>): {
  readonly hub: Buffer;
  readonly root: Buffer;
} {
  const hub = Buffer.from(values.hub ?? '', 'base64');
  const root = Buffer.from(values.root ?? '', 'base64');
  if (hub.length !== PEPPER_BYTES || root.length !== PEPPER_BYTES)
    throw new PortolanError('STORE_CORRUPT', 'The peppers of API keys are not readable.');
  return { hub, root };
}
