import { createHash } from 'node:crypto';
import { z } from 'zod';
import { forecastOrders, useSentence } from '../../src/certificates/forecast.ts';
import {
  createIssuanceLog,
  type IssuanceEvent,
  type IssuanceLog,
  type OrderOutcome,
} from '../../src/certificates/issuance-log.ts';
import {
  type AskedOrder,
  type CaLimits,
  judgeOrder,
  type LimitVerdict,
  limitsOf,
  WINDOWS_MS,
} from '../../src/certificates/limits.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { IssuerSpec } from '../../src/resources/issuer.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { CertificateKey, Store } from '../store/contract.ts';
import type { OrderForecast } from './parts.ts';

/** What was asked of each CA, and what it still allows. */
export interface Issuance extends OrderForecast {
  /** Reads what was saved. Before, nothing counts. @throws PortolanError STORE_UNAVAILABLE */
  load(nowMs: number): Promise<void>;
  /** What one order would be of the limits of its Issuer. */
  judge(order: AskedOrder, nowMs: number): LimitVerdict;
  /** What these orders would be, one after the other. All of one Issuer. */
  forecast(orders: readonly AskedOrder[], nowMs: number): readonly LimitVerdict[];
  /** Resolves when all that happened is saved, or could not be (which is tried again with what happens next). */
  saved(): Promise<void>;
  readonly stats: { readonly events: number; readonly chunks: number; readonly writeFailures: number };
}

/** Of one chunk: small enough to be written anew with each event, as only the newest is. */
const CHUNK_EVENTS = 100;
const KEEP_MS = Math.max(...Object.values(WINDOWS_MS));

/** A CA counts names and domains over all accounts, so that Issuers with the same directory share a log. */
interface Book {
  readonly digest: string;
  readonly log: IssuanceLog;
  /** Oldest first; the last takes what comes. */
  readonly chunks: Chunk[];
  nextNumber: number;
}

interface Chunk {
  readonly number: number;
  events: IssuanceEvent[];
  /** In the store; 0: not yet. */
  version: number;
  dirty: boolean;
}

const instant = z.number().min(0).max(8.64e15);
const event = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('order'), atMs: instant, account: z.string() }),
  z.object({
    kind: z.literal('certificate'),
    atMs: instant,
    set: z.string(),
    domains: z.array(z.string()).max(100),
  }),
  z.object({ kind: z.literal('failure'), atMs: instant, account: z.string(), name: z.string() }),
]);
const chunkState = z.object({ events: z.array(event).max(CHUNK_EVENTS) });

/** Issuers of all namespaces share it. */
const NAMESPACE = 'portolan';

/**
 * The log of what CAs count, in chunks of which only the newest is ever written again: an event costs some kilobytes however much there is. Where no
 * limit is known nothing is kept. What happens while a write is under way goes with the next.
 */
