import type { DomainName } from '../name.ts';

/** The longest message plus room to notice that a record went past it. */
const CAPACITY = 3 * 0x1_0000;
const MAX_TARGETS = 64; // names remembered for compression; a message with more only compresses less
const MAX_POINTER = 0x3fff;

/**
 * Writes DNS messages into one reusable buffer, compressing names (RFC 1035 section 4.1.4) without allocating.
 * Callers check `offset` against their limit after each record: a record has at most 65,535 octets of data, so the buffer
 * cannot overflow between two checks.
 */
export class WireWriter {
  buffer: Buffer;
  offset = 0;
  /** Targets: the suffix of `#names[i]` that begins at character `#from[i]` stands at message offset `#at[i]`. */
  readonly #names: DomainName[] = new Array<DomainName>(MAX_TARGETS).fill('.' as DomainName);
  readonly #from = new Uint16Array(MAX_TARGETS);
  readonly #at = new Uint16Array(MAX_TARGETS);
  #count = 0;
  /** A name to remember before the next one is written. */
  #question: DomainName | undefined;
  #questionAt = 0;

  constructor(capacity = CAPACITY) {
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  /** Starts a new message in the same buffer. */
  reset(): void {
    this.offset = 0;
    this.#count = 0;
    this.#question = undefined;
  }

  /** Starts a new message in a new buffer, when someone still reads the old one. */
  renew(): void {
    this.buffer = Buffer.allocUnsafeSlow(this.buffer.length);
    this.reset();
  }

  /** Goes back to `offset`, forgetting what was written after it. */
  rewind(offset: number): void {
    this.offset = offset;
    while (this.#count > 0 && (this.#at[this.#count - 1] ?? 0) >= offset) this.#count -= 1;
  }

  u8(value: number): void {
    this.buffer[this.offset] = value;
    this.offset += 1;
  }

  u16(value: number): void {
    const { buffer, offset } = this;
    buffer[offset] = value >>> 8;
    buffer[offset + 1] = value;
    this.offset = offset + 2;
  }

  u32(value: number): void {
    const { buffer, offset } = this;
    buffer[offset] = value >>> 24;
    buffer[offset + 1] = value >>> 16;
    buffer[offset + 2] = value >>> 8;
    buffer[offset + 3] = value;
    this.offset = offset + 4;
  }

  /** Overwrites two octets written before. */
  patchU16(at: number, value: number): void {
    this.buffer[at] = value >>> 8;
    this.buffer[at + 1] = value;
  }

  octets(source: Uint8Array): void {
    this.slice(source, 0, source.length);
  }

  /** `source[from..to)`. */
  slice(source: Uint8Array, from: number, to: number): void {
    const { buffer, offset } = this;
    const length = to - from;
    // A copy loop beats a call into the runtime for the sizes that answers have.
    if (length <= 64) {
      for (let i = 0; i < length; i += 1) buffer[offset + i] = source[from + i] ?? 0;
    } else {
      buffer.set(source.subarray(from, to), offset);
    }
    this.offset = offset + length;
  }

  zeros(count: number): void {
    this.buffer.fill(0, this.offset, this.offset + count);
    this.offset += count;
  }

  /** A character-string of at most 255 octets. */
  charString(value: Uint8Array): void {
    this.u8(value.length);
    this.octets(value);
  }

  /** A name, as a pointer where a suffix of it stands in the message already. */
  name(name: DomainName): void {
    let at = 0;
    if (this.#question !== undefined) {
      this.#rememberQuestion(this.#question, this.#questionAt);
      this.#question = undefined;
    }
    if (name !== '.') {
      while (at < name.length) {
        const target = this.#find(name, at);
        if (target >= 0) {
          this.u16(0xc000 | target);
          return;
        }
        this.#remember(name, at, this.offset);
        at = this.#label(name, at);
      }
    }
    this.u8(0);
  }

  /** A name in full: for record types that RFC 3597 section 4 forbids to compress. */
  plainName(name: DomainName): void {
    let at = 0;
    if (name !== '.') while (at < name.length) at = this.#label(name, at);
    this.u8(0);
  }

  /**
   * Makes a name that was copied to `offset` in full (the question) a target for compression. Before any other name of the
   * message. Costs something only when another name is written: most answers have none.
   */
  remember(name: DomainName, offset: number): void {
    if (name === '.') return;
    this.#question = name;
    this.#questionAt = offset;
  }

  #rememberQuestion(name: DomainName, offset: number): void {
    let at = 0;
    let wireAt = offset;
    while (at < name.length) {
      this.#remember(name, at, wireAt);
      for (wireAt += 1; name.charCodeAt(at) !== 0x2e; wireAt += 1) at += name.charCodeAt(at) === 0x5c ? 4 : 1;
      at += 1;
    }
  }

  #remember(name: DomainName, from: number, offset: number): void {
    if (this.#count >= MAX_TARGETS || offset > MAX_POINTER) return;
    this.#names[this.#count] = name;
    this.#from[this.#count] = from;
    this.#at[this.#count] = offset;
    this.#count += 1;
  }

  #find(name: DomainName, from: number): number {
    const length = name.length - from;
    for (let i = 0; i < this.#count; i += 1) {
      const other = this.#names[i] ?? name;
      const otherFrom = this.#from[i] ?? 0;
      if (other.length - otherFrom === length && sameSuffix(name, from, other, otherFrom))
        return this.#at[i] ?? -1;
    }
    return -1;
  }

  /** Writes the label at `name[at]` and returns where the next one begins. */
  #label(name: DomainName, at: number): number {
    const { buffer } = this;
    const lengthAt = this.offset;
    let to = lengthAt + 1;
    let i = at;
    for (let code = name.charCodeAt(i); code !== 0x2e; code = name.charCodeAt(i)) {
      if (code === 0x5c) {
        buffer[to] = Number(name.slice(i + 1, i + 4)); // canonical names have `\DDD` only
        i += 4;
      } else {
        buffer[to] = code;
        i += 1;
      }
      to += 1;
    }
    buffer[lengthAt] = to - lengthAt - 1;
    this.offset = to;
    return i + 1;
  }
}

/** Both suffixes have the same length and begin at a label. */
function sameSuffix(a: string, aFrom: number, b: string, bFrom: number): boolean {
  if (aFrom === 0 && bFrom === 0) return a === b;
  for (let i = a.length - aFrom - 1; i >= 0; i -= 1) {
    if (a.charCodeAt(aFrom + i) !== b.charCodeAt(bFrom + i)) return false;
  }
  return true;
}
