import type { DomainName } from '../name.ts';
import { decodeRdata, encodeRdata, type Rdata } from '../records/catalogue.ts';
import { decodeOpaque } from '../records/opaque.ts';
import { CLASS, TYPE } from '../types.ts';
import { FLAG, HEADER_OCTETS } from './query.ts';
import { malformed, WireReader } from './reader.ts';
import { WireWriter } from './writer.ts';

/** A whole DNS message (RFC 1035 section 4): for clients, transfers and tests. The name server's own path is query.ts. */
export interface Message {
  readonly id: number;
  readonly opcode: number;
  /** With the upper bits from EDNS. */
  readonly rcode: number;
  readonly flags: MessageFlags;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without the OPT record. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns: MessageEdns | undefined;
}

interface MessageFlags {
  readonly response: boolean;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
}

export interface Question {
  readonly name: DomainName;
  readonly type: number;
  readonly class: number;
}

export interface ResourceRecord extends Question {
  /** Seconds; the raw field for OPT-like records. */
  readonly ttlSeconds: number;
  readonly rdata: Rdata;
}

export interface MessageEdns {
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  /** RFC 9824 section 5.1; absent: no. */
  readonly compactOk?: boolean;
  readonly options: readonly { readonly code: number; readonly data: Uint8Array }[];
}

/**
 * Reads a message in full.
 * @throws PortolanError DNS_WIRE_MALFORMED, for any octets that are no message; never anything else
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new WireReader(bytes);
  if (bytes.length < HEADER_OCTETS) malformed('the message is shorter than a header');
  const id = reader.u16();
  const flags = reader.u16();
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;

  const questions: Question[] = [];
  for (let i = 0; i < counts[0]; i += 1) {
    questions.push({ name: reader.name(), type: reader.u16(), class: reader.u16() });
  }
  const answers = section(reader, counts[1]);
  const authorities = section(reader, counts[2]);
  const additionals: ResourceRecord[] = [];
  let edns: (MessageEdns & { readonly extendedRcode: number }) | undefined;
  for (const record of section(reader, counts[3])) {
    if (record.type !== TYPE.OPT || record.rdata.type !== 'OPAQUE') {
      additionals.push(record);
      continue;
    }
    if (edns !== undefined) malformed('two OPT records');
    if (record.name !== '.') malformed('an OPT record that is not at the root');
    edns = {
      udpSize: record.class,
      version: (record.ttlSeconds >>> 16) & 0xff,
      dnssecOk: (record.ttlSeconds & 0x8000) !== 0,
      ...((record.ttlSeconds & 0x4000) === 0 ? {} : { compactOk: true }),
      options: options(record.rdata.data),
      extendedRcode: record.ttlSeconds >>> 24,
    };
  }
  if (reader.remaining > 0) malformed('octets after the last record');
  const { extendedRcode = 0, ...rest } = edns ?? {};
  return {
    id,
    opcode: (flags >> 11) & 0xf,
    rcode: (extendedRcode << 4) | (flags & 0xf),
    flags: {
      response: (flags & FLAG.QR) !== 0,
      authoritative: (flags & FLAG.AA) !== 0,
      truncated: (flags & FLAG.TC) !== 0,
      recursionDesired: (flags & FLAG.RD) !== 0,
      recursionAvailable: (flags & FLAG.RA) !== 0,
      authenticData: (flags & FLAG.AD) !== 0,
      checkingDisabled: (flags & FLAG.CD) !== 0,
    },
    questions,
    answers,
    authorities,
    additionals,
    edns: 'udpSize' in rest ? rest : undefined,
  };
}

/**
 * Writes a message; the result is a buffer of its own.
 * @throws PortolanError DNS_WIRE_MALFORMED when it is longer than 65,535 octets
 */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new WireWriter();
  const { flags, edns } = message;
  const bits =
    (flags.response ? FLAG.QR : 0) |
    (flags.authoritative ? FLAG.AA : 0) |
    (flags.truncated ? FLAG.TC : 0) |
    (flags.recursionDesired ? FLAG.RD : 0) |
    (flags.recursionAvailable ? FLAG.RA : 0) |
    (flags.authenticData ? FLAG.AD : 0) |
    (flags.checkingDisabled ? FLAG.CD : 0);
  writer.u16(message.id);
  writer.u16(bits | (message.opcode << 11) | (message.rcode & 0xf));
  writer.u16(message.questions.length);
  writer.u16(message.answers.length);
  writer.u16(message.authorities.length);
  writer.u16(message.additionals.length + (edns === undefined ? 0 : 1));
  for (const question of message.questions) {
    writer.name(question.name);
    writer.u16(question.type);
    writer.u16(question.class);
  }
  for (const record of [...message.answers, ...message.authorities, ...message.additionals]) {
    writeRecord(writer, record);
  }
  if (edns !== undefined) {
    writer.u8(0);
    writer.u16(TYPE.OPT);
    writer.u16(edns.udpSize);
    writer.u8(message.rcode >> 4);
    writer.u8(edns.version);
    writer.u16((edns.dnssecOk ? 0x8000 : 0) | (edns.compactOk ? 0x4000 : 0));
    writer.u16(edns.options.reduce((sum, option) => sum + 4 + option.data.length, 0));
    for (const option of edns.options) {
      if (writer.offset + option.data.length > 0xffff) malformed('the message is longer than 65535 octets');
      writer.u16(option.code);
      writer.u16(option.data.length);
      writer.octets(option.data);
    }
  }
  if (writer.offset > 0xffff) malformed('the message is longer than 65535 octets');
  return new Uint8Array(writer.buffer.subarray(0, writer.offset));
}

