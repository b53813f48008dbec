import type { DomainName } from './name.ts';
import { codeOf, compressesNames, encodeRdata, type Rdata } from './records/catalogue.ts';
import { CLASS } from './types.ts';
import { WireWriter } from './wire/writer.ts';

/** All records of one type at one name (RFC 2181 section 5): one TTL, no duplicates. The owner stands elsewhere. */
export interface RRset {
  readonly type: number;
  readonly ttlSeconds: number;
  readonly records: readonly Rdata[];
  /**
   * The records ready to copy, each with the owner as a pointer to the question (`c0 0c`); `undefined` where names in the
   * data are compressed against the message, and for sets made for one answer.
   */
  readonly wire: Uint8Array | undefined;
}

/** An RRset in a section of an answer. */
export interface OwnedRRset {
  readonly owner: DomainName;
  readonly set: RRset;
}

/** Owner pointer, type, class, TTL and data length: what stands before the data in `RRset.wire`. */
export const WIRE_RECORD_HEAD = 12;

const writer = new WireWriter();

/** An RRset of zone data, encoded once. */
export function compileRRset(type: number, ttlSeconds: number, records: readonly Rdata[]): RRset {
  if (compressesNames(type)) return { type, ttlSeconds, records, wire: undefined };
  const parts: Uint8Array[] = [];
  for (const rdata of records) {
    writer.reset();
    writeRecord(writer, type, ttlSeconds, rdata);
    parts.push(new Uint8Array(writer.buffer.subarray(0, writer.offset)));
  }
  return { type, ttlSeconds, records, wire: new Uint8Array(Buffer.concat(parts)) };
}

/** An RRset made for one answer. All records have one type. */
export function momentaryRRset(type: number, ttlSeconds: number, records: readonly Rdata[]): RRset {
  return { type, ttlSeconds, records, wire: undefined };
}

/** Octets the records of one set take in a message when nothing is compressed but the owner. */
export function wireSizeOf(records: readonly Rdata[]): number {
  let size = 0;
  for (const rdata of records) {
    writer.reset();
    encodeRdata(rdata, writer);
    size += WIRE_RECORD_HEAD + writer.offset;
  }
  return size;
}

/** Two records with equal data (RFC 2181 section 5): by wire form. */
export function rdataKey(rdata: Rdata): string {
  writer.reset();
  encodeRdata(rdata, writer);
  return `${codeOf(rdata)} ${writer.buffer.toString('latin1', 0, writer.offset)}`;
}

/** One record as `RRset.wire` has it: its owner is a pointer to the question. */
export function writeRecord(into: WireWriter, type: number, ttlSeconds: number, rdata: Rdata): void {
  into.u16(0xc00c);
  writeRecordBody(into, type, ttlSeconds, rdata);
}

/** Type, class, TTL, length and data of one record, after its owner. */
export function writeRecordBody(into: WireWriter, type: number, ttlSeconds: number, rdata: Rdata): void {
  into.u16(type);
  into.u16(CLASS.IN);
  into.u32(ttlSeconds);
  const lengthAt = into.offset;
  into.u16(0);
  encodeRdata(rdata, into);
  into.patchU16(lengthAt, into.offset - lengthAt - 2);
}
