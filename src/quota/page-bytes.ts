import { PortolanError } from '../errors/error.ts';

/** Writes the ledger's pages: whole numbers in as few bytes as they need, texts with their length before them. */
export class PageWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(size = 4096) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** @param value 0 to 2^53 - 1 */
  whole(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      // Bit operations end at 2^32.
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  real(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  text(value: string): void {
    // UTF-8 is at most three bytes for a unit of a string.
    this.#reserve(value.length * 3 + 8);
    const encoded = Buffer.from(value, 'utf8');
    this.whole(encoded.length);
    this.#bytes.set(encoded, this.#at);
    this.#at += encoded.length;
  }

  /** What was written; the writer begins anew. */
  take(): Uint8Array {
    const written = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    return written;
  }

  #reserve(more: number): void {
    // A whole number is at most 8 bytes of 7 bits; one to spare.
    if (this.#at + more + 1 <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + more + 1));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Reads what a PageWriter wrote. Its methods throw PortolanError STORE_CORRUPT at the end of the page. */
export class PageReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  whole(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || scale > Number.MAX_SAFE_INTEGER) throw cut();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  real(): number {
    if (this.#at + 8 > this.#bytes.length) throw cut();
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8);
  }

  text(): string {
    const length = this.whole();
    if (this.#at + length > this.#bytes.length) throw cut();
    this.#at += length;
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.#at - length, length).toString(
      'utf8',
    );
  }
}

function cut(): PortolanError {
  return new PortolanError('STORE_CORRUPT', 'a page of the quota ledger ends too early');
}
