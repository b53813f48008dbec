import type { WireReader } from '../wire/reader.ts';
import type { WireWriter } from '../wire/writer.ts';
import type { Fields } from './fields.ts';

/**
 * Everything one record type is: its number, its presentation form (zone-file text) and its wire form.
 * For every value `r`: `parse(format(r))` and `decode(encode(r))` give `r` back.
 */
export interface RecordType<R> {
  readonly code: number;
  /** Valid presentation text, quoted in error messages. */
  readonly example: string;
  /** The rdata holds names that may be compressed (the RFC 1035 types only, RFC 3597 section 4). */
  readonly compresses: boolean;
  /** Reads the fields of one record. @throws PortolanError DNS_RECORD_INVALID through `fields.fail` */
  parse(fields: Fields): R;
  format(rdata: R): string;
  /** Writes the rdata without its length. */
  encode(rdata: R, writer: WireWriter): void;
  /** Reads the rdata; the reader ends where it ends. @throws PortolanError DNS_WIRE_MALFORMED */
  decode(reader: WireReader): R;
}
