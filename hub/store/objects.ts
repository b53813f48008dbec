import type { Kysely } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import type { AnyResource, Kind, Resource } from '../../src/resources/catalogue.ts';
import type { Key } from './contract.ts';
import type { Tables } from './schema.ts';

export async function readObject(db: Kysely<Tables>, key: Key): Promise<AnyResource | undefined> {
  const row = await db
    .selectFrom('objects')
    .select('body')
    .where('kind', '=', key.kind)
    .where('namespace', '=', key.namespace)
    .where('name', '=', key.name)
    .executeTakeFirst();
  return row === undefined ? undefined : decodeObject(row.body);
}

/** Ordered by kind, namespace, name. */
export async function readObjects(
  db: Kysely<Tables>,
  filter: { readonly kind?: Kind; readonly namespace?: string },
): Promise<readonly AnyResource[]> {
  let query = db.selectFrom('objects').select('body');
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind);
  if (filter.namespace !== undefined) query = query.where('namespace', '=', filter.namespace);
  const rows = await query.orderBy('kind').orderBy('namespace').orderBy('name').execute();
  return rows.map((row) => decodeObject(row.body));
}

export async function writeObject(
  tx: Kysely<Tables>,
  type: 'added' | 'modified',
  object: AnyResource,
): Promise<void> {
  const body = JSON.stringify(object);
  const { namespace, name, uid } = object.metadata;
  if (type === 'added') {
    await tx.insertInto('objects').values({ kind: object.kind, namespace, name, uid, body }).execute();
  } else {
    await tx.updateTable('objects').set({ body }).where('uid', '=', uid).execute();
  }
}

export async function removeObject(tx: Kysely<Tables>, object: AnyResource): Promise<void> {
  await tx.deleteFrom('objects').where('uid', '=', object.metadata.uid).execute();
}

/** The store wrote this text itself from a parsed object; only damage can make it something else. */
export function decodeObject(body: string): AnyResource {
  try {
    return JSON.parse(body) as AnyResource;
  } catch (cause) {
    throw new PortolanError('STORE_CORRUPT', 'An object in the store is not readable.', { cause });
  }
}

/**
 * `now` with the very spec of `before`, when both are the same generation of one object, which has one spec; otherwise `now`. What
 * was made of a big spec (compiled, written out, hashed) is found by its object.
 */
export function withSpecOf(now: AnyResource, before: AnyResource | undefined): AnyResource {
  if (before?.metadata.uid !== now.metadata.uid || before.metadata.generation !== now.metadata.generation)
    return now;
  // Of one uid, so of one kind: the union type cannot say so.
  return { ...now, spec: before.spec } as AnyResource;
}

export function isOfKind<K extends Kind>(object: Resource, kind: K): object is Resource<K> {
  return object.kind === kind;
}
