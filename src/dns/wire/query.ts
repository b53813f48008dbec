import { type DomainName, MAX_NAME_OCTETS } from '../name.ts';
import { OPCODE, RCODE, TYPE } from '../types.ts';
import { type Edns, NO_OPTIONS, parseOptions } from './edns.ts';
import { NameCache } from './name-cache.ts';

const ROOT = '.' as DomainName;

/** Names of recent queries, of all transports of this thread. */
const names = new NameCache();

export const HEADER_OCTETS = 12;
export const FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

/** A query as far as it could be read. */
export interface Query {
  /** The datagram or framed message; the question is copied from it into the answer, case and all. */
  readonly bytes: Uint8Array;
  readonly id: number;
  readonly opcode: number;
  readonly flags: number;
  /** NOERROR, or what the query's form earns: FORMERR, NOTIMP, BADVERS. */
  readonly problem: number;
  /** The question stands in `bytes[12..questionEnd)`; 12 when it could not be read, or there is none (RFC 7873 section 5.4). */
  readonly questionEnd: number;
  readonly name: DomainName;
  /** Below `NAME_SLOTS`, and of no other name of this thread as long as the name is the same string; -1 when it has none. */
  readonly nameSlot: number;
  readonly type: number;
  readonly class: number;
  readonly edns: Edns | undefined;
  /** Where the TSIG record begins, which is then the last (RFC 8945); 0: the query is not signed. */
  readonly tsigAt: number;
}

/**
 * Reads a query, or a NOTIFY, which has the form of one. Never throws: what is wrong is in `problem`.
 * @returns `undefined` for what deserves no answer: less than a header, or itself a response
 */
export function parseQuery(bytes: Uint8Array): Query | undefined {
  const length = bytes.length;
  if (length < HEADER_OCTETS) return undefined;
  const flags = u16(bytes, 2);
  if ((flags & FLAG.QR) !== 0) return undefined;
  const id = u16(bytes, 0);
  const opcode = (flags >> 11) & 0xf;
  if (opcode !== OPCODE.QUERY && opcode !== OPCODE.NOTIFY)
    return unreadable(bytes, id, opcode, flags, RCODE.NOTIMP);
  // RFC 9619: QDCOUNT of a query is 1 (0 only together with a cookie, RFC 7873 section 5.4).
  const questions = u16(bytes, 4);
  if (questions === 0 && opcode === OPCODE.QUERY) return withoutQuestion(bytes, id, flags);
  if (questions !== 1) return unreadable(bytes, id, opcode, flags, RCODE.FORMERR);

  let at = HEADER_OCTETS;
  for (;;) {
    const label = at < length ? (bytes[at] ?? 0) : 0x40;
    // There is nothing before the question that a compression pointer could mean.
    if (label >= 0x40 || at + 1 + label > length) return unreadable(bytes, id, opcode, flags, RCODE.FORMERR);
    if (label === 0) break;
    if (at + 1 + label - HEADER_OCTETS >= MAX_NAME_OCTETS)
      return unreadable(bytes, id, opcode, flags, RCODE.FORMERR);
    at += label + 1;
  }
  const nameEnd = at;
  at += 1;
  if (at + 4 > length) return unreadable(bytes, id, opcode, flags, RCODE.FORMERR);
  const name = names.name(bytes, HEADER_OCTETS, nameEnd);
  const nameSlot = names.slot;
  const type = u16(bytes, at);
  const qclass = u16(bytes, at + 2);
  at += 4;
  const questionEnd = at;

  const problem = readRecords(bytes, at);
  const edns = foundEdns;
  const tsigAt = foundTsigAt;
  return {
    bytes,
    id,
    opcode,
    flags,
    problem,
    questionEnd,
    name,
    nameSlot,
    type,
    class: qclass,
    edns,
    tsigAt,
  };
}

/**
 * A query that only wants a cookie, or to know whether the one it has is good (RFC 7873 section 5.4): no question, and a COOKIE
 * option. Its class is 0, which no zone has.
 */
function withoutQuestion(bytes: Uint8Array, id: number, flags: number): Query {
  const problem = readRecords(bytes, HEADER_OCTETS);
  const wanted = problem !== RCODE.NOERROR || (foundEdns?.cookieLength ?? 0) > 0;
  return {
    ...unreadable(bytes, id, OPCODE.QUERY, flags, wanted ? problem : RCODE.FORMERR),
    edns: foundEdns,
  };
}

/** What `readRecords` found; a variable, because a result of two values would be allocated for every query. */
let foundEdns: Edns | undefined;
let foundTsigAt = 0;

/** Reads what follows the question at `from`, up to the end, into `foundEdns`. @returns NOERROR, FORMERR or BADVERS */
function readRecords(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let at = from;
  let problem: number = RCODE.NOERROR;
  foundEdns = undefined;
  foundTsigAt = 0;
  const before = u16(bytes, 6) + u16(bytes, 8); // answer and authority records: skipped (IXFR sends an SOA)
  const total = before + u16(bytes, 10);
  for (let record = 0; record < total; record += 1) {
    const root = bytes[at] === 0;
    const recordAt = at;
    at = skipName(bytes, at);
    if (at < 0 || at + 10 > length) return RCODE.FORMERR;
    const recordType = u16(bytes, at);
    const dataLength = u16(bytes, at + 8);
    const data = at + 10;
    if (data + dataLength > length) return RCODE.FORMERR;
    if (recordType === TYPE.OPT) {
      // One OPT, at the root, in the additional section (RFC 6891 section 6.1.1).
      if (foundEdns !== undefined || record < before || !root) return RCODE.FORMERR;
      const version = bytes[at + 5] ?? 0;
      // Options of a version we do not know may mean anything.
      const options = version === 0 ? parseOptions(bytes, data, data + dataLength) : NO_OPTIONS;
      const { clientSubnet, cookieAt, cookieLength, asks } = options ?? NO_OPTIONS;
      foundEdns = {
        udpSize: u16(bytes, at + 2),
        version,
        dnssecOk: ((bytes[at + 6] ?? 0) & 0x80) !== 0,
        compactOk: ((bytes[at + 6] ?? 0) & 0x40) !== 0,
        clientSubnet,
        cookieAt,
        cookieLength,
        asks,
      };
      if (version !== 0) problem = RCODE.BADVERS;
      else if (options === undefined) problem = RCODE.FORMERR;
    }
    if (recordType === TYPE.TSIG) {
      // The last record of all (RFC 8945 section 5.1).
      if (record !== total - 1 || record < before) return RCODE.FORMERR;
      foundTsigAt = recordAt;
    }
    at = data + dataLength;
  }
  return problem === RCODE.NOERROR && at !== length ? RCODE.FORMERR : problem; // octets after the last record
}

function unreadable(bytes: Uint8Array, id: number, opcode: number, flags: number, problem: number): Query {
  return {
    bytes,
    id,
    opcode,
    flags,
    problem,
    questionEnd: HEADER_OCTETS,
    name: ROOT,
    nameSlot: -1,
    type: 0,
    class: 0,
    edns: undefined,
    tsigAt: 0,
  };
}

/** The offset after the name at `at`, -1 when it does not end. A pointer is stepped over, not followed. */
function skipName(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const label = bytes[at];
    if (label === undefined) return -1;
    if (label === 0) return at + 1;
    if (label >= 0xc0) return at + 2 <= bytes.length ? at + 2 : -1;
    if (label >= 0x40) return -1;
    at += label + 1;
    if (at - from > MAX_NAME_OCTETS) return -1;
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
