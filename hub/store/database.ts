import type { Kysely } from 'kysely';
import type { Tables } from './schema.ts';

export type SqlDialect = 'sqlite' | 'postgres';

/** Runs queries inside one connection or transaction. */
export type Work<T> = (db: Kysely<Tables>) => Promise<T>;

/**
 * What the store needs of a SQL engine. Every method rejects with PortolanError only: DISK_FULL, STORE_CORRUPT and
 * STORE_UNAVAILABLE are the engine's, others are thrown by `work` and pass through.
 */
export interface Database {
  readonly dialect: SqlDialect;
  /** One statement or several that need no common snapshot. */
  read<T>(work: Work<T>): Promise<T>;
  /** Several statements that see one state of the store. */
  snapshot<T>(work: Work<T>): Promise<T>;
  /**
   * A transaction: resolves after it is durable; rolled back when `work` rejects, or on purpose with `rollBack`, which
   * still resolves to what `work` did.
   */
  write<T>(work: Work<T>, options?: { readonly rollBack?: boolean }): Promise<T>;
  close(): Promise<void>;
}

/** {@link Database.write} for any kysely database. */
export async function transact<T>(db: Kysely<Tables>, work: Work<T>, rollBack: boolean): Promise<T> {
  let undone: { readonly result: T } | undefined;
  try {
    return await db.transaction().execute(async (tx) => {
      const result = await work(tx);
      if (!rollBack) return result;
      undone = { result };
      throw new RollBack();
    });
  } catch (error) {
    if (error instanceof RollBack && undone !== undefined) return undone.result;
    throw error;
  }
}

class RollBack extends Error {}
