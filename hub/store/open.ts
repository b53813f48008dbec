import { PortolanError } from '../../src/errors/error.ts';
import type { RandomBytes } from '../../src/identity/envelope.ts';
import type { Store } from './contract.ts';
import type { Database } from './database.ts';
import { migrate } from './migrations.ts';
import { SqlStore } from './sql-store.ts';
import { takeEpoch } from './state.ts';
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
}

/** A {@link Store} that can also change its key-encryption key. */
export interface DurableStore extends Store {
  /** Re-wraps every data key; see {@link SqlStore.rotateKey}. */
  rotateKey(current: Uint8Array, next: Uint8Array): Promise<{ readonly secrets: number }>;
}

/**
 * Opens (at first: makes) the store, brings its schema up to date and takes the next epoch.
 * Throws KEY_WRONG, STORE_CORRUPT, STORE_TOO_NEW, STORE_UNAVAILABLE or DISK_FULL.
 */
export async function openStore(config: StoreConfig, dependencies: StoreDependencies): Promise<DurableStore> {
  if (config.kind === 'sqlite') await checkStoreMarker(config.file);
  const database = await openDatabase(config);
  try {
    const nowIso = new Date(dependencies.wallClock()).toISOString();
    const opened = await database.write(async (tx) => {
      await migrate(tx, database.dialect, nowIso);
      return takeEpoch(tx, database.dialect, dependencies.kek, dependencies.random);
    });
    if (config.kind === 'sqlite') await writeStoreMarker(config.file);
    const { eventsKept = EVENTS_KEPT, eventOctetsKept = EVENT_OCTETS_KEPT } = config;
    return new SqlStore(database, opened, { ...dependencies, eventsKept, eventOctetsKept });
  } catch (error) {
    await database.close();
    throw PortolanError.from(error);
  }
}

/** Each engine's library is loaded only when it is used: an idle hub stays small. */
async function openDatabase(config: StoreConfig): Promise<Database> {
  switch (config.kind) {
    case 'sqlite':
      return (await import('./sqlite.ts')).openSqlite(config);
    case 'postgres':
      return (await import('./postgres.ts')).openPostgres(config.url);
  }
}
