import { PortolanError } from '../../src/errors/error.ts';
import type { Kind } from '../../src/resources/catalogue.ts';
import type { PlacedEvent, WatchEvent } from './contract.ts';
import { withSpecOf } from './objects.ts';

/** Events kept in memory for all watchers together; who is further behind reads the store. */
const RECENT_KEPT = 1_000;
const PAGE = 200;

/** A place in the log: a commit's revision and the position inside it. */
export interface Cursor {
  readonly revision: number;
  readonly position: number;
}

export interface LoggedEvent {
  readonly position: number;
  readonly event: WatchEvent;
}

/** Reads the stored log. */
export interface EventSource {
  /** Events after `cursor` in order, at most `limit`; and the newest and the last compacted revision. */
  page(cursor: Cursor, limit: number): Promise<EventPage>;
}

export interface EventPage {
  readonly events: readonly LoggedEvent[];
  readonly revision: number;
  readonly compactedRevision: number;
}

export interface WatchOptions {
  readonly fromRevision: number;
  readonly fromPosition?: number;
  readonly kind?: Kind;
  readonly namespace?: string;
  readonly signal: AbortSignal;
}

/**
 * Fan-out of committed events. A watcher holds only a cursor: near the head it reads the shared window in memory,
 * further behind the store's log. So nothing is buffered per watcher, and one that is slower than the compaction is
 * cut with WATCH_EXPIRED.
 */
export class EventLog {
  readonly #source: EventSource;
  readonly #recent: LoggedEvent[] = [];
  /** The window holds every event after this. */
  #floor: Cursor;
  #closed = false;
  #wake: () => void = () => {};
  #woken: Promise<void>;

  constructor(source: EventSource, revision: number) {
    this.#source = source;
    this.#floor = endOf(revision);
    this.#woken = this.#nextWake();
  }

  /** Place of the newest event published here. */
  get head(): Cursor {
    const last = this.#recent.at(-1);
    return last === undefined ? this.#floor : cursorOf(last);
  }

  /** Takes committed events, in the order of their revisions. */
  publish(events: readonly LoggedEvent[]): void {
    if (events.length === 0) return;
    for (const logged of events) this.#recent.push(this.#sharingSpec(logged));
    const surplus = this.#recent.splice(0, Math.max(0, this.#recent.length - RECENT_KEPT)).at(-1);
    if (surplus !== undefined) this.#floor = cursorOf(surplus);
    this.#signal();
  }

  /**
   * With the very spec of the event before of the same generation, if the window has one: a zone of many records whose status is
   * written often is in memory once, not once per event.
   */
  #sharingSpec(logged: LoggedEvent): LoggedEvent {
    const { object, type } = logged.event;
    if (type === 'added') return logged;
    const before = this.#recent.findLast(({ event }) => event.object.metadata.uid === object.metadata.uid);
    if (before?.event.object.metadata.generation !== object.metadata.generation) return logged;
    return { ...logged, event: { ...logged.event, object: withSpecOf(object, before.event.object) } };
  }

  /** Events up to `cursor` will not be published: watchers behind it read the store, and learn that they are gone. */
  skipTo(cursor: Cursor): void {
    this.#recent.length = 0;
    this.#floor = cursor;
    this.#signal();
  }

  close(): void {
    this.#closed = true;
    this.#signal();
  }

  async *watch(options: WatchOptions): AsyncGenerator<PlacedEvent, void> {
    if (options.signal.aborted || this.#closed) return;
    const { fromRevision, fromPosition } = options;
    let cursor =
      fromPosition === undefined ? endOf(fromRevision) : { revision: fromRevision, position: fromPosition };
    await this.#assertKnown(cursor);
    // Waking everybody is cheap, and no promise that outlives a turn collects waiters.
    const wakeUp = () => this.#signal();
    options.signal.addEventListener('abort', wakeUp, { once: true });
    try {
      while (!options.signal.aborted && !this.#closed) {
        const woken = this.#woken;
        const batch = await this.#after(cursor);
        cursor = batch.cursor;
        for (const { event, position } of batch.events) {
          if (options.signal.aborted) return;
          if (fits(event, options)) yield { ...event, position };
        }
        if (batch.caughtUp && !options.signal.aborted && !this.#closed) await woken;
      }
    } finally {
      options.signal.removeEventListener('abort', wakeUp);
    }
  }

  async #assertKnown(cursor: Cursor): Promise<void> {
    const { revision } = cursor;
    const page = await this.#source.page(cursor, 0);
    if (revision > page.revision) {
      throw new PortolanError(
        'WATCH_EXPIRED',
        `Revision ${revision} is not known here; the store is at ${page.revision}.`,
      );
    }
    // Compaction takes whole commits: in the middle of one, the rest of it must still be there.
    const isWhole = cursor.position === Number.MAX_SAFE_INTEGER;
    assertKept(isWhole ? revision : revision - 1, page);
  }

  async #after(
    cursor: Cursor,
  ): Promise<{ events: readonly LoggedEvent[]; cursor: Cursor; caughtUp: boolean }> {
    if (!isBefore(cursor, this.#floor)) {
      const from = this.#recent.findLastIndex((logged) => !isBefore(cursor, cursorOf(logged))) + 1;
      const events = this.#recent.slice(from, from + PAGE);
      return { events, cursor: endOfBatch(events, cursor), caughtUp: events.length === 0 };
    }
    // All up to this floor is in the store already, so an empty page means that there is nothing up to it.
    const floor = this.#floor;
    const page = await this.#source.page(cursor, PAGE);
    assertKept(cursor.revision, page);
    const next = page.events.length === 0 ? floor : endOfBatch(page.events, cursor);
    return { events: page.events, cursor: next, caughtUp: false };
  }

  #signal(): void {
    const wake = this.#wake;
    this.#woken = this.#nextWake();
    wake();
  }

  #nextWake(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** After everything of this revision. */
export function endOf(revision: number): Cursor {
  return { revision, position: Number.MAX_SAFE_INTEGER };
}

function cursorOf(logged: LoggedEvent): Cursor {
  return { revision: logged.event.revision, position: logged.position };
}

function endOfBatch(events: readonly LoggedEvent[], otherwise: Cursor): Cursor {
  const last = events.at(-1);
  return last === undefined ? otherwise : cursorOf(last);
}

function isBefore(a: Cursor, b: Cursor): boolean {
  return a.revision < b.revision || (a.revision === b.revision && a.position < b.position);
}

function assertKept(revision: number, page: EventPage): void {
  if (revision >= page.compactedRevision) return;
  throw new PortolanError(
    'WATCH_EXPIRED',
    `Events after revision ${revision} are gone; kept are those after ${page.compactedRevision}.`,
  );
}

function fits(event: WatchEvent, options: WatchOptions): boolean {
  if (options.kind !== undefined && event.object.kind !== options.kind) return false;
  return options.namespace === undefined || event.object.metadata.namespace === options.namespace;
}
