import type { Kysely } from 'kysely';
import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import {
  openValues,
  type RandomBytes,
  rewrapValues,
  type SealedValues,
  type SecretIdentity,
  sealValues,
  valueDigest,
} from '../../src/identity/envelope.ts';
import type { SecretSpec, SecretStatus } from '../../src/resources/secret.ts';
import type { SecretRow, Tables } from './schema.ts';

/** Keys and identity of this hub, for sealing. */
export interface Sealer {
  readonly hubUid: string;
  readonly kek: Uint8Array;
  readonly digestKey: Uint8Array;
  readonly random: RandomBytes;
}

export type SecretValues = Readonly<Record<string, string>>;

/** The stored values of a secret and their version; version 0 = none stored yet. */
export interface StoredValues {
  readonly version: number;
  readonly values: SecretValues;
}

const cipherFields = z.record(z.string(), z.string());

/** `stringData` laid over what is stored: absent keeps everything, null removes a key. */
export function mergeValues(stored: SecretValues, stringData: SecretSpec['stringData']): SecretValues {
  const merged = new Map(Object.entries(stored));
  for (const [key, value] of Object.entries(stringData ?? {})) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return Object.fromEntries([...merged].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a reader may know of the values. */
export function describeValues(values: SecretValues, sealer: Sealer): SecretStatus['keys'] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    bytes: Buffer.byteLength(value, 'utf8'),
    digest: valueDigest(sealer.digestKey, key, value),
  }));
}

/** What sealed values belong to: a Secret, or something of the hub's own that has no object. */
export interface ValuesOwner {
  readonly metadata: { readonly uid: string; readonly namespace: string; readonly name: string };
}

export async function readValues(
  db: Kysely<Tables>,
  object: ValuesOwner,
  sealer: Sealer,
): Promise<StoredValues> {
  const row = await db
    .selectFrom('secrets')
    .selectAll()
    .where('uid', '=', object.metadata.uid)
    .executeTakeFirst();
  if (row === undefined) return { version: 0, values: {} };
  const { uid, namespace, name } = object.metadata;
  const identity = identityOf({ uid, namespace, name, version: row.version }, sealer.hubUid);
  return { version: row.version, values: openValues(sealedOf(row), identity, sealer.kek) };
}

export async function writeValues(
  tx: Kysely<Tables>,
  object: ValuesOwner,
  values: StoredValues,
  sealer: Sealer,
): Promise<void> {
  const { uid, namespace, name } = object.metadata;
  const identity = identityOf({ uid, namespace, name, version: values.version }, sealer.hubUid);
  const sealed = sealValues(values.values, identity, sealer.kek, sealer.random);
  const columns = {
    version: values.version,
    key_id: sealed.keyId,
    wrapped_key: sealed.wrappedKey,
    fields: JSON.stringify(sealed.fields),
  };
  await tx
    .insertInto('secrets')
    .values({ uid, namespace, name, ...columns })
    .onConflict((conflict) => conflict.column('uid').doUpdateSet(columns))
    .execute();
}

export async function removeValues(tx: Kysely<Tables>, uid: string): Promise<void> {
  await tx.deleteFrom('secrets').where('uid', '=', uid).execute();
}

/** Wraps every data key anew; the number of secrets touched. */
export async function rewrapAll(
  tx: Kysely<Tables>,
  keys: { readonly from: Uint8Array; readonly to: Uint8Array },
  sealer: Pick<Sealer, 'hubUid' | 'random'>,
): Promise<number> {
  const rows = await tx.selectFrom('secrets').selectAll().execute();
  for (const row of rows) {
    const sealed = rewrapValues(sealedOf(row), identityOf(row, sealer.hubUid), keys, sealer.random);
    await tx
      .updateTable('secrets')
      .set({ key_id: sealed.keyId, wrapped_key: sealed.wrappedKey })
      .where('uid', '=', row.uid)
      .execute();
  }
  return rows.length;
}

function identityOf(
  row: Pick<SecretRow, 'uid' | 'namespace' | 'name' | 'version'>,
  hubUid: string,
): SecretIdentity {
  return {
    hubUid,
    kind: 'Secret',
    namespace: row.namespace,
    name: row.name,
    uid: row.uid,
    version: row.version,
  };
}

function sealedOf(row: SecretRow): SealedValues {
  try {
    return {
      keyId: row.key_id,
      wrappedKey: row.wrapped_key,
      fields: cipherFields.parse(JSON.parse(row.fields)),
    };
  } catch (cause) {
    throw new PortolanError(
      'STORE_CORRUPT',
      `The stored form of Secret ${row.namespace}/${row.name} is not readable.`,
      { cause },
    );
  }
}
