import { Buffer } from 'node:buffer';
import { PortolanError } from '../errors/error.ts';

/** The largest records, of city databases with names in many languages, have some 150 values and 2 KB of text. */
const MAX_VALUES = 2000;
const MAX_TEXT_OCTETS = 65_536;
const MAX_DEPTH = 32;

/* Types of the format (MaxMind DB 2.0, "Data Field Format"); the rest have a length in octets and mean nothing here. */
const TYPE = {
  extended: 0,
  pointer: 1,
  text: 2,
  double: 3,
  uint16: 5,
  uint32: 6,
  map: 7,
  array: 11,
  boolean: 14,
  float: 15,
} as const;
const LAST_TYPE = 15;
/** What a pointer of one, two, three or four octets begins to count at. */
const POINTER_BASES = [0, 2048, 526_336, 0] as const;

/**
 * Reads values of a MaxMind DB. Pointers let some hundred octets spell out a record of any size, and one that contains itself: what
 * is larger or deeper than any place is refused, so that reading takes bounded time and memory whatever the file says.
 */
export class GeoValues {
  readonly #octets: Buffer;
  readonly #base: number;
  #values = 0;
  #text = 0;
  #at = 0;

  /** @param base where pointers count from */
  constructor(octets: Uint8Array, base: number) {
    this.#octets = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    this.#base = base;
  }

  /**
   * The value that begins at this octet: text, numbers, lists, and maps without a prototype. Values of other types are `undefined`.
   * @throws PortolanError GEO_DATABASE_INVALID
   */
  read(at: number): unknown {
    this.#values = 0;
    this.#text = 0;
    this.#at = at;
    return this.#value(0);
  }

  #value(depth: number): unknown {
    this.#values += 1;
    if (this.#values > MAX_VALUES || depth > MAX_DEPTH)
      throw invalid('a record is larger than that of any place');
    const control = this.#unsigned(1);
    let type = control >> 5;
    if (type === TYPE.pointer) {
      const target = this.#pointer(control);
      const after = this.#at;
      this.#at = target;
      const value = this.#value(depth + 1);
      this.#at = after;
      return value;
    }
    if (type === TYPE.extended) type = this.#extended();
    const size = this.#size(control & 0x1f);
    switch (type) {
      case TYPE.map: {
        const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
        for (let i = 0; i < size; i += 1) {
          const key = this.#value(depth + 1);
          map[String(key)] = this.#value(depth + 1);
        }
        return map;
      }
      case TYPE.array: {
        const list: unknown[] = [];
        for (let i = 0; i < size; i += 1) list.push(this.#value(depth + 1));
        return list;
      }
      case TYPE.boolean:
        return size !== 0;
      case TYPE.uint16:
      case TYPE.uint32:
        if (size > 4) throw invalid('a number has more octets than its type');
        return this.#unsigned(size);
      default: {
        const from = this.#skip(size);
        if (type === TYPE.double && size === 8) return this.#octets.readDoubleBE(from);
        if (type === TYPE.float && size === 4) return this.#octets.readFloatBE(from);
        if (type !== TYPE.text) return undefined;
        this.#text += size;
        if (this.#text > MAX_TEXT_OCTETS) throw invalid('a record has more text than that of any place');
        return this.#octets.toString('utf8', from, from + size);
      }
    }
  }

  #extended(): number {
    const type = 7 + this.#unsigned(1);
    if (type <= TYPE.map || type > LAST_TYPE) throw invalid('a record has a value of no known type');
    return type;
  }

  #pointer(control: number): number {
    const kind = (control >> 3) & 3;
    const high = kind === 3 ? 0 : (control & 7) * 2 ** (8 * (kind + 1));
    return this.#base + (POINTER_BASES[kind] ?? 0) + high + this.#unsigned(kind + 1);
  }

  #size(small: number): number {
    if (small < 29) return small;
    if (small === 29) return 29 + this.#unsigned(1);
    return small === 30 ? 285 + this.#unsigned(2) : 65_821 + this.#unsigned(3);
  }

  #unsigned(octets: number): number {
    const from = this.#skip(octets);
    let value = 0;
    for (let i = from; i < from + octets; i += 1) value = value * 256 + (this.#octets[i] ?? 0);
    return value;
  }

  #skip(octets: number): number {
    const from = this.#at;
    this.#at += octets;
    if (this.#at > this.#octets.length) throw invalid('a record runs past the end of the file');
    return from;
  }
}

function invalid(message: string): PortolanError {
  return new PortolanError('GEO_DATABASE_INVALID', message);
}
