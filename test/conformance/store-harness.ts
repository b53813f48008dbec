import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Change, Key, WatchEvent } from '../../hub/store/contract.ts';
import {
  type DurableStore,
  openStore,
  type StoreConfig,
  type StoreDependencies,
} from '../../hub/store/open.ts';
import type { TestPostgres } from '../support/postgres.ts';

/** One place a store lives in; every test gets a fresh one. */
export interface StorePlace {
  /** Opens the store there; every opened one is closed by {@link StorePlace.remove}. */
  open(how?: Partial<StoreDependencies> & { readonly eventsKept?: number }): Promise<DurableStore>;
  /** Every file the store and its engine keep. */
  files(): Promise<readonly { readonly path: string; readonly bytes: Buffer }[]>;
  /** Changes stored rows behind the store's back. */
  tamper(statement: string): Promise<void>;
  remove(): Promise<void>;
}

/** A clock the test moves. */
export interface TestClock {
  now: number;
}

export type Create = Extract<Change, { type: 'create' }>;
export type Update = Extract<Change, { type: 'update' }>;

export const ACTOR = { id: 'token/tester', display: 'the tester', address: '192.0.2.77' } as const;
export const TEST_KEK = randomBytes(32);
const random = (length: number): Uint8Array => randomBytes(length);

export async function sqlitePlace(): Promise<StorePlace> {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-store-'));
  const file = join(folder, 'store.db');
  return place(
    { kind: 'sqlite', file },
    folder,
    async (statement) => {
      const { default: Libsql } = await import('libsql');
      const database = new Libsql(file, { timeout: 5_000 });
      database.exec(statement);
      database.close();
    },
    () => rm(folder, { recursive: true, force: true }),
  );
}

export async function postgresPlace(server: TestPostgres): Promise<StorePlace> {
  const { query } = await import('../support/postgres.ts');
  const url = await server.createDatabase();
  return place(
    { kind: 'postgres', url },
    server.dataDirectory,
    (statement) => query(url, statement),
    async () => {},
  );
}

function place(
  config: StoreConfig,
  folder: string,
  tamper: StorePlace['tamper'],
  clean: () => Promise<void>,
): StorePlace {
  const opened: DurableStore[] = [];
  return {
    open: async ({ eventsKept, ...dependencies } = {}) => {
      const withEvents = eventsKept === undefined ? config : { ...config, eventsKept };
      const store = await openStore(withEvents, {
        kek: TEST_KEK,
        wallClock: Date.now,
        random,
        ...dependencies,
      });
      opened.push(store);
      return store;
    },
    files: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const paths = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      // One after the other: a server has more files than a process may open.
      const files: { readonly path: string; readonly bytes: Buffer }[] = [];
      for (const path of paths) files.push({ path, bytes: await readFile(path) });
      return files;
    },
    tamper,
    remove: async () => {
      await Promise.all(opened.map((store) => store.close()));
      await clean();
    },
  };
}

export function clusterKey(name: string, namespace = 'default'): Key<'Cluster'> {
  return { kind: 'Cluster', namespace, name };
}

export function secretKey(name: string, namespace = 'default'): Key<'Secret'> {
  return { kind: 'Secret', namespace, name };
}

export function createCluster(
  name: string,
  more: {
    readonly namespace?: string;
    readonly country?: string;
    readonly finalizers?: readonly string[];
  } = {},
): Change {
  const { namespace = 'default', country = 'DE', ...rest } = more;
  return {
    type: 'create',
    key: clusterKey(name, namespace),
    spec: { location: { country }, addresses: [] },
    ...rest,
  };
}

export function updateCluster(
  name: string,
  country: string,
  more: { readonly resourceVersion?: string } = {},
): Update {
  return { type: 'update', key: clusterKey(name), spec: { location: { country }, addresses: [] }, ...more };
}

export function createSecret(name: string, stringData: Readonly<Record<string, string>>): Create {
  return { type: 'create', key: secretKey(name), spec: { stringData } };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The next `count` events; ends the watch then. */
export async function take(events: AsyncIterable<WatchEvent>, count: number): Promise<readonly WatchEvent[]> {
  const taken: WatchEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

/** `added Cluster a`, to read what a watch saw. */
export function summary(events: readonly WatchEvent[]): readonly string[] {
  return events.map(({ type, object }) => `${type} ${object.kind} ${object.metadata.name}`);
}
