import type { Fields } from '../../request.ts';
import {
  CHUNKED,
  MAX_HEAD_OCTETS,
  NO_BODY,
  type ParsedHead,
  parseHead,
  parseTrailers,
  SIZED,
  UNTIL_CLOSE,
} from './head.ts';

/** Whom a `ResponseReader` tells what it reads. It may call `begin` of the reader from `complete` without surplus, no earlier. */
export interface ResponseHandler {
  informational(head: ParsedHead): void;
  /** The answer's head; `bodiless`: `complete` follows at once. */
  response(head: ParsedHead, bodiless: boolean): void;
  /** The octets belong to the caller's buffer: whoever keeps them copies them. */
  data(buffer: Buffer, start: number, end: number): void;
  /** @param surplus more octets came than the answer has: they belong to nobody, and the connection must not be used again */
  complete(trailers: Fields, surplus: boolean): void;
  /** A 101; what came after its head are the first octets of the other protocol. */
  switched(head: ParsedHead, rest: Buffer): void;
  /** Nothing that follows can be trusted; `what` follows "the backend sent". */
  broken(what: string): void;
}

const IDLE = 0;
const HEAD = 1;
const BODY = 2;
const TO_CLOSE = 3;
const CHUNK_SIZE = 4;
const CHUNK_EXTENSION = 5;
const CHUNK_SIZE_LF = 6;
const CHUNK_DATA = 7;
const CHUNK_CR = 8;
const CHUNK_LF = 9;
const TRAILERS = 10;
const WHOLE = 11;
const DEAD = 12;

const MAX_INFORMATIONAL = 16;
const MAX_CHUNK_DIGITS = 12;
const MAX_EXTENSION_OCTETS = 4_096;
const END_OF_HEAD = Buffer.from('\r\n\r\n', 'latin1');
const NO_FIELDS: Fields = [];
const EMPTY = Buffer.alloc(0);

/**
 * Reads the answers of one HTTP/1.1 connection, one at a time and strictly (RFC 9112 §6, §7.1, §11.2): whatever could be read in two
 * ways, and every octet nobody asked for, breaks the connection, so that no octet of one answer ever becomes part of another (I26).
 * Takes segments split anywhere; the common case, a whole head in one segment, is read where it lies.
 */
export class ResponseReader {
  readonly #handler: ResponseHandler;
  #state = IDLE;
  #forHead = false;
  #upgrading = false;
  #informational = 0;
  /** Octets left of a sized body or a chunk. */
  #left = 0;
  #digits = 0;
  #extension = 0;
  /** Start of a head or of trailers that did not come whole. */
  #partial: Buffer = EMPTY;
  #partialLength = 0;
  #trailerFields: Fields = NO_FIELDS;
  #answered = false;
  #lastText = '';
  #lastHead: ParsedHead | undefined;

  constructor(handler: ResponseHandler) {
    this.#handler = handler;
  }

  /** No answer is expected: the connection may be used. */
  get idle(): boolean {
    return this.#state === IDLE;
  }