export function createIssuance(options: {
  readonly store: Pick<Store, 'listCertificates' | 'putCertificates' | 'epoch'>;
  /** As it is now. */
  readonly issuer: (key: ObjectKey) => IssuerSpec | undefined;
  readonly log: { warn(details: object, message: string): void };
}): Issuance {
  const { store, issuer, log } = options;
  const books = new Map<string, Book>();
  let writing: Promise<void> | undefined;
  let again = false;
  let writeFailures = 0;

  function bookOf(order: AskedOrder): { readonly book: Book; readonly limits: CaLimits } | undefined {
    const spec = issuer(order.account);
    if (spec?.acme === undefined) return undefined;
    const limits = limitsOf(spec);
    if (Object.keys(limits).length === 0) return undefined;
    return { book: bookOfDigest(digestOf(spec.acme.directory)), limits };
  }

  function bookOfDigest(digest: string): Book {
    const known = books.get(digest);
    if (known !== undefined) return known;
    const made = { digest, log: createIssuanceLog(), chunks: [], nextNumber: 0 };
    books.set(digest, made);
    return made;
  }

  function keep(book: Book, events: readonly IssuanceEvent[]): void {
    if (events.length === 0) return;
    for (const each of events) {
      let chunk = book.chunks.at(-1);
      if (chunk === undefined || chunk.events.length >= CHUNK_EVENTS) {
        chunk = { number: book.nextNumber, events: [], version: 0, dirty: false };
        book.nextNumber += 1;
        book.chunks.push(chunk);
      }
      chunk.events.push(each);
      chunk.dirty = true;
    }
    write();
  }

  function write(): void {
    if (writing !== undefined) {
      again = true;
      return;
    }
    again = false;
    writing = writeAll()
      .catch((thrown: unknown) => {
        writeFailures += 1;
        log.warn(
          { err: PortolanError.from(thrown) },
          'what was asked of certificate authorities is not saved; it is tried again with what comes next',
        );
      })
      .then(() => {
        writing = undefined;
        if (again) write();
      });
  }

  async function writeAll(): Promise<void> {
    const due = [...books.values()].flatMap((book) =>
      book.chunks.filter((chunk) => chunk.dirty).map((chunk) => ({ book, chunk })),
    );
    const old = [...books.values()].flatMap((book) => overOf(book).map((chunk) => ({ book, chunk })));
    const writes = [
      ...due.map(({ book, chunk }) => ({
        key: keyOf(book, chunk),
        version: chunk.version + 1,
        state: JSON.stringify({ events: chunk.events }),
      })),
      ...old.map(({ book, chunk }) => ({ key: keyOf(book, chunk), version: chunk.version + 1, state: null })),
    ];
    if (writes.length === 0) return;
    for (const { chunk } of due) chunk.dirty = false;
    try {
      await store.putCertificates(writes, { epoch: store.epoch });
    } catch (thrown) {
      for (const { chunk } of due) chunk.dirty = true;
      await readVersions();
      throw thrown;
    }
    for (const { chunk } of due) chunk.version += 1;
    for (const { book, chunk } of old) book.chunks.splice(book.chunks.indexOf(chunk), 1);
  }

  /** Chunks that are full and whose newest event no window reaches; by the newest event known, so that a wrong clock loses nothing. */
  function overOf(book: Book): readonly Chunk[] {
    const newest = book.chunks.at(-1)?.events.at(-1)?.atMs ?? 0;
    return book.chunks
      .slice(0, -1)
      .filter((chunk) => !chunk.dirty && chunk.events.every(({ atMs }) => atMs < newest - KEEP_MS));
  }

  /** After a write that may have happened. */
  async function readVersions(): Promise<void> {
    const stored = new Map(
      (await store.listCertificates('issuance')).map(({ key, version }) => [key.name, version]),
    );
    for (const book of books.values())
      for (const chunk of book.chunks) chunk.version = stored.get(keyOf(book, chunk).name) ?? 0;
  }

  return {
    async load(nowMs) {
      for (const stored of await store.listCertificates('issuance')) {
        const place = placeOf(stored.key);
        const parsed = chunkState.safeParse(parsedJson(stored.state));
        if (place === undefined || !parsed.success) {
          log.warn(
            { name: stored.key.name },
            'a part of what was asked of certificate authorities cannot be read',
          );
          if (place !== undefined) bookOfDigest(place.digest).nextNumber = place.number + 1;
          continue;
        }
        const book = bookOfDigest(place.digest);
        const { events } = parsed.data;
        book.chunks.push({ number: place.number, events, version: stored.version, dirty: false });
        book.nextNumber = Math.max(book.nextNumber, place.number + 1);
        for (const each of events) book.log.add(each);
      }
      for (const book of books.values()) {
        book.chunks.sort((a, b) => a.number - b.number);
        book.log.prune(nowMs);
      }
    },
    judge(order, nowMs) {
      const found = bookOf(order);
      return found === undefined
        ? { atMs: nowMs, uses: [] }
        : judgeOrder(found.limits, found.book.log, order, nowMs);
    },
    mayOrder(order, nowMs) {
      const found = bookOf(order);
      if (found === undefined) return { ok: true };
      const { atMs, uses } = judgeOrder(found.limits, found.book.log, order, nowMs);
      const [fullest] = uses;
      if (atMs <= nowMs || fullest === undefined) return { ok: true };
      return { ok: false, atMs, why: `this ${useSentence(fullest)}` };
    },
    forecast(orders, nowMs) {
      const [first] = orders;
      const found = first === undefined ? undefined : bookOf(first);
      return found === undefined
        ? orders.map(() => ({ atMs: nowMs, uses: [] }))
        : forecastOrders(found.limits, found.book.log, orders, nowMs);
    },
    ordered(order, nowMs) {
      const book = bookOf(order)?.book;
      if (book === undefined) return;
      book.log.prune(nowMs);
      keep(book, book.log.begun(order, nowMs));
    },
    resumed(order, nowMs) {
      bookOf(order)?.book.log.resumed(order, nowMs);
    },
    ended(order: AskedOrder, outcome: OrderOutcome, nowMs) {
      const book = bookOf(order)?.book;
      if (book !== undefined) keep(book, book.log.ended(order, outcome, nowMs));
    },
    async saved() {
      while (writing !== undefined) await writing;
    },
    get stats() {
      let [events, chunks] = [0, 0];
      for (const book of books.values()) {
        events += book.log.size;
        chunks += book.chunks.length;
      }
      return { events, chunks, writeFailures };
    },
  };
}

function digestOf(directory: string): string {
  return createHash('sha256').update(directory).digest('hex').slice(0, 16);
}

function keyOf(book: Book, chunk: Chunk): CertificateKey {
  return { kind: 'issuance', namespace: NAMESPACE, name: `${book.digest}-${chunk.number}` };
}

function placeOf(key: CertificateKey): { readonly digest: string; readonly number: number } | undefined {
  const [, digest, number] = /^([0-9a-f]{16})-(\d{1,15})$/.exec(key.name) ?? [];
  return digest === undefined || number === undefined ? undefined : { digest, number: Number(number) };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
