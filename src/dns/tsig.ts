import { createHmac, type Hmac, timingSafeEqual } from 'node:crypto';
import { PortolanError } from '../errors/error.ts';
import type { DomainName } from './name.ts';
import { algorithmName, TSIG_ALGORITHMS, type TsigKey, type TsigKeyring } from './tsig-key.ts';
import { CLASS, RCODE, TYPE } from './types.ts';
import { WireReader } from './wire/reader.ts';
import { WireWriter } from './wire/writer.ts';

/** TSIG error field (RFC 8945 section 3); the message's own code is then NOTAUTH. */
export const TSIG_ERROR = { NONE: 0, BADSIG: 16, BADKEY: 17, BADTIME: 18, BADTRUNC: 22 } as const;
export type TsigError = (typeof TSIG_ERROR)[keyof typeof TSIG_ERROR];

/** Seconds that the clocks of both sides may differ (RFC 8945 section 10). */
export const FUDGE_SECONDS = 300;
/** Of a sequence of messages, at most so many in a row may have no signature (RFC 8945 section 5.3.1). */
const MAX_UNSIGNED = 99;
const HEADER_OCTETS = 12;
const NOTHING = new Uint8Array(0);

/** The TSIG record at the end of a message (RFC 8945 section 4.2). */
export interface TsigRecord {
  /** Where it begins in the message. */
  readonly at: number;
  readonly keyName: DomainName;
  readonly algorithm: DomainName;
  /** Seconds since 1970. */
  readonly timeSigned: number;
  readonly fudgeSeconds: number;
  readonly mac: Uint8Array;
  readonly originalId: number;
  readonly error: number;
  readonly other: Uint8Array;
}

export type FoundTsig =
  | { readonly kind: 'none' }
  /** There is one, but not as the RFC wants it: FORMERR. */
  | { readonly kind: 'malformed' }
  | { readonly kind: 'found'; readonly record: TsigRecord };

/** What a signed request earns. */
export type TsigVerdict =
  | { readonly kind: 'verified'; readonly chain: TsigSigner }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'refused'; readonly error: TsigError; readonly refusal: TsigRefusal };

/** What is needed to answer a request whose signature was refused. */
export interface TsigRefusal {
  readonly record: TsigRecord;
  /** The answer is signed when the key is good: not for BADKEY and BADSIG (RFC 8945 section 5.3.2). */
  readonly key: TsigKey | undefined;
}

/** Finds the TSIG record: it must be the last record, the only one of its kind, class ANY, TTL 0. Never throws. */
export function findTsig(message: Uint8Array): FoundTsig {
  try {
    const reader = new WireReader(message);
    reader.offset = 4;
    const questions = reader.u16();
    const records = reader.u16() + reader.u16();
    const additional = reader.u16();
    for (let i = 0; i < questions; i += 1) {
      reader.name();
      reader.take(4);
    }
    for (let i = 0; i < records + additional; i += 1) {
      const at = reader.offset;
      const keyName = reader.name();
      const type = reader.u16();
      if (type !== TYPE.TSIG) {
        reader.take(6);
        reader.take(reader.u16());
        continue;
      }
      const last = i === records + additional - 1 && i >= records;
      if (!last || reader.u16() !== CLASS.ANY || reader.u32() !== 0) return { kind: 'malformed' };
      const end = reader.u16() + reader.offset;
      if (end !== message.length) return { kind: 'malformed' };
      const algorithm = reader.name();
      const timeSigned = reader.u16() * 0x1_0000_0000 + reader.u32();
      const fudgeSeconds = reader.u16();
      const mac = reader.take(reader.u16());
      const originalId = reader.u16();
      const error = reader.u16();
      const other = reader.take(reader.u16());
      if (reader.offset !== end) return { kind: 'malformed' };
      const record = { at, keyName, algorithm, timeSigned, fudgeSeconds, mac, originalId, error, other };
      return { kind: 'found', record };
    }
    return { kind: 'none' };
  } catch {
    return { kind: 'malformed' };
  }
}

/**
 * Checks the signature of a request in the order of RFC 8945 section 5.2: key, MAC, time, truncation. A MAC must be whole: a
 * shorter one that is right earns BADTRUNC, one shorter than the RFC lets anybody accept FORMERR.
 * @param nowSeconds seconds since 1970
 */
