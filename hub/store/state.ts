import type { Kysely } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import { KEY_BYTES, keyId, type RandomBytes, unwrapKey, wrapKey } from '../../src/identity/envelope.ts';
import type { SqlDialect } from './database.ts';
import type { StateRow, Tables } from './schema.ts';
import { newUid } from './uid.ts';

/** Previous hash of the first audit row. */
export const NO_HASH = '0'.repeat(64);
const DIGEST_KEY_PURPOSE = 'secret digest key';

/** What a hub knows once it has opened the store. */
export interface OpenedState {
  readonly hubUid: string;
  readonly epoch: number;
  readonly revision: number;
  readonly digestKey: Uint8Array;
}

/** Locks the state row: from here to the commit no other hub writes. */
export async function lockState(tx: Kysely<Tables>, dialect: SqlDialect): Promise<StateRow> {
  let query = tx.selectFrom('store_state').selectAll().where('id', '=', 1);
  if (dialect === 'postgres') query = query.forUpdate();
  return query.executeTakeFirstOrThrow(stateMissing);
}

/** As {@link lockState} for a write that others may make beside it: only who takes over waits for it. */
export async function shareState(tx: Kysely<Tables>, dialect: SqlDialect): Promise<StateRow> {
  let query = tx.selectFrom('store_state').selectAll().where('id', '=', 1);
  if (dialect === 'postgres') query = query.forShare();
  return query.executeTakeFirstOrThrow(stateMissing);
}

/** The refusal of a write by a hub that another one has taken over from. */
export function overtaken(mine: number, current: number): PortolanError {
  return new PortolanError(
    'CONFLICT',
    `This hub has epoch ${mine}; the store is at ${current}: another hub took over.`,
    { fix: 'Stop this hub, or restart it to take over again.' },
  );
}

export async function readState(db: Kysely<Tables>): Promise<StateRow> {
  return db.selectFrom('store_state').selectAll().where('id', '=', 1).executeTakeFirstOrThrow(stateMissing);
}

/** Makes the state row at the first open; takes the next epoch at every one. Throws KEY_WRONG before it changes anything. */
export async function takeEpoch(
  tx: Kysely<Tables>,
  dialect: SqlDialect,
  kek: Uint8Array,
  random: RandomBytes,
): Promise<OpenedState> {
  let query = tx.selectFrom('store_state').selectAll().where('id', '=', 1);
  if (dialect === 'postgres') query = query.forUpdate();
  const found = await query.executeTakeFirst();
  if (found === undefined) return makeState(tx, kek, random);
  const digestKey = unwrapDigestKey(found, kek);
  const epoch = found.epoch + 1;
  await tx.updateTable('store_state').set({ epoch }).where('id', '=', 1).execute();
  return { hubUid: found.hub_uid, epoch, revision: found.revision, digestKey };
}

/** The state row of a new store. */
async function makeState(tx: Kysely<Tables>, kek: Uint8Array, random: RandomBytes): Promise<OpenedState> {
  const hubUid = newUid(random);
  const digestKey = random(KEY_BYTES);
  await tx
    .insertInto('store_state')
    .values({
      id: 1,
      hub_uid: hubUid,
      epoch: 1,
      revision: 0,
      compacted_revision: 0,
      audit_sequence: 0,
      audit_hash: NO_HASH,
      key_id: keyId(kek),
      digest_key: wrapDigestKey(digestKey, hubUid, kek, random),
    })
    .execute();
  return { hubUid, epoch: 1, revision: 0, digestKey };
}

/** As {@link makeState}, unless somebody has. */
export async function makeStateOnce(tx: Kysely<Tables>, kek: Uint8Array, random: RandomBytes): Promise<void> {
  const found = await tx.selectFrom('store_state').select('id').executeTakeFirst();
  if (found === undefined) await makeState(tx, kek, random);
}

/** As {@link takeEpoch}, without taking one: `epoch` is that of the hub that leads. Throws KEY_WRONG. */
export async function readOpened(db: Kysely<Tables>, kek: Uint8Array): Promise<OpenedState> {
  const state = await readState(db);
  return {
    hubUid: state.hub_uid,
    epoch: state.epoch,
    revision: state.revision,
    digestKey: unwrapDigestKey(state, kek),
  };
}

/** The key-check value and digest key under another key-encryption key. */
export async function rewrapState(
  tx: Kysely<Tables>,
  state: StateRow,
  keys: { readonly from: Uint8Array; readonly to: Uint8Array },
  random: RandomBytes,
): Promise<void> {
  const digestKey = unwrapDigestKey(state, keys.from);
  await tx
    .updateTable('store_state')
    .set({ key_id: keyId(keys.to), digest_key: wrapDigestKey(digestKey, state.hub_uid, keys.to, random) })
    .where('id', '=', 1)
    .execute();
}

function wrapDigestKey(digestKey: Uint8Array, hubUid: string, kek: Uint8Array, random: RandomBytes): string {
  return wrapKey(digestKey, DIGEST_KEY_PURPOSE, hubUid, kek, random);
}

function unwrapDigestKey(state: StateRow, kek: Uint8Array): Uint8Array {
  assertKey(state, kek);
  const digestKey = unwrapKey(state.digest_key, DIGEST_KEY_PURPOSE, state.hub_uid, kek);
  if (digestKey === undefined)
    throw new PortolanError('STORE_CORRUPT', 'The key-check value in the store was altered.');
  return digestKey;
}

/** Throws KEY_WRONG unless the store's secrets are wrapped by `kek`; another hub may have rotated it meanwhile. */
export function assertKey(state: StateRow, kek: Uint8Array): void {
  const given = keyId(kek);
  if (state.key_id === given) return;
  throw new PortolanError(
    'KEY_WRONG',
    `The store's secrets are encrypted under key ${state.key_id}; the key given is ${given}.`,
  );
}

const stateMissing = () => new PortolanError('STORE_CORRUPT', 'The store has lost its state row.');
