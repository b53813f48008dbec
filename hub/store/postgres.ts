import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { type Database, transact, type Work } from './database.ts';
import type { Tables } from './schema.ts';

const POOL_SIZE = 8;
const CONNECT_TIMEOUT_MS = 5_000;
/** A statement that takes longer is hung; the longest, a full list, takes well under a second. */
const STATEMENT_TIMEOUT_MS = 30_000;
/**
 * A transaction whose hub says nothing for so long is ended by the database: a hub that froze or lost its machine in the middle of one
 * holds a row that the next leader needs.
 */
const IDLE_TRANSACTION_MS = 3_000;
/** Serialisation failures are retried this often; only distributed engines report them, as the state row is locked first. */
const ATTEMPTS = 8;

/** A PostgreSQL database (or a compatible engine); a commit is durable as its `synchronous_commit` says, `on` here. */
export function openPostgres(url: string): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_MS,
    application_name: 'portolan',
    keepAlive: true,
    // A database default of `off` would acknowledge before the disk has it.
    options: '-c synchronous_commit=on',
    types: { getTypeParser: typeParser },
  });
  // An idle connection that breaks is dropped by the pool; whoever needs one next sees the error.
  pool.on('error', () => {});
  // One that breaks while in use fails its query; the event beside it would end the process if nobody listened.
  pool.on('connect', (client) => client.on('error', () => {}));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const guarded = async <T>(run: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await run();
      } catch (error) {
        if (attempt < ATTEMPTS && isSerialisationFailure(error)) continue;
        throw postgresError(error);
      }
    }
  };
  const inSnapshot = <T>(work: Work<T>) =>
    db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work);
  return {
    dialect: 'postgres',
    read: (work) => guarded(() => db.connection().execute(work)),
    snapshot: (work) => guarded(() => inSnapshot(work)),
    write: (work, how) => guarded(() => transact(db, work, how?.rollBack === true)),
    close: () => db.destroy(),
  };
}

/** 64-bit integers as numbers: revisions and counters stay below 2^53. */
function typeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === pg.types.builtins.INT8 && format !== 'binary') return Number;
  return pg.types.getTypeParser(oid, 'text') as (value: string) => unknown;
}

/** SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) → ours; no SQLSTATE = the connection failed. */
export function postgresError(thrown: unknown): PortolanError {
  if (thrown instanceof PortolanError) return thrown;
  if (thrown instanceof TypeError || thrown instanceof RangeError) return PortolanError.from(thrown);
  const state = sqlState(thrown);
  if (state === undefined || /^(08|57P|53[13]00|25006)/.test(state)) {
    return new PortolanError('STORE_UNAVAILABLE', `The database does not answer: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
  if (state === '53100') {
    return new PortolanError('DISK_FULL', "The database server's disk is full; nothing was written.", {
      cause: thrown,
      fix: "Free space on the database server's volume, then repeat.",
    });
  }
  if (state === 'XX001' || state === 'XX002') {
    return new PortolanError('STORE_CORRUPT', `The database reports damage: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
  return new PortolanError('INTERNAL', `The store failed: ${messageOf(thrown)}.`, { cause: thrown });
}

function isSerialisationFailure(thrown: unknown): boolean {
  const state = sqlState(thrown);
  return state === '40001' || state === '40P01';
}

function sqlState(thrown: unknown): string | undefined {
  return thrown instanceof pg.DatabaseError ? thrown.code : undefined;
}
