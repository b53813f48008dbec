import type { WireReader } from '../wire/reader.ts';
import type { WireWriter } from '../wire/writer.ts';
import type { Fields } from './fields.ts';

/** Rdata of a type this program does not interpret, octet for octet (RFC 3597). */
export interface OpaqueRdata {
  readonly type: 'OPAQUE';
  /** The record type's number. */
  readonly code: number;
  readonly data: Uint8Array;
}

export const OPAQUE_EXAMPLE = '\\# 4 c0000201';

/** `\# length hex` (RFC 3597 section 5), the `\#` already read. */
export function parseOpaqueData(fields: Fields): Uint8Array {
  const length = fields.unsigned('the length', 16);
  const data = fields.hexToEnd('the data');
  if (data.length !== length) fields.fail(`the length says ${length} octets but there are ${data.length}`);
  return data;
}

export function formatOpaque(rdata: OpaqueRdata): string {
  if (rdata.data.length === 0) return '\\# 0';
  return `\\# ${rdata.data.length} ${Buffer.from(rdata.data).toString('hex')}`;
}

export function encodeOpaque(rdata: OpaqueRdata, writer: WireWriter): void {
  writer.octets(rdata.data);
}

export function decodeOpaque(code: number, reader: WireReader): OpaqueRdata {
  return { type: 'OPAQUE', code, data: reader.take(reader.remaining) };
}