  /** Expects the answer to a request. @param method as sent; `HEAD` has no body @param upgrading a 101 may come */
  begin(method: string, upgrading: boolean): void {
    if (this.#state !== IDLE) throw new TypeError('an answer is still being read');
    this.#state = HEAD;
    this.#forHead = method === 'HEAD';
    this.#upgrading = upgrading;
    this.#informational = 0;
    this.#partialLength = 0;
    this.#answered = false;
  }

  /** Octets have come since `begin`: the backend knows of the request. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Takes a segment: `buffer` from 0 to `length`; what lies behind is not looked at. */
  read(buffer: Buffer, length: number): void {
    let at = 0;
    this.#answered = true;
    while (at < length) {
      switch (this.#state) {
        case HEAD:
          at = this.#head(buffer, at, length);
          break;
        case BODY:
        case CHUNK_DATA:
          at = this.#sized(buffer, at, length);
          break;
        case TO_CLOSE:
          this.#handler.data(buffer, at, length);
          return;
        case TRAILERS:
          at = this.#trailers(buffer, at, length);
          break;
        case IDLE:
          this.#break('octets that no request asked for');
          return;
        case DEAD:
          return;
        default:
          at = this.#chunkSyntax(buffer, at, length);
      }
      // Told only now that it is known whether more came: the next request may begin while this one is told.
      if (this.#state === WHOLE) {
        this.#whole(at < length);
        return;
      }
    }
  }

  /** The backend has closed its side. */
  end(): void {
    const state = this.#state;
    if (state === IDLE || state === DEAD) return;
    if (state === TO_CLOSE) this.#whole(true);
    else if (!this.#answered) this.#break('nothing and closed the connection');
    else this.#break('the end of the connection in the middle of an answer');
  }

  /** Nothing more is read: the request was given up. */
  stop(): void {
    this.#state = DEAD;
    this.#partial = EMPTY;
  }

  #head(buffer: Buffer, from: number, length: number): number {
    let text: string;
    let next: number;
    if (this.#partialLength === 0) {
      const end = buffer.indexOf(END_OF_HEAD, from);
      if (end < 0 || end + 4 > length) return this.#keep(buffer, from, length);
      if (end - from > MAX_HEAD_OCTETS) return this.#break('a head longer than is read', length);
      text = buffer.toString('latin1', from, end);
      next = end + 4;
    } else {
      const before = this.#partialLength;
      if (this.#keep(buffer, from, length) === from) return length;
      const end = this.#partial.indexOf(END_OF_HEAD, Math.max(0, before - 3));
      if (end < 0 || end + 4 > this.#partialLength) return length;
      text = this.#partial.toString('latin1', 0, end);
      next = from + (end + 4 - before);
      this.#partialLength = 0;
    }
    // Answers of one backend within one second often have the same head.
    let head = text === this.#lastText ? this.#lastHead : undefined;
    if (head === undefined) {
      const parsed = parseHead(text);
      if (typeof parsed === 'string') return this.#break(parsed, length);
      head = parsed;
      this.#lastText = text;
      this.#lastHead = parsed;
    }
    return this.#begun(head, buffer, next, length);
  }

  #begun(head: ParsedHead, buffer: Buffer, next: number, length: number): number {
    const { status } = head;
    if (status < 200) {
      if (status === 101) {
        if (!this.#upgrading || head.upgrade === undefined)
          return this.#break('a change of protocol that nobody asked for', length);
        this.#state = DEAD;
        this.#handler.switched(head, Buffer.from(buffer.subarray(next, length)));
        return length;
      }
      this.#informational += 1;
      if (this.#informational > MAX_INFORMATIONAL)
        return this.#break('more informational answers than are read', length);
      this.#handler.informational(head);
      return next;
    }
    if (this.#forHead || head.framing === NO_BODY || (head.framing === SIZED && head.length === 0)) {
      this.#state = WHOLE;
      this.#handler.response(head, true);
      return this.#dead() ? length : next;
    }
    this.#state = head.framing === SIZED ? BODY : head.framing === CHUNKED ? CHUNK_SIZE : TO_CLOSE;
    this.#left = head.framing === UNTIL_CLOSE ? 0 : head.length;
    this.#digits = 0;
    this.#handler.response(head, false);
    return this.#dead() ? length : next;
  }

  #sized(buffer: Buffer, at: number, length: number): number {
    const end = Math.min(length, at + this.#left);
    this.#left -= end - at;
    this.#handler.data(buffer, at, end);
    if (this.#left > 0 || this.#dead()) return end;
    if (this.#state === CHUNK_DATA) this.#state = CHUNK_CR;
    else this.#state = WHOLE;
    return end;
  }

  /** One octet at a time: sizes, extensions and line ends of chunks are few octets. */
  #chunkSyntax(buffer: Buffer, at: number, length: number): number {
    const octet = buffer[at] ?? 0;
    switch (this.#state) {
      case CHUNK_SIZE: {
        const digit = hexDigit(octet);
        if (digit >= 0) {
          this.#digits += 1;
          if (this.#digits > MAX_CHUNK_DIGITS) return this.#break('a chunk longer than is read', length);
          this.#left = this.#left * 16 + digit;
        } else if (this.#digits === 0) return this.#break('a chunk without a size', length);
        else if (octet === 13) this.#state = CHUNK_SIZE_LF;
        else if (octet === 59) {
          this.#extension = 0;
          this.#state = CHUNK_EXTENSION;
        } else return this.#break('a chunk size that is no number', length);
        return at + 1;
      }
      case CHUNK_EXTENSION:
        if (octet === 13) this.#state = CHUNK_SIZE_LF;
        else if ((octet < 32 && octet !== 9) || octet === 127)
          return this.#break('a control character in a chunk extension', length);
        this.#extension += 1;
        if (this.#extension > MAX_EXTENSION_OCTETS)
          return this.#break('a chunk extension longer than is read', length);
        return at + 1;
      case CHUNK_SIZE_LF:
        if (octet !== 10) return this.#break('a chunk size without a line end', length);
        this.#state = this.#left === 0 ? TRAILERS : CHUNK_DATA;
        return at + 1;
      case CHUNK_CR:
        if (octet !== 13) return this.#break('a chunk longer than its size', length);
        this.#state = CHUNK_LF;
        return at + 1;
      default:
        if (octet !== 10) return this.#break('a chunk without a line end', length);
        this.#left = 0;
        this.#digits = 0;
        this.#state = CHUNK_SIZE;
        return at + 1;
    }
  }

  /** To the empty line, which comes at once when there are no trailers. */
  #trailers(buffer: Buffer, from: number, length: number): number {
    const before = this.#partialLength;
    if (this.#keep(buffer, from, length) === from) return length;
    const kept = this.#partial;
    const total = this.#partialLength;
    let end: number;
    if (kept[0] === 13) {
      if (total < 2) return length;
      if (kept[1] !== 10) return this.#break('trailers that cannot be read', length);
      end = 0;
    } else {
      const found = kept.indexOf(END_OF_HEAD, Math.max(0, before - 3));
      if (found < 0 || found + 4 > total) return length;
      end = found + 2;
    }
    const fields = end === 0 ? NO_FIELDS : parseTrailers(kept.toString('latin1', 0, end - 2));
    if (typeof fields === 'string') return this.#break(fields, length);
    const next = from + (end + 2 - before);
    this.#partialLength = 0;
    this.#trailerFields = fields;
    this.#state = WHOLE;
    return next;
  }

  /** Keeps octets of a head until the rest comes. @returns `from` when they are too many, else `length` */
  #keep(buffer: Buffer, from: number, length: number): number {
    const total = this.#partialLength + length - from;
    if (total > this.#partial.length) {
      // Doubled, so that a head that comes octet by octet costs no more than its length.
      const grown = Buffer.allocUnsafeSlow(Math.max(512, 2 * total));
      this.#partial.copy(grown, 0, 0, this.#partialLength);
      this.#partial = grown;
    }
    buffer.copy(this.#partial, this.#partialLength, from, length);
    this.#partialLength = total;
    if (total > MAX_HEAD_OCTETS && !this.#wholeHead()) {
      this.#break('a head longer than is read');
      return from;
    }
    return length;
  }

  /** A segment may bring the end of a head and much of its body. */
  #wholeHead(): boolean {
    const end = this.#partial.indexOf(END_OF_HEAD);
    return this.#partial[0] === 13 || (end >= 0 && end <= MAX_HEAD_OCTETS && end + 4 <= this.#partialLength);
  }

  #whole(surplus: boolean): void {
    const trailers = this.#trailerFields;
    this.#trailerFields = NO_FIELDS;
    this.#state = surplus ? DEAD : IDLE;
    if (this.#partial.length > 4_096) this.#partial = EMPTY;
    this.#handler.complete(trailers, surplus);
  }

  #dead(): boolean {
    return this.#state === DEAD;
  }

  #break(what: string, result = 0): number {
    this.stop();
    this.#handler.broken(what);
    return result;
  }
}

function hexDigit(octet: number): number {
  if (octet >= 48 && octet <= 57) return octet - 48;
  const lower = octet | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
