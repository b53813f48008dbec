import type { Kysely } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import type { PageChange } from '../../src/quota/ledger-contract.ts';
import type { StoredQuota } from './contract.ts';
import type { SqlDialect } from './database.ts';
import type { QuotaPageRow, StateRow, Tables } from './schema.ts';

/** Rows of one statement. A few sizes, so that each is compiled and prepared once. */
const ROWS = [64, 8, 1] as const;
/** Name of the clock's text among the hub's small values. */
const CLOCK = 'quota/clock';

export function quotaTables(dialect: SqlDialect): readonly string[] {
  return dialect === 'postgres'
    ? ['create table quota_pages (page text collate "C" primary key, content bytea not null)']
    : ['create table quota_pages (page text primary key, content blob not null) strict'];
}

export async function readQuota(db: Kysely<Tables>): Promise<StoredQuota> {
  const rows = await db.selectFrom('quota_pages').select(['page', 'content']).execute();
  const clock = await db.selectFrom('meta').select('value').where('name', '=', CLOCK).executeTakeFirst();
  // An engine's library may give a bare ArrayBuffer.
  const pages = new Map(rows.map(({ page, content }) => [page, new Uint8Array(content)]));
  return { pages, clock: clock?.value };
}

/**
 * In the transaction that holds the state row: whoever opened the store later has a higher epoch and grants from what is saved here, so
 * what an earlier hub grants after it must not be (I20).
 * @throws PortolanError CONFLICT when this hub's epoch is no longer the store's
 */
export async function writeQuota(
  tx: Kysely<Tables>,
  state: Pick<StateRow, 'epoch'>,
  next: { readonly epoch: number; readonly changes: readonly PageChange[]; readonly clock: string },
): Promise<void> {
  if (state.epoch !== next.epoch)
    throw new PortolanError('CONFLICT', `another hub took over the store (epoch ${state.epoch})`, {
      fix: 'Use the hub that took over.',
    });
  // One statement must not change a row twice (PostgreSQL refuses it).
  const last = new Map(next.changes.map(({ page, content }) => [page, content]));
  const kept: QuotaPageRow[] = [];
  const gone: string[] = [];
  for (const [page, content] of last) {
    if (content === undefined) gone.push(page);
    else kept.push({ page, content });
  }
  for (const values of inRows(kept))
    await tx
      .insertInto('quota_pages')
      .values(values)
      .onConflict((conflict) =>
        conflict.column('page').doUpdateSet((q) => ({ content: q.ref('excluded.content') })),
      )
      .execute();
  for (const pages of inRows(gone)) await tx.deleteFrom('quota_pages').where('page', 'in', pages).execute();
  await tx
    .insertInto('meta')
    .values({ name: CLOCK, value: next.clock })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: next.clock }))
    .execute();
}

function* inRows<T>(list: readonly T[]): Generator<readonly T[]> {
  let at = 0;
  for (const size of ROWS) for (; list.length - at >= size; at += size) yield list.slice(at, at + size);
}
