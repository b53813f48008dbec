import type { Kysely } from 'kysely';
import type { SqlDialect, Work } from './database.ts';
import type { Tables } from './schema.ts';

/** GeoIP databases that a hub took in, where every hub of the store finds them. Named by their SHA-256, hex. */
export interface GeoFileStore {
  /** Replaces one that was not written to its end. CONFLICT when this hub's epoch is no longer the store's. */
  put(sha256: string, bytes: Uint8Array): Promise<void>;
  /** Its octets, maybe not all; who reads compares the SHA-256. `undefined`: there is none. */
  read(sha256: string): Promise<Uint8Array | undefined>;
  /** Removes all others. */
  keepOnly(wanted: ReadonlySet<string>): Promise<void>;
}

export interface GeoFileRow {
  readonly sha256: string;
  /** From 0. */
  readonly part: number;
  readonly content: Uint8Array;
}

/** Only where several hubs can be: SQLite has one, with files of its own. */
export function geoFileTables(dialect: SqlDialect): readonly string[] {
  if (dialect !== 'postgres') return [];
  return [
    `create table geo_files (
      sha256 text collate "C", part bigint not null, content bytea not null, primary key (sha256, part))`,
  ];
}

/** A world has 60 to 130 MB: other writes of the hub go on between its parts, and no statement needs much memory. */
const PART_OCTETS = 1024 * 1024;

interface Access {
  readonly read: <T>(work: Work<T>) => Promise<T>;
  /** While this hub leads. */
  readonly write: <T>(work: (tx: Kysely<Tables>) => Promise<T>) => Promise<T>;
}

export function createGeoFileStore({ read, write }: Access): GeoFileStore {
  return {
    async put(sha256, bytes) {
      await write((tx) => tx.deleteFrom('geo_files').where('sha256', '=', sha256).execute());
      for (let part = 0; part * PART_OCTETS < bytes.length; part += 1) {
        const content = Buffer.from(bytes.subarray(part * PART_OCTETS, (part + 1) * PART_OCTETS));
        await write((tx) => tx.insertInto('geo_files').values({ sha256, part, content }).execute());
      }
    },
    async read(sha256) {
      const parts: Uint8Array[] = [];
      for (;;) {
        const row = await read((db) =>
          db
            .selectFrom('geo_files')
            .select('content')
            .where('sha256', '=', sha256)
            .where('part', '=', parts.length)
            .executeTakeFirst(),
        );
        if (row === undefined) return parts.length === 0 ? undefined : Buffer.concat(parts);
        parts.push(row.content);
      }
    },
    async keepOnly(wanted) {
      await write((tx) => {
        const all = tx.deleteFrom('geo_files');
        return (wanted.size === 0 ? all : all.where('sha256', 'not in', [...wanted])).execute();
      });
    },
  };
}
