import { type Kysely, sql } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import { unwrapKey, wrapKey } from '../../src/identity/envelope.ts';
import type { SqlDialect, Work } from './database.ts';
import type { StateRow, Tables } from './schema.ts';
import type { Sealer } from './secrets.ts';

/** What the leading hub publishes for those that stand by: the content in parts, and the states that hold. */
export interface PublicationStore {
  /** Digests of the parts that are there, by name. */
  parts(): Promise<ReadonlyMap<string, string>>;
  /**
   * Writes what is new, in one transaction. CONFLICT when this hub's epoch is no longer the store's.
   * @param write.content left out: only the states are others
   */
  put(write: {
    readonly content?: {
      /** Content sequence. */
      readonly sequence: number;
      readonly changed: readonly PublishedPart[];
      readonly removed: readonly string[];
    };
    /** JSON; left out: they are as they were. */
    readonly states?: string;
  }): Promise<void>;
  /** What changed since a reading; `undefined`: nothing is published yet. */
  read(since: PublicationPlace): Promise<PublicationReading | undefined>;
}

export interface PublishedPart {
  readonly name: string;
  /** Says whether it is the same; the writer's own. */
  readonly digest: string;
  /** JSON. */
  readonly body: string;
  /** Encrypted at rest by the key-encryption key. */
  readonly sealed?: boolean;
}

/** Where a reader stands; zeros at first. */
export interface PublicationPlace {
  readonly contentVersion: number;
  readonly statesVersion: number;
}

export interface PublicationReading extends PublicationPlace {
  readonly epoch: number;
  readonly sequence: number;
  /** Absent: as it was. */
  readonly content?: { readonly names: ReadonlySet<string>; readonly changed: ReadonlyMap<string, string> };
  /** Absent: as they were. */
  readonly states?: string;
  /** Milliseconds since the states were written, by the database's clock. */
  readonly statesAgeMs: number;
}

export interface PublicationRow {
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
  /** Grows with every change of a part, over all epochs. */
  readonly content_version: number;
  readonly states_version: number;
  readonly states: string;
  /** Milliseconds since 1970, by the database's clock. */
  readonly states_at_ms: number;
}

export interface PublicationPartRow {
  readonly name: string;
  readonly digest: string;
  readonly body: string;
  /** `content_version` of its last change. */
  readonly version: number;
  readonly sealed: number;
}

/** Only where several hubs can be: SQLite has one. */
export function publicationTables(dialect: SqlDialect): readonly string[] {
  if (dialect !== 'postgres') return [];
  return [
    `create table publication (
      id bigint primary key check (id = 1), epoch bigint not null, sequence bigint not null, content_version bigint not null,
      states_version bigint not null, states text not null, states_at_ms bigint not null)`,
    `create table publication_parts (
      name text collate "C" primary key, digest text not null, body text not null, version bigint not null,
      sealed bigint not null)`,
    'create index publication_parts_by_version on publication_parts (version)',
  ];
}

const PURPOSE = 'publication';

interface Access {
  readonly read: <T>(work: Work<T>) => Promise<T>;
  readonly snapshot: <T>(work: Work<T>) => Promise<T>;
  /** Holds the state row, which says that this hub leads. */
  readonly leading: <T>(work: (tx: Kysely<Tables>, state: StateRow) => Promise<T>) => Promise<T>;
  readonly sealer: () => Sealer;
}

const databaseNowMs = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

export function createPublicationStore(access: Access): PublicationStore {
  return {
    async parts() {
      const rows = await access.read((db) =>
        db.selectFrom('publication_parts').select(['name', 'digest']).execute(),
      );
      return new Map(rows.map(({ name, digest }) => [name, digest]));
    },
    put: ({ content, states }) =>
      access.leading(async (tx, { epoch }) => {
        const before = await tx.selectFrom('publication').selectAll().where('id', '=', 1).executeTakeFirst();
        const contentVersion = (before?.content_version ?? 0) + (content === undefined ? 0 : 1);
        if (content !== undefined) await writeParts(tx, content, contentVersion, access.sealer());
        const next = {
          epoch,
          sequence: content?.sequence ?? before?.sequence ?? 0,
          content_version: contentVersion,
          states_version: (before?.states_version ?? 0) + (states === undefined ? 0 : 1),
          states: states ?? before?.states ?? '',
        };
        await tx
          .insertInto('publication')
          .values({ id: 1, ...next, states_at_ms: databaseNowMs })
          .onConflict((conflict) =>
            conflict
              .column('id')
              .doUpdateSet(states === undefined ? next : { ...next, states_at_ms: databaseNowMs }),
          )
          .execute();
        // Delivered at the commit; who does not listen looks by itself every half second.
        await sql`select pg_notify('portolan_hub', 'published')`.execute(tx);
      }),
    read: (since) =>
      access.snapshot(async (db) => {
        const head = await db
          .selectFrom('publication')
          .select(['epoch', 'sequence', 'content_version', 'states_version', 'states_at_ms'])
          .select(databaseNowMs.as('now_ms'))
          .where('id', '=', 1)
          .executeTakeFirst();
        if (head === undefined) return undefined;
        const content =
          head.content_version === since.contentVersion
            ? {}
            : { content: await readParts(db, since.contentVersion, access.sealer()) };
        const states =
          head.states_version === since.statesVersion
            ? {}
            : await db
                .selectFrom('publication')
                .select('states')
                .where('id', '=', 1)
                .executeTakeFirstOrThrow();
        return {
          epoch: head.epoch,
          sequence: head.sequence,
          contentVersion: head.content_version,
          statesVersion: head.states_version,
          statesAgeMs: Math.max(0, head.now_ms - head.states_at_ms),
          ...content,
          ...states,
        };
      }),
  };
}

async function writeParts(
  tx: Kysely<Tables>,
  { changed, removed }: { readonly changed: readonly PublishedPart[]; readonly removed: readonly string[] },
  version: number,
  { hubUid, kek, random }: Sealer,
): Promise<void> {
  if (removed.length > 0) await tx.deleteFrom('publication_parts').where('name', 'in', removed).execute();
  for (const part of changed) {
    const sealed = part.sealed === true;
    const row = {
      digest: part.digest,
      body: sealed
        ? wrapKey(Buffer.from(part.body, 'utf8'), `${PURPOSE} ${part.name}`, hubUid, kek, random)
        : part.body,
      version,
      sealed: sealed ? 1 : 0,
    };
    await tx
      .insertInto('publication_parts')
      .values({ name: part.name, ...row })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
      .execute();
  }
}

async function readParts(
  db: Kysely<Tables>,
  since: number,
  { hubUid, kek }: Sealer,
): Promise<NonNullable<PublicationReading['content']>> {
  const names = await db.selectFrom('publication_parts').select('name').execute();
  const rows = await db.selectFrom('publication_parts').selectAll().where('version', '>', since).execute();
  const changed = new Map<string, string>();
  for (const { name, body, sealed } of rows) {
    if (sealed === 0) {
      changed.set(name, body);
      continue;
    }
    const plain = unwrapKey(body, `${PURPOSE} ${name}`, hubUid, kek);
    if (plain === undefined)
      throw new PortolanError('KEY_WRONG', 'what the leading hub published is sealed with another key');
    changed.set(name, Buffer.from(plain).toString('utf8'));
  }
  return { names: new Set(names.map(({ name }) => name)), changed };
}
