import { parseType, typeName } from '../types.ts';
import { malformed, type WireReader } from '../wire/reader.ts';
import type { WireWriter } from '../wire/writer.ts';
import type { Fields } from './fields.ts';

const WINDOW = 256; // types a window of the bitmap covers
const MAX_OCTETS = 32;

/** Types as a bitmap has them: ascending, each once. */
export function sortedTypes(types: Iterable<number>): readonly number[] {
  return [...new Set(types)].sort((a, b) => a - b);
}

/** Writes the type bitmaps of NSEC (RFC 4034 section 4.1.2). `types` are ascending, as `sortedTypes` makes them. */
export function writeTypeBitmap(types: readonly number[], writer: WireWriter): void {
  for (let at = 0; at < types.length; ) {
    const window = (types[at] ?? 0) >> 8;
    const bits = new Uint8Array(MAX_OCTETS);
    let octets = 0;
    for (let type = types[at]; type !== undefined && type >> 8 === window; type = types[at]) {
      const bit = type % WINDOW;
      bits[bit >> 3] = (bits[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
      octets = (bit >> 3) + 1;
      at += 1;
    }
    writer.u8(window);
    writer.u8(octets);
    writer.slice(bits, 0, octets);
  }
}

/** Reads type bitmaps up to the reader's end. @throws PortolanError DNS_WIRE_MALFORMED */
export function readTypeBitmap(reader: WireReader): readonly number[] {
  const types: number[] = [];
  let before = -1;
  while (reader.remaining > 0) {
    const window = reader.u8();
    const octets = reader.u8();
    if (window <= before) malformed('the windows of a type bitmap are not in order');
    if (octets === 0 || octets > MAX_OCTETS)
      malformed(`a window of a type bitmap has ${octets} octets, not 1 to 32`);
    before = window;
    const bits = reader.take(octets);
    if (bits.at(-1) === 0) malformed('a window of a type bitmap ends with a zero octet');
    for (let bit = 0; bit < octets * 8; bit += 1) {
      if (((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) types.push(window * WINDOW + bit);
    }
  }
  return types;
}

/** Type names up to the end of the record. @throws PortolanError DNS_RECORD_INVALID */
export function parseTypes(fields: Fields): readonly number[] {
  const types: number[] = [];
  while (!fields.done) {
    const text = fields.word('a type');
    const type = parseType(text);
    if (type === undefined) fields.fail(`"${text}" is no record type`);
    else types.push(type);
  }
  return sortedTypes(types);
}

export function formatTypes(types: readonly number[]): string {
  return types.map(typeName).join(' ');
}
