import type { Kysely } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import type { ZoneSigningKey, ZoneSigningRecord } from './contract.ts';
import type { StateRow, Tables } from './schema.ts';
import { readValues, type Sealer, type ValuesOwner, writeValues } from './secrets.ts';
import { assertKey } from './state.ts';

/*
 * The keys of zones lie beside the values of Secrets, sealed in the same way and wrapped anew with them when the key-encryption key
 * changes. No object stands for them: nothing of the API or of an event leads to them.
 */

export async function readZoneSigning(
  db: Kysely<Tables>,
  zone: ZoneSigningKey,
  sealer: Sealer,
): Promise<ZoneSigningRecord> {
  return readValues(db, ownerOf(zone), sealer);
}

export async function writeZoneSigning(
  tx: Kysely<Tables>,
  state: StateRow,
  zone: ZoneSigningKey,
  next: ZoneSigningRecord,
  by: { readonly epoch: number; readonly sealer: Sealer },
): Promise<void> {
  if (state.epoch !== by.epoch) {
    throw new PortolanError('CONFLICT', `another hub took over the store (epoch ${state.epoch})`, {
      fix: 'Use the hub that took over.',
    });
  }
  assertKey(state, by.sealer.kek);
  const owner = ownerOf(zone);
  const stored = await readValues(tx, owner, by.sealer);
  if (next.version !== stored.version + 1) {
    throw new PortolanError(
      'CONFLICT',
      `the keys of ${zone.origin} changed since they were read (version ${stored.version})`,
    );
  }
  await writeValues(tx, owner, next, by.sealer);
}

export async function listZoneSigning(db: Kysely<Tables>): Promise<readonly ZoneSigningKey[]> {
  const rows = await db
    .selectFrom('secrets')
    .select(['namespace', 'name'])
    .where('uid', 'like', `${PREFIX}%`)
    .orderBy('uid')
    .execute();
  return rows.map(({ namespace, name }) => ({ namespace, origin: name }));
}

const PREFIX = 'zone-signing/';

/** A uid that no object has: those of objects are UUIDs. */
function ownerOf({ namespace, origin }: ZoneSigningKey): ValuesOwner {
  return { metadata: { uid: `${PREFIX}${namespace}/${origin}`, namespace, name: origin } };
}
