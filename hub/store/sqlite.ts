import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely';
import Libsql from 'libsql';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { type Database, transact, type Work } from './database.ts';
import type { Tables } from './schema.ts';
import { Turn } from './turn.ts';

/** Prepared statements kept; the store has about fifty different ones. */
const STATEMENTS_KEPT = 200;
/** How long a writer waits for another process, such as a backup, before it gives up. */
const BUSY_TIMEOUT_MS = 5_000;
/** How long of that a single call may block this thread. */
const BUSY_BLOCK_MS = 20;

export interface SqliteOptions {
  readonly file: string;
  /** Upper bound of the file in pages of 4,096 bytes; unset = the disk's. */
  readonly maxPages?: number;
}

/**
 * An SQLite file in WAL mode with synchronous=FULL: every commit is fsynced before it resolves. One connection; the
 * calls are synchronous and take their turn in order of arrival.
 */
export function openSqlite(options: SqliteOptions): Database {
  const connection = openFile(options);
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new LibsqlDriver(connection),
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  const guarded = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      throw sqliteError(error, options.file);
    }
  };
  const read = <T>(work: Work<T>) => guarded(() => db.connection().execute(work));
  return {
    dialect: 'sqlite',
    read,
    snapshot: read, // nobody else gets the connection meanwhile
    write: (work, how) => guarded(() => transact(db, work, how?.rollBack === true)),
    close: () => guarded(() => db.destroy()),
  };
}

function openFile(options: SqliteOptions): Libsql.Database {
  let connection: Libsql.Database | undefined;
  try {
    connection = new Libsql(options.file, { timeout: BUSY_TIMEOUT_MS });
    connection.pragma('journal_mode = WAL');
    connection.pragma('synchronous = FULL');
    connection.pragma('foreign_keys = ON');
    // Freed pages are overwritten, so that a removed secret's old ciphertext does not linger.
    connection.pragma('secure_delete = ON');
    connection.pragma('cache_size = -8192');
    // What a transaction changed is written once, when it ends: keys by the thousand touch far more pages than the cache holds.
    connection.pragma('cache_spill = OFF');
    connection.pragma('journal_size_limit = 8388608');
    connection.pragma(`busy_timeout = ${BUSY_BLOCK_MS}`);
    if (options.maxPages !== undefined) connection.pragma(`max_page_count = ${options.maxPages}`);
    return connection;
  } catch (error) {
    connection?.close();
    throw sqliteError(error, options.file);
  }
}

/** Result code of SQLite (https://www.sqlite.org/rescode.html) → ours. */
export function sqliteError(thrown: unknown, file: string): PortolanError {
  if (thrown instanceof PortolanError) return thrown;
  const code = sqliteCode(thrown);
  if (code === undefined) return PortolanError.from(thrown);
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new PortolanError('STORE_CORRUPT', `The store file ${file} is damaged.`, { cause: thrown });
  }
  // Growing the shared-memory file reports a full disk as an input/output error.
  if (code === 'SQLITE_FULL' || (code.startsWith('SQLITE_IOERR') && isVolumeFull(file))) {
    return new PortolanError('DISK_FULL', `No space left for ${file}; nothing was written.`, {
      cause: thrown,
      fix: `Free space on the volume of ${dirname(file)}, then repeat.`,
    });
  }
  if (/^SQLITE_(IOERR|BUSY|LOCKED|CANTOPEN|READONLY|PERM)/.test(code)) {
    return new PortolanError(
      'STORE_UNAVAILABLE',
      `The store file ${file} cannot be used: ${messageOf(thrown)}.`,
      {
        cause: thrown,
        fix: `Check that ${dirname(file)} exists, is writable and its disk works; the write was not acknowledged.`,
      },
    );
  }
  return new PortolanError('INTERNAL', `The store failed: ${messageOf(thrown)}.`, { cause: thrown });
}

function sqliteCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (!('code' in thrown) || typeof thrown.code !== 'string') return undefined;
  // libsql reports a file that cannot be opened at all with an empty code.
  return thrown.code === '' ? 'SQLITE_CANTOPEN' : thrown.code;
}

function isVolumeFull(file: string): boolean {
  try {
    const volume = statfsSync(dirname(file));
    return volume.bavail * volume.bsize < 1 << 20;
  } catch {
    return false;
  }
}

class LibsqlDriver implements Driver {
  readonly #database: Libsql.Database;
  readonly #connection: LibsqlConnection;
  readonly #turn = new Turn();

  constructor(database: Libsql.Database) {
    this.#database = database;
    this.#connection = new LibsqlConnection(database);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#turn.take();
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    this.#turn.pass();
  }

  async beginTransaction(_connection: DatabaseConnection, _settings: TransactionSettings): Promise<void> {
    const deadline = performance.now() + BUSY_TIMEOUT_MS;
    for (;;) {
      try {
        this.#database.exec('BEGIN IMMEDIATE');
        return;
      } catch (error) {
        if (sqliteCode(error) !== 'SQLITE_BUSY' || performance.now() > deadline) throw error;
        await delay(1);
      }
    }
  }

  async commitTransaction(): Promise<void> {
    this.#database.exec('COMMIT');
  }

  async rollbackTransaction(): Promise<void> {
    // A full disk makes SQLite roll back by itself.
    if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
  }

  async destroy(): Promise<void> {
    await this.#turn.take();
    this.#connection.forgetStatements();
    try {
      // libsql lets go of the file only when its statements are collected; until then the log would stay beside it.
      this.#database.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // A full disk has no room to merge the log; it stays, with all that was acknowledged, and the next open reads it.
    }
    this.#database.close();
  }
}

class LibsqlConnection implements DatabaseConnection {
  readonly #database: Libsql.Database;
  readonly #statements = new Map<string, Libsql.Statement<unknown[]>>();

  constructor(database: Libsql.Database) {
    this.#database = database;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const statement = this.#prepare(query.sql);
    if (statement.reader) {
      // The row type is what the caller's query builder says; the driver cannot know it.
      return { rows: statement.all(query.parameters) as R[] };
    }
    const { changes } = statement.run(query.parameters);
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  // biome-ignore lint/correctness/useYield: refusing is all it does
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new PortolanError('UNSUPPORTED', 'The store reads pages, it does not stream.');
  }

  forgetStatements(): void {
    this.#statements.clear();
  }

  #prepare(text: string): Libsql.Statement<unknown[]> {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    if (this.#statements.size >= STATEMENTS_KEPT) this.#statements.clear();
    const statement = this.#database.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }
}