export function verifyRequest(
  message: Uint8Array,
  record: TsigRecord,
  keys: TsigKeyring,
  nowSeconds: number,
): TsigVerdict {
  const named = (keys.get(record.keyName) ?? []).filter(
    (key) => algorithmName(key.algorithm) === record.algorithm,
  );
  const [any] = named;
  if (any === undefined)
    return { kind: 'refused', error: TSIG_ERROR.BADKEY, refusal: { record, key: undefined } };
  const { macOctets } = TSIG_ALGORITHMS[any.algorithm];
  const { mac } = record;
  if (mac.length > macOctets || mac.length < Math.max(10, macOctets / 2)) return { kind: 'malformed' };
  const key = named.find((candidate) => {
    const hmac = begin(candidate);
    digestSigned(hmac, message, record);
    digestVariables(hmac, candidate, record);
    return sameMac(hmac.digest(), mac);
  });
  if (key === undefined)
    return { kind: 'refused', error: TSIG_ERROR.BADSIG, refusal: { record, key: undefined } };
  if (Math.abs(nowSeconds - record.timeSigned) > record.fudgeSeconds) {
    return { kind: 'refused', error: TSIG_ERROR.BADTIME, refusal: { record, key } };
  }
  if (mac.length < macOctets)
    return { kind: 'refused', error: TSIG_ERROR.BADTRUNC, refusal: { record, key } };
  return { kind: 'verified', chain: new TsigSigner(key, mac, record.originalId) };
}

/** Signs the answers to one request: the first over the request's MAC, each later one over the one before (section 5.3.1). */
export class TsigSigner {
  readonly key: TsigKey;
  readonly #originalId: number;
  #priorMac: Uint8Array;
  #first = true;

  constructor(key: TsigKey, requestMac: Uint8Array, originalId: number) {
    this.key = key;
    this.#priorMac = requestMac;
    this.#originalId = originalId;
  }

  /** Octets that `sign` adds to a message. */
  get octets(): number {
    return recordOctets(this.key, TSIG_ALGORITHMS[this.key.algorithm].macOctets, 0);
  }