/** A query as a client sends it: one question, EDNS with our size, and the client subnet when one is given. */
export function makeQuery(
  id: number,
  question: Question,
  options: { readonly recursionDesired?: boolean; readonly ednsOptions?: MessageEdns['options'] } = {},
): Message {
  return {
    id,
    opcode: 0,
    rcode: 0,
    flags: {
      response: false,
      authoritative: false,
      truncated: false,
      recursionDesired: options.recursionDesired ?? false,
      recursionAvailable: false,
      authenticData: false,
      checkingDisabled: false,
    },
    questions: [question],
    answers: [],
    authorities: [],
    additionals: [],
    edns: { udpSize: 1232, version: 0, dnssecOk: false, options: options.ednsOptions ?? [] },
  };
}

function writeRecord(writer: WireWriter, record: ResourceRecord): void {
  writer.name(record.name);
  writer.u16(record.type);
  writer.u16(record.class);
  writer.u32(record.ttlSeconds);
  const lengthAt = writer.offset;
  writer.u16(0);
  encodeRdata(record.rdata, writer);
  const length = writer.offset - lengthAt - 2;
  if (writer.offset > 0xffff) malformed('the message is longer than 65535 octets');
  writer.patchU16(lengthAt, length);
}

function section(reader: WireReader, count: number): ResourceRecord[] {
  const records: ResourceRecord[] = [];
  for (let i = 0; i < count; i += 1) {
    const name = reader.name();
    const type = reader.u16();
    const recordClass = reader.u16();
    const ttlSeconds = reader.u32();
    const length = reader.u16();
    const whole = reader.end;
    if (length > reader.remaining) malformed('a record runs past the end');
    reader.end = reader.offset + length;
    // Deletions of RFC 2136 have no data, and other classes may give a type another form (RFC 3597 section 4).
    const interpreted =
      length > 0 && (recordClass === CLASS.IN || recordClass === CLASS.NONE || recordClass === CLASS.ANY);
    const rdata = interpreted ? decodeRdata(type, reader) : decodeOpaque(type, reader);
    reader.end = whole;
    records.push({ name, type, class: recordClass, ttlSeconds, rdata });
  }
  return records;
}

function options(data: Uint8Array): MessageEdns['options'] {
  const reader = new WireReader(data);
  const found: { code: number; data: Uint8Array }[] = [];
  while (reader.remaining > 0) found.push({ code: reader.u16(), data: reader.take(reader.u16()) });
  return found;
}
