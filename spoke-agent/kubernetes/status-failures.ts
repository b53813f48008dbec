import { PortolanError } from '../../src/errors/error.ts';
import type { AgentLog } from '../log.ts';

/** A conflict and a server that is busy pass; a failure that says who refuses is told at once. */
const TOLD_AFTER_MS = 2_000;
/** So many objects of one resource that fail, and no success between them: it is not the objects, and they rest together. */
const REST_AFTER = 8;
const LEAST_MS = 1_000;
const MOST_MS = 60_000;
/** Causes of one resource that are told apart: a webhook may put a time into each of its answers. */
const MAX_CAUSES = 8;

/** Objects of one resource that wait together, because none of them was taken. */
interface Rest<Key> {
  readonly held: Set<Key>;
  delayMs: number;
  /** It is tried for all of them. */
  trying: Key | undefined;
}

interface Failing {
  readonly tries: number;
  readonly sinceMs: number;
}

interface Book<Key> {
  /** Objects that were not taken. */
  readonly failing: Map<Key, Failing>;
  /** By cause, the first message that had it. */
  readonly causes: Map<string, string>;
  cause: string | undefined;
  /** Failures since the last success, and when they began. */
  inARow: number;
  sinceMs: number;
  rest: Rest<Key> | undefined;
}

/**
 * Writes that an API server did not take: what is told of them, and when they are tried again. An object that is refused alone is tried again later and
 * later. When nothing of a resource is taken (a webhook that is away), one object is tried for all of them, and the first that is taken sets the others free:
 * 5,000 objects do not busy an API server whose webhook takes its ten seconds for each, and other resources keep their turn.
 */
export interface StatusFailures<Key> {
  failed(resource: string, key: Key, thrown: unknown): void;
  taken(resource: string, key: Key): void;
  /** There is nothing to write any more. */
  settled(resource: string, key: Key): void;
  /** True: it waits with the others of its resource, and comes back by itself. */
  holds(resource: string, key: Key): boolean;
  /** Why objects have no status, by the plural name of their resource. */
  readonly problems: ReadonlyMap<string, string>;
  /** Objects that wait to be tried again. */
  readonly waiting: number;
}

export function createStatusFailures<Key extends string>(options: {
  /** To be looked at again. */
  readonly again: (key: Key) => void;
  /** Tries this one, although its resource rests; false: there is nothing to write. */
  readonly tryOne: (key: Key) => boolean;
  /** The server as a whole does not answer, which is told elsewhere. */
  readonly serverAway: () => boolean;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => void;
  readonly log: Pick<AgentLog, 'warn' | 'info'>;
}): StatusFailures<Key> {
  const { log } = options;
  const books = new Map<string, Book<Key>>();

  function bookOf(resource: string): Book<Key> {
    const known = books.get(resource);
    if (known !== undefined) return known;
    const book: Book<Key> = {
      failing: new Map(),
      causes: new Map(),
      cause: undefined,
      inARow: 0,
      sinceMs: 0,
      rest: undefined,
    };
    books.set(resource, book);
    return book;
  }

  function sleep(resource: string, book: Book<Key>, rest: Rest<Key>): void {
    rest.trying = undefined;
    options.after(rest.delayMs, () => {
      if (book.rest === rest) tryNext(resource, book, rest);
    });
    rest.delayMs = Math.min(rest.delayMs * 2, MOST_MS);
  }

  function tryNext(resource: string, book: Book<Key>, rest: Rest<Key>): void {
    for (const key of rest.held) {
      rest.held.delete(key);
      rest.trying = key;
      if (options.tryOne(key)) return;
      rest.trying = undefined;
      forget(resource, book, key);
    }
    book.rest = undefined;
    book.inARow = 0;
  }

  function forget(resource: string, book: Book<Key>, key: Key): void {
    if (!book.failing.delete(key) || book.failing.size > 0) return;
    if (book.causes.size > 0) log.info({ resource }, 'statuses are written again');
    book.causes.clear();
    book.cause = undefined;
  }

  function tell(book: Book<Key>, key: Key, err: PortolanError): void {
    // What differs from object to object is not another cause.
    const name = key.slice(key.search(/[ /][^ /]*$/) + 1);
    const cause = err.message.slice(err.message.indexOf(': ') + 2).replaceAll(name, '*');
    if (!book.causes.has(cause)) {
      if (book.causes.size >= MAX_CAUSES) return;
      book.causes.set(cause, `${err.message}; ${err.fix}`);
      log.warn(
        { err, object: key },
        'the status of an object in Kubernetes cannot be written; it is tried again',
      );
    }
    book.cause = cause;
  }

  return {
    failed(resource, key, thrown) {
      const err = PortolanError.from(thrown);
      const book = bookOf(resource);
      const nowMs = options.monotonicMs();
      const before = book.failing.get(key) ?? { tries: 0, sinceMs: nowMs };
      const tries = before.tries + 1;
      book.failing.set(key, { tries, sinceMs: before.sinceMs });
      if (book.inARow === 0) book.sinceMs = nowMs;
      book.inARow += 1;
      const hasReason = err.code !== 'KUBERNETES_UNAVAILABLE' && err.code !== 'KUBERNETES_CONFLICT';
      const lastsMs = nowMs - Math.min(before.sinceMs, book.sinceMs);
      if (hasReason || (lastsMs >= TOLD_AFTER_MS && !options.serverAway())) tell(book, key, err);
      const { rest } = book;
      if (rest !== undefined) {
        rest.held.add(key);
        if (rest.trying === key) sleep(resource, book, rest);
      } else if (book.inARow < REST_AFTER || book.failing.size < REST_AFTER)
        options.after(Math.min(LEAST_MS * 2 ** (tries - 1), MOST_MS), () => options.again(key));
      else {
        book.rest = { held: new Set([key]), delayMs: LEAST_MS, trying: undefined };
        sleep(resource, book, book.rest);
      }
    },
    taken(resource, key) {
      const book = books.get(resource);
      if (book === undefined) return;
      forget(resource, book, key);
      book.inARow = 0;
      const held = book.rest?.held ?? [];
      book.rest = undefined;
      for (const one of held) options.again(one);
    },
    settled(resource, key) {
      const book = books.get(resource);
      if (book === undefined) return;
      forget(resource, book, key);
      if (book.rest?.trying === key) tryNext(resource, book, book.rest);
    },
    holds(resource, key) {
      const rest = books.get(resource)?.rest;
      if (rest === undefined || rest.trying === key) return false;
      rest.held.add(key);
      return true;
    },
    get problems() {
      return new Map(
        [...books].flatMap(([resource, book]) => {
          const message = book.cause === undefined ? undefined : book.causes.get(book.cause);
          if (message === undefined) return [];
          const count = waitingOf(book);
          return [[resource, count === 1 ? message : `${message} (${count} objects wait)`]];
        }),
      );
    },
    get waiting() {
      return [...books.values()].reduce((sum, book) => sum + waitingOf(book), 0);
    },
  };
}

function waitingOf<Key>({ failing, rest }: Book<Key>): number {
  let fresh = 0;
  for (const key of rest?.held ?? []) if (!failing.has(key)) fresh += 1;
  return failing.size + fresh;
}
