/*
 * The two messages of `envoy.service.ratelimit.v3` in their wire form. Every request of a proxy is one of these calls, and generic code that
 * reads descriptors at run time costs several times what the decision does; tests hold both against the generated code.
 */

/** What is read of a `RateLimitRequest`. */
export interface RateLimitAsk {
  readonly domain: string;
  readonly descriptors: readonly Readonly<Record<string, string>>[];
  /** Of the request; 0: not said. */
  readonly hitsAddend: number;
  /** The largest that a descriptor says of itself, 0 for one that is negative; -1: none says it. */
  readonly ownHits: number;
}

const VARINT = 0;
const FIXED64 = 1;
const OCTETS = 2;
const FIXED32 = 5;

class Reader {
  readonly #bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** @throws RangeError beyond the end, and for one of more than ten octets */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count += 1) {
      const octet = this.at < this.end ? this.#bytes[this.at] : undefined;
      if (octet === undefined) break;
      this.at += 1;
      value += (octet & 0x7f) * factor;
      if (octet < 0x80) return value;
      factor *= 128;
    }
    throw new RangeError('a number is not whole');
  }

  /** Goes into a field of octets. */
  inside(): Reader {
    const length = this.varint();
    const from = this.at;
    if (from + length > this.end) throw new RangeError('a field is longer than its message');
    this.at = from + length;
    return new Reader(this.#bytes, from, this.at);
  }

  text(): string {
    const { at, end } = this.inside();
    return this.#bytes.toString('utf8', at, end);
  }

  skip(type: number): void {
    if (type === VARINT) this.varint();
    else if (type === OCTETS) this.inside();
    else if (type === FIXED64 || type === FIXED32) {
      this.at += type === FIXED64 ? 8 : 4;
      if (this.at > this.end) throw new RangeError('a field is longer than its message');
    } else throw new RangeError(`there is no type ${type}`);
  }
}

/** Number and type of a field in one. */
const field = (number: number, type: number): number => number * 8 + type;
const DOMAIN = field(1, OCTETS);
const DESCRIPTOR = field(2, OCTETS);
const HITS_ADDEND = field(3, VARINT);
const ENTRY = field(1, OCTETS);
const OWN_HITS = field(3, OCTETS);
const NEGATIVE = field(4, VARINT);
const FIRST_TEXT = field(1, OCTETS);
const SECOND_TEXT = field(2, OCTETS);
const WRAPPED = field(1, VARINT);

/** @throws RangeError for octets that are no such message */
export function readRateLimitRequest(bytes: Buffer): RateLimitAsk {
  const reader = new Reader(bytes, 0, bytes.length);
  const descriptors: Readonly<Record<string, string>>[] = [];
  let domain = '';
  let hitsAddend = 0;
  let ownHits = -1;
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === DOMAIN) domain = reader.text();
    else if (tag === DESCRIPTOR) {
      const { entries, hits } = readDescriptor(reader.inside());
      descriptors.push(entries);
      ownHits = Math.max(ownHits, hits);
    } else if (tag === HITS_ADDEND) hitsAddend = reader.varint();
    else reader.skip(tag % 8);
  }
  return { domain, descriptors, hitsAddend, ownHits };
}

function readDescriptor(reader: Reader): {
  readonly entries: Readonly<Record<string, string>>;
  readonly hits: number;
} {
  // Names are the proxy's: `__proto__` is one of them.
  const entries = Object.setPrototypeOf({}, null) as Record<string, string>;
  let hits = -1;
  let negative = false;
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === ENTRY) readEntry(reader.inside(), entries);
    else if (tag === OWN_HITS) hits = readWrapped(reader.inside());
    else if (tag === NEGATIVE) negative = reader.varint() !== 0;
    else reader.skip(tag % 8);
  }
  return { entries, hits: negative && hits > 0 ? 0 : hits };
}

function readEntry(reader: Reader, entries: Record<string, string>): void {
  let key = '';
  let value = '';
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === FIRST_TEXT) key = reader.text();
    else if (tag === SECOND_TEXT) value = reader.text();
    else reader.skip(tag % 8);
  }
  entries[key] = value;
}

function readWrapped(reader: Reader): number {
  let value = 0;
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === WRAPPED) value = reader.varint();
    else reader.skip(tag % 8);
  }
  return value;
}

export const OK = 1;
export const OVER_LIMIT = 2;
const FRAME_OCTETS = 5;
/** Longest length that one octet says. */
const SHORT = 0x7f;

/**
 * A `RateLimitResponse` as a frame of gRPC: the code, the same for each descriptor, and fields for the client's answer (flat: name, value).
 */
export function rateLimitFrame(
  code: typeof OK | typeof OVER_LIMIT,
  descriptors: number,
  fields: readonly string[],
): Buffer {
  let octets = 2 + descriptors * 4;
  const inner: number[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const length = textOctets(fields[at] ?? '') + textOctets(fields[at + 1] ?? '');
    inner.push(length);
    octets += 1 + lengthOctets(length) + length;
  }
  const frame = Buffer.allocUnsafe(FRAME_OCTETS + octets);
  frame[0] = 0;
  frame.writeUInt32BE(octets, 1);
  let at = FRAME_OCTETS;
  frame[at++] = 0x08;
  frame[at++] = code;
  for (let count = 0; count < descriptors; count += 1) {
    frame[at++] = 0x12;
    frame[at++] = 2;
    frame[at++] = 0x08;
    frame[at++] = code;
  }
  for (let pair = 0; pair < inner.length; pair += 1) {
    frame[at++] = 0x1a;
    at = writeLength(frame, at, inner[pair] ?? 0);
    at = writeText(frame, at, 0x0a, fields[pair * 2] ?? '');
    at = writeText(frame, at, 0x12, fields[pair * 2 + 1] ?? '');
  }
  return frame;
}

function textOctets(text: string): number {
  const length = Buffer.byteLength(text);
  return 1 + lengthOctets(length) + length;
}

function lengthOctets(length: number): number {
  return length <= SHORT ? 1 : length < 2 ** 14 ? 2 : length < 2 ** 21 ? 3 : 4;
}

function writeLength(frame: Buffer, from: number, length: number): number {
  let at = from;
  let rest = length;
  while (rest > SHORT) {
    frame[at++] = (rest & SHORT) | 0x80;
    rest = Math.floor(rest / 128);
  }
  frame[at++] = rest;
  return at;
}

function writeText(frame: Buffer, from: number, tag: number, text: string): number {
  frame[from] = tag;
  const at = writeLength(frame, from + 1, Buffer.byteLength(text));
  return at + frame.write(text, at);
}
