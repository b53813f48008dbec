import type { Kysely } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import type { CertificateKey, StoredCertificate } from './contract.ts';
import type { SqlDialect } from './database.ts';
import type { StateRow, Tables } from './schema.ts';
import { readValues, removeValues, type Sealer, type ValuesOwner, writeValues } from './secrets.ts';
import { assertKey } from './state.ts';

/*
 * What is public of a certificate lies in a table of its own, so that ten thousand are read without opening a key; keys and chains
 * lie beside the values of Secrets, sealed in the same way and wrapped anew with them.
 */

export interface CertificateWrite {
  readonly key: CertificateKey;
  readonly version: number;
  readonly state: string | null;
  readonly values?: Readonly<Record<string, string>>;
}

export function certificateTables(dialect: SqlDialect): readonly string[] {
  const [name, integer, end] =
    dialect === 'postgres' ? ['text collate "C"', 'bigint', ''] : ['text', 'integer', ' strict'];
  return [
    `create table certificates (
      kind ${name} not null, namespace ${name} not null, name ${name} not null, version ${integer} not null,
      state text not null, primary key (kind, namespace, name))${end}`,
  ];
}

export async function listCertificates(
  db: Kysely<Tables>,
  kind?: CertificateKey['kind'],
): Promise<readonly StoredCertificate[]> {
  const rows = await db
    .selectFrom('certificates')
    .selectAll()
    .$if(kind !== undefined, (all) => all.where('kind', '=', kind ?? 'certificate'))
    .orderBy('kind')
    .orderBy('namespace')
    .orderBy('name')
    .execute();
  return rows.map(({ kind, namespace, name, version, state }) => ({
    key: { kind, namespace, name },
    version,
    state,
  }));
}

export async function readCertificateValues(
  db: Kysely<Tables>,
  key: CertificateKey,
  sealer: Sealer,
): Promise<Readonly<Record<string, string>>> {
  return (await readValues(db, ownerOf(key), sealer)).values;
}

/** In the transaction that holds the state row. @throws PortolanError CONFLICT */
export async function writeCertificates(
  tx: Kysely<Tables>,
  state: StateRow,
  writes: readonly CertificateWrite[],
  by: { readonly epoch: number; readonly sealer: Sealer },
): Promise<void> {
  if (state.epoch !== by.epoch)
    throw new PortolanError('CONFLICT', `another hub took over the store (epoch ${state.epoch})`, {
      fix: 'Use the hub that took over.',
    });
  assertKey(state, by.sealer.kek);
  for (const write of writes) await writeOne(tx, write, by.sealer);
}

async function writeOne(tx: Kysely<Tables>, write: CertificateWrite, sealer: Sealer): Promise<void> {
  const { key, version, state, values } = write;
  const row = () =>
    tx
      .selectFrom('certificates')
      .select('version')
      .where((e) => e.and({ ...key }));
  const stored = await row().executeTakeFirst();
  if (version !== (stored?.version ?? 0) + 1)
    throw new PortolanError(
      'CONFLICT',
      `${key.kind} ${key.namespace}/${key.name} changed since it was read (version ${stored?.version ?? 0})`,
    );
  const owner = ownerOf(key);
  if (state === null) {
    await tx
      .deleteFrom('certificates')
      .where((e) => e.and({ ...key }))
      .execute();
    await removeValues(tx, owner.metadata.uid);
    return;
  }
  await tx
    .insertInto('certificates')
    .values({ ...key, version, state })
    .onConflict((conflict) => conflict.columns(['kind', 'namespace', 'name']).doUpdateSet({ version, state }))
    .execute();
  if (values === undefined) return;
  if (Object.keys(values).length === 0) await removeValues(tx, owner.metadata.uid);
  else await writeValues(tx, owner, { version, values }, sealer);
}

/** A uid that no object has: those of objects are UUIDs. */
function ownerOf({ kind, namespace, name }: CertificateKey): ValuesOwner {
  return { metadata: { uid: `certificates/${kind}/${namespace}/${name}`, namespace, name } };
}
