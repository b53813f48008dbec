import type { DomainName } from '../name.ts';
import { type OwnedRRset, WIRE_RECORD_HEAD, writeRecordBody } from '../rrset.ts';
import { optLength, type ReplyOptions, UDP_PAYLOAD, writeOpt } from './edns.ts';
import { FLAG, HEADER_OCTETS, type Query } from './query.ts';
import type { WireWriter } from './writer.ts';

/** The sections and flags of an answer, before they are encoded. */
export interface Response {
  /** May exceed 15 when the query has EDNS. */
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answer: readonly OwnedRRset[];
  readonly authority: readonly OwnedRRset[];
  readonly additional: readonly OwnedRRset[];
  /** How many of the first sets in `additional` a referral cannot do without (glue, RFC 9471). */
  readonly requiredAdditional: number;
  /** ECS scope: over this prefix of the client's network the answer is the same; 0 when it does not depend on it. */
  readonly ecsScope: number;
}

const MAX_TCP = 0xffff;
const MIN_UDP = 512; // RFC 1035 section 4.2.1, and the least an EDNS size means (RFC 6891 section 6.2.3)

/**
 * The most octets an answer to this query may have.
 * @param udpOctets what we send over UDP at most; larger than the default only to whom is known to receive it
 */
export function answerLimit(query: Query, transport: 'udp' | 'tcp' | 'tls', udpOctets = UDP_PAYLOAD): number {
  if (transport !== 'udp') return MAX_TCP;
  if (query.edns === undefined) return MIN_UDP;
  return Math.min(Math.max(query.edns.udpSize, MIN_UDP), udpOctets);
}

/**
 * Encodes the answer at the writer's start; its offset is then the length. What does not fit in `limit` octets is cut: records
 * that are merely helpful are left out, and when anything else does not fit the sections are empty and TC is set, so
 * that the client asks again over TCP (RFC 2181 section 9).
 */
export function encodeResponse(
  query: Query,
  response: Response,
  writer: WireWriter,
  limit: number,
  options?: ReplyOptions,
): void {
  writer.reset();
  const { edns } = query;
  const room = limit - (edns === undefined ? 0 : optLength(edns, options));
  writer.offset = HEADER_OCTETS;
  if (query.questionEnd > HEADER_OCTETS) {
    writer.slice(query.bytes, HEADER_OCTETS, query.questionEnd);
    writer.remember(query.name, HEADER_OCTETS);
  }
  const sectionsAt = writer.offset;
  let truncated = false;
  let answers = 0;
  let authorities = 0;
  let additionals = 0;

  answers = writeSection(writer, query.name, response.answer, 0, response.answer.length, room);
  if (answers >= 0)
    authorities = writeSection(writer, query.name, response.authority, 0, response.authority.length, room);
  if (answers >= 0 && authorities >= 0) {
    additionals = writeSection(writer, query.name, response.additional, 0, response.requiredAdditional, room);
  }
  if (answers < 0 || authorities < 0 || additionals < 0) {
    truncated = true;
    answers = 0;
    authorities = 0;
    additionals = 0;
    writer.rewind(sectionsAt);
  } else {
    for (let i = response.requiredAdditional; i < response.additional.length; i += 1) {
      const before = writer.offset;
      const written = writeSection(writer, query.name, response.additional, i, i + 1, room);
      if (written < 0) {
        writer.rewind(before);
        break;
      }
      additionals += written;
    }
  }
  if (edns !== undefined) {
    writeOpt(writer, edns, response.rcode, response.ecsScope, options);
    additionals += 1;
  }

  const rcode = response.rcode > 15 && edns === undefined ? 2 : response.rcode & 0xf;
  const flags =
    FLAG.QR |
    (query.opcode << 11) |
    (response.authoritative ? FLAG.AA : 0) |
    (truncated ? FLAG.TC : 0) |
    (query.flags & (FLAG.RD | FLAG.CD)) |
    rcode;
  writer.patchU16(0, query.id);
  writer.patchU16(2, flags);
  writer.patchU16(4, query.questionEnd > HEADER_OCTETS ? 1 : 0);
  writer.patchU16(6, answers);
  writer.patchU16(8, authorities);
  writer.patchU16(10, additionals);
}

/** An answer of one set, which stands in `ready[from..to)` as `RRset.wire` has it. */
export interface ReadyAnswer {
  readonly ready: Uint8Array;
  readonly from: number;
  readonly to: number;
  /** Number of records. */
  readonly answers: number;
  readonly ecsScope: number;
}

/**
 * As `encodeResponse` of an authoritative answer that stands ready.
 * @returns false when it does not fit: nothing useful is in the writer then
 */
export function encodeReady(
  query: Query,
  { ready, from, to, answers, ecsScope }: ReadyAnswer,
  writer: WireWriter,
  limit: number,
  options?: ReplyOptions,
): boolean {
  const { edns, questionEnd } = query;
  const room = limit - (edns === undefined ? 0 : optLength(edns, options));
  if (questionEnd + (to - from) > room) return false;
  writer.reset();
  writer.offset = HEADER_OCTETS;
  writer.slice(query.bytes, HEADER_OCTETS, questionEnd);
  writer.slice(ready, from, to);
  if (edns !== undefined) writeOpt(writer, edns, 0, ecsScope, options);
  writer.patchU16(0, query.id);
  writer.patchU16(2, FLAG.QR | FLAG.AA | (query.flags & (FLAG.RD | FLAG.CD)));
  writer.patchU16(4, 1);
  writer.patchU16(6, answers);
  writer.patchU16(8, 0);
  writer.patchU16(10, edns === undefined ? 0 : 1);
  return true;
}

/** Writes `sets[from..to)`; the number of records, or -1 when they go beyond `room`. */
function writeSection(
  writer: WireWriter,
  question: DomainName,
  sets: readonly OwnedRRset[],
  from: number,
  to: number,
  room: number,
): number {
  let count = 0;
  let i = from;
  for (let entry = sets[i]; i < to && entry !== undefined; entry = sets[i]) {
    i += 1;
    const { owner, set } = entry;
    if (set.wire === undefined) {
      for (const rdata of set.records) {
        writer.name(owner);
        writeRecordBody(writer, set.type, set.ttlSeconds, rdata);
        if (writer.offset > room) return -1;
      }
      count += set.records.length;
      continue;
    }
    if (writer.offset + set.wire.length > room) {
      return -1;
    } else if (owner === question) {
      writer.octets(set.wire);
    } else {
      copyWithOwner(writer, owner, set.wire);
      if (writer.offset > room) return -1;
    }
    count += recordsIn(set.wire);
  }
  return count;
}

/** How many precompiled records there are; asking `records` would decode them. */
function recordsIn(wire: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < wire.length; count += 1) {
    at += WIRE_RECORD_HEAD + (((wire[at + 10] ?? 0) << 8) | (wire[at + 11] ?? 0));
  }
  return count;
}

/** Copies precompiled records with another owner than the question. */
function copyWithOwner(writer: WireWriter, owner: DomainName, wire: Uint8Array): void {
  for (let at = 0; at < wire.length; ) {
    const end = at + WIRE_RECORD_HEAD + (((wire[at + 10] ?? 0) << 8) | (wire[at + 11] ?? 0));
    writer.name(owner);
    writer.slice(wire, at + 2, end);
    at = end;
  }
}
