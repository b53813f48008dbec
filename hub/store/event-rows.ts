import { type Kysely, sql } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import type { WatchEvent } from './contract.ts';
import { decodeObject } from './objects.ts';
import type { EventRow, Tables } from './schema.ts';
import { readState } from './state.ts';
import type { Cursor, EventPage, LoggedEvent } from './watch.ts';

/** Call it in a snapshot: the events and the bounds must belong together. */
export async function readPage(db: Kysely<Tables>, cursor: Cursor, limit: number): Promise<EventPage> {
  const state = await readState(db);
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where(sql<boolean>`(revision, position) > (${cursor.revision}, ${cursor.position})`)
    .orderBy('revision')
    .orderBy('position')
    .limit(limit)
    .execute();
  return { events: rows.map(eventOf), revision: state.revision, compactedRevision: state.compacted_revision };
}

function eventOf(row: EventRow): LoggedEvent {
  return {
    position: row.position,
    event: { type: typeOf(row.type), revision: row.revision, object: decodeObject(row.body) },
  };
}

function typeOf(text: string): WatchEvent['type'] {
  if (text === 'added' || text === 'modified' || text === 'deleted') return text;
  throw new PortolanError(
    'STORE_CORRUPT',
    `The store holds an event of unknown type ${JSON.stringify(text)}.`,
  );
}
