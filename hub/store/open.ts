import type { Kysely } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import type { RandomBytes } from '../../src/identity/envelope.ts';
import type { Store } from './contract.ts';
import type { Database } from './database.ts';
import type { GeoFileStore } from './geo-files.ts';
import { migrate, schemaVersion } from './migrations.ts';
import type { PublicationStore } from './publication.ts';
import type { Tables } from './schema.ts';
import { SqlStore, type StoreRole } from './sql-store.ts';
import { makeStateOnce, type OpenedState, readOpened, takeEpoch } from './state.ts';
import { checkStoreMarker, writeStoreMarker } from './store-marker.ts';

const EVENTS_KEPT = 10_000;
const EVENT_OCTETS_KEPT = 256 * 1024 * 1024;

export type StoreConfig = (
  | {
      readonly kind: 'sqlite';
      /** Path of the database file; its folder must exist. */
      readonly file: string;
      /** Largest size of the file in pages of 4,096 bytes; unset = the disk's. */
      readonly maxPages?: number;
    }
  | {
      readonly kind: 'postgres';
      /** `postgres://user:password@host:port/database`. */
      readonly url: string;
    }
) & {
  /** Revisions whose events stay for watchers. Default 10,000. */
  readonly eventsKept?: number;
  /** Octets of their objects, about: when fewer revisions have as many, only these stay. Default 256 MiB. */
  readonly eventOctetsKept?: number;
};

export interface StoreDependencies {
  /** Key-encryption key, 32 bytes. */
  readonly kek: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly wallClock: () => number;
  /** Cryptographically secure. */
  readonly random: RandomBytes;
  /**
   * Every write of this store is refused with CONFLICT once another hub took a higher epoch, and this is told of the first one that
   * is. Absent: only writes that name an epoch are.
   */
  readonly onOvertaken?: (reason: string) => void;
  /** In the transaction that takes the epoch, before it: rejects when this hub must not. */
  readonly mayLead?: (tx: Kysely<Tables>) => Promise<void>;
}

/** A {@link Store} that can also change its key-encryption key. */
export interface DurableStore extends Store {
  /** What a leading hub publishes for those that stand by; only in PostgreSQL. */
  readonly publication: PublicationStore;
  /** GeoIP databases for all hubs of the store; `undefined` in SQLite, which one hub has for itself. */
  readonly geoFiles: GeoFileStore | undefined;
  /** Re-wraps every data key; see {@link SqlStore.rotateKey}. */
  rotateKey(current: Uint8Array, next: Uint8Array): Promise<{ readonly secrets: number }>;
}

/**
 * Opens (at first: makes) the store, brings its schema up to date and takes the next epoch.
 * Throws KEY_WRONG, STORE_CORRUPT, STORE_TOO_NEW, STORE_UNAVAILABLE or DISK_FULL.
 */
export async function openStore(config: StoreConfig, dependencies: StoreDependencies): Promise<DurableStore> {
  const { kek, random, onOvertaken, mayLead } = dependencies;
  return opened(
    config,
    dependencies,
    onOvertaken === undefined ? { kind: 'any' } : { kind: 'leader', onOvertaken },
    (database) =>
      database.write(async (tx) => {
        await migrate(tx, database.dialect, nowOf(dependencies));
        await mayLead?.(tx);
        return takeEpoch(tx, database.dialect, kek, random);
      }),
  );
}

/**
 * As {@link openStore}, but takes no epoch from the hub that leads: for what prepares a hub (its first token). Makes the schema of an
 * empty store, and leaves an older one as it is.
 */
export async function openStoreBeside(
  config: StoreConfig,
  dependencies: StoreDependencies,
): Promise<DurableStore> {
  if (config.kind === 'sqlite') return openStore(config, dependencies);
  return opened(config, dependencies, { kind: 'any' }, async (database) => {
    if ((await database.read(schemaVersion)) === 0)
      await database.write(async (tx) => {
        await migrate(tx, database.dialect, nowOf(dependencies));
        await makeStateOnce(tx, dependencies.kek, dependencies.random);
      });
    return database.read((db) => readOpened(db, dependencies.kek));
  });
}

/**
 * The store as a hub that stands by has it: it reads, and everything it would write is refused with NOT_LEADER, save the notes of when
 * tokens were used. Changes no schema. NOT_READY while no hub has made one yet.
 */
export async function openReplica(
  config: StoreConfig,
  dependencies: StoreDependencies,
): Promise<DurableStore> {
  return opened(config, dependencies, { kind: 'replica' }, async (database) => {
    if ((await database.read(schemaVersion)) === 0)
      throw new PortolanError('NOT_READY', 'no hub has led on this database yet');
    return database.read((db) => readOpened(db, dependencies.kek));
  });
}

async function opened(
  config: StoreConfig,
  dependencies: StoreDependencies,
  role: StoreRole,
  open: (database: Database) => Promise<OpenedState>,
): Promise<DurableStore> {
  if (config.kind === 'sqlite') await checkStoreMarker(config.file);
  const database = await openDatabase(config);
  try {
    const state = await open(database);
    if (config.kind === 'sqlite') await writeStoreMarker(config.file);
    const { eventsKept = EVENTS_KEPT, eventOctetsKept = EVENT_OCTETS_KEPT } = config;
    return new SqlStore(database, state, { ...dependencies, eventsKept, eventOctetsKept, role });
  } catch (error) {
    await database.close();
    throw PortolanError.from(error);
  }
}

const nowOf = ({ wallClock }: StoreDependencies): string => new Date(wallClock()).toISOString();

/** Each engine's library is loaded only when it is used: an idle hub stays small. */
async function openDatabase(config: StoreConfig): Promise<Database> {
  switch (config.kind) {
    case 'sqlite':
      return (await import('./sqlite.ts')).openSqlite(config);
    case 'postgres':
      return (await import('./postgres.ts')).openPostgres(config.url);
  }
}