  /** Adds the TSIG record to the message that stands at the writer's start. */
  sign(writer: WireWriter, nowSeconds: number): void {
    const fields = {
      timeSigned: nowSeconds,
      fudgeSeconds: FUDGE_SECONDS,
      error: TSIG_ERROR.NONE,
      other: NOTHING,
    };
    const hmac = begin(this.key);
    digestMac(hmac, this.#priorMac);
    hmac.update(writer.buffer.subarray(0, writer.offset));
    if (this.#first) digestVariables(hmac, this.key, fields);
    else digestTimers(hmac, fields);
    this.#first = false;
    const mac = hmac.digest();
    this.#priorMac = mac;
    appendRecord(writer, this.key.name, algorithmName(this.key.algorithm), {
      ...fields,
      mac,
      originalId: this.#originalId,
    });
  }
}

/**
 * Adds the TSIG record of an answer that refuses the request's signature, to the message at the writer's start (rcode NOTAUTH).
 * BADTIME and BADTRUNC answers are signed; BADTIME carries the request's time and ours (RFC 8945 section 5.2.3).
 */
export function refuseTsig(
  writer: WireWriter,
  error: TsigError,
  refusal: TsigRefusal,
  nowSeconds: number,
): void {
  const { record, key } = refusal;
  const badTime = error === TSIG_ERROR.BADTIME;
  const fields = {
    timeSigned: badTime ? record.timeSigned : nowSeconds,
    fudgeSeconds: FUDGE_SECONDS,
    error,
    other: badTime ? u48(nowSeconds) : NOTHING,
  };
  let mac: Uint8Array = NOTHING;
  if (key !== undefined) {
    const hmac = begin(key);
    digestMac(hmac, record.mac);
    hmac.update(writer.buffer.subarray(0, writer.offset));
    digestVariables(hmac, key, fields);
    mac = hmac.digest();
  }
  appendRecord(writer, record.keyName, record.algorithm, { ...fields, mac, originalId: record.originalId });
}

/** The most octets that `refuseTsig` adds. */
export function refusalOctets({ record, key }: TsigRefusal): number {
  const macOctets = key === undefined ? 0 : TSIG_ALGORITHMS[key.algorithm].macOctets;
  return nameOctets(record.keyName) + nameOctets(record.algorithm) + FIXED_OCTETS + macOctets + 6;
}

/** Signs a request of ours. @returns the signed message, and what checks the answers to it */
export function signRequest(
  message: Uint8Array,
  key: TsigKey,
  nowSeconds: number,
): { readonly message: Uint8Array; readonly answers: TsigVerifier } {
  const fields = {
    timeSigned: nowSeconds,
    fudgeSeconds: FUDGE_SECONDS,
    error: TSIG_ERROR.NONE,
    other: NOTHING,
  };
  const hmac = begin(key);
  hmac.update(message);
  digestVariables(hmac, key, fields);
  const mac = hmac.digest();
  const writer = new WireWriter(message.length + recordOctets(key, mac.length, 0));
  writer.octets(message);
  const originalId = ((message[0] ?? 0) << 8) | (message[1] ?? 0);
  appendRecord(writer, key.name, algorithmName(key.algorithm), { ...fields, mac, originalId });
  return {
    message: new Uint8Array(writer.buffer.subarray(0, writer.offset)),
    answers: new TsigVerifier(key, mac),
  };
}

/** Checks the answers to a signed request, one after the other (RFC 8945 section 5.3.1). */
export class TsigVerifier {
  readonly #key: TsigKey;
  #hmac: Hmac;
  #first = true;
  #unsigned = 0;

  constructor(key: TsigKey, requestMac: Uint8Array) {
    this.#key = key;
    this.#hmac = begin(key);
    digestMac(this.#hmac, requestMac);
  }

  /** True when the last message seen was signed, as that of a sequence must be. */
  get complete(): boolean {
    return !this.#first && this.#unsigned === 0;
  }

  /** @throws PortolanError TSIG_REJECTED */
  accept(message: Uint8Array, nowSeconds: number): void {
    const found = findTsig(message);
    if (found.kind === 'malformed') throw rejected('the answer has a TSIG record that cannot be read');
    if (found.kind === 'none') {
      if (this.#first)
        throw rejected(`the answer is not signed, though the request was (key ${this.#key.name})`);
      this.#unsigned += 1;
      if (this.#unsigned > MAX_UNSIGNED) throw rejected('too many messages in a row without a signature');
      this.#hmac.update(message);
      return;
    }
    const { record } = found;
    if (record.mac.length === 0 && record.error !== TSIG_ERROR.NONE) throw refusedByPeer(record, this.#key);
    if (record.keyName !== this.#key.name || record.algorithm !== algorithmName(this.#key.algorithm)) {
      throw rejected(
        `the answer is signed by ${record.keyName} (${record.algorithm}), not by ${this.#key.name}`,
      );
    }
    digestSigned(this.#hmac, message, record);
    if (this.#first) digestVariables(this.#hmac, this.#key, record);
    else digestTimers(this.#hmac, record);
    const mac = this.#hmac.digest();
    if (record.mac.length < mac.length || !sameMac(mac, record.mac)) {
      throw rejected(`the signature of the answer is wrong (key ${this.#key.name})`);
    }
    if (record.error !== TSIG_ERROR.NONE) throw refusedByPeer(record, this.#key);
    if (Math.abs(nowSeconds - record.timeSigned) > record.fudgeSeconds) {
      const skew = Math.round(record.timeSigned - nowSeconds);
      throw rejected(`the answer was signed ${skew} s away from this machine's clock`, CLOCK_FIX);
    }
    this.#first = false;
    this.#unsigned = 0;
    this.#hmac = begin(this.#key);
    digestMac(this.#hmac, record.mac);
  }
}

const CLOCK_FIX = 'Set the clocks of both machines (NTP); they may differ by 300 s.';

function refusedByPeer(record: TsigRecord, key: TsigKey): PortolanError {
  switch (record.error) {
    case TSIG_ERROR.BADKEY:
      return rejected(`the server does not know the key ${key.name} (${key.algorithm})`);
    case TSIG_ERROR.BADSIG:
      return rejected(`the server has another secret for the key ${key.name}`);
    case TSIG_ERROR.BADTIME:
      return rejected('the server finds our clock wrong', CLOCK_FIX);
    default:
      return rejected(`the server refused the signature with TSIG error ${record.error}`);
  }
}

function rejected(message: string, fix?: string): PortolanError {
  return new PortolanError('TSIG_REJECTED', message, fix === undefined ? {} : { fix });
}

type Variables = Pick<TsigRecord, 'timeSigned' | 'fudgeSeconds' | 'error' | 'other'>;

function begin(key: TsigKey): Hmac {
  return createHmac(TSIG_ALGORITHMS[key.algorithm].digest, key.secret);
}

/** The MAC of the message before, as it stood on the wire. */
function digestMac(hmac: Hmac, mac: Uint8Array): void {
  hmac.update(new Uint8Array([mac.length >> 8, mac.length & 0xff]));
  hmac.update(mac);
}

/** The message as it was before the record was added: original id, one additional record less (RFC 8945 section 4.3.2). */
function digestSigned(hmac: Hmac, message: Uint8Array, record: TsigRecord): void {
  const head = Uint8Array.from(message.subarray(0, HEADER_OCTETS));
  const additional = (((head[10] ?? 0) << 8) | (head[11] ?? 0)) - 1;
  head[0] = record.originalId >> 8;
  head[1] = record.originalId & 0xff;
  head[10] = additional >> 8;
  head[11] = additional & 0xff;
  hmac.update(head);
  hmac.update(message.subarray(HEADER_OCTETS, record.at));
}

const scratch = new WireWriter(1024);

/** RFC 8945 section 4.3.3: names in canonical form. */
function digestVariables(hmac: Hmac, key: TsigKey, fields: Variables): void {
  scratch.reset();
  scratch.plainName(key.name);
  scratch.u16(CLASS.ANY);
  scratch.u32(0);
  scratch.plainName(algorithmName(key.algorithm));
  writeTimers(scratch, fields);
  scratch.u16(fields.error);
  scratch.u16(fields.other.length);
  hmac.update(scratch.buffer.subarray(0, scratch.offset));
  hmac.update(fields.other);
}

function digestTimers(hmac: Hmac, fields: Variables): void {
  scratch.reset();
  writeTimers(scratch, fields);
  hmac.update(scratch.buffer.subarray(0, scratch.offset));
}

function writeTimers(writer: WireWriter, { timeSigned, fudgeSeconds }: Variables): void {
  writer.octets(u48(timeSigned));
  writer.u16(fudgeSeconds);
}

function u48(value: number): Uint8Array {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(Math.max(0, Math.floor(value)), 0, 6);
  return bytes;
}

/** In constant time. A truncated MAC is compared over its length (RFC 8945 section 5.2.2.1). */
function sameMac(whole: Uint8Array, given: Uint8Array): boolean {
  return given.length <= whole.length && timingSafeEqual(whole.subarray(0, given.length), given);
}

function appendRecord(
  writer: WireWriter,
  keyName: DomainName,
  algorithm: DomainName,
  record: Omit<TsigRecord, 'at' | 'keyName' | 'algorithm'>,
): void {
  writer.plainName(keyName);
  writer.u16(TYPE.TSIG);
  writer.u16(CLASS.ANY);
  writer.u32(0);
  const lengthAt = writer.offset;
  writer.u16(0);
  writer.plainName(algorithm);
  writeTimers(writer, record);
  writer.u16(record.mac.length);
  writer.octets(record.mac);
  writer.u16(record.originalId);
  writer.u16(record.error);
  writer.u16(record.other.length);
  writer.octets(record.other);
  writer.patchU16(lengthAt, writer.offset - lengthAt - 2);
  writer.patchU16(10, (((writer.buffer[10] ?? 0) << 8) | (writer.buffer[11] ?? 0)) + 1);
}

/** Type, class, TTL, length, time, fudge, MAC size, original id, error, other length. */
const FIXED_OCTETS = 10 + 6 + 2 + 2 + 2 + 2 + 2;

function recordOctets(key: TsigKey, macOctets: number, otherOctets: number): number {
  return (
    nameOctets(key.name) + nameOctets(algorithmName(key.algorithm)) + FIXED_OCTETS + macOctets + otherOctets
  );
}

function nameOctets(name: DomainName): number {
  scratch.reset();
  scratch.plainName(name);
  return scratch.offset;
}

/** The response code of a message whose TSIG was refused. */
export const TSIG_REFUSED_RCODE = RCODE.NOTAUTH;
