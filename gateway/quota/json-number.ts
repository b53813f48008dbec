/*
 * One number out of a JSON text that goes by: no text is kept but the name or number just being read. Octets come in any pieces. What is no
 * JSON has no number; whoever sends it is a backend, so nothing is refused.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const MINUS = 0x2d;
/** Longer names are none that anybody asks for, and longer numbers no counts. */
const MAX_NAME = 256;
const MAX_NUMBER = 32;

type Reading = 'structure' | 'name' | 'text' | 'number';

/** The number at a path of names, such as `usage.total_tokens`; the last one when it comes several times. */
export class JsonNumber {
  readonly #path: readonly string[];
  #reading: Reading = 'structure';
  /** Objects and arrays around. */
  #depth = 0;
  /** Objects around whose names are the path's first ones: the next name looked for is `path[matched]`. */
  #matched = 0;
  /** The value that comes is that of the path's next name. */
  #isNext = false;
  /** Names are expected here: in an object, before a colon. */
  #expectsName = false;
  #escaped = false;
  #collected: number[] = [];
  /** True for objects, by depth; what is deeper than the path is not looked into. */
  readonly #objects: boolean[] = [];
  #value: number | undefined;

  constructor(path: readonly string[]) {
    this.#path = path;
  }

  /** Undefined: it has not come. */
  get value(): number | undefined {
    return this.#value;
  }

  /** Another document begins; the number found so far stays. */
  restart(): void {
    this.end();
    this.#reading = 'structure';
    this.#depth = 0;
    this.#matched = 0;
    this.#isNext = false;
    this.#expectsName = false;
    this.#escaped = false;
    this.#collected = [];
  }

  /** @param to octets from `from` up to this one, excluded */
  feed(octets: Uint8Array, from = 0, to = octets.length): void {
    for (let at = from; at < to; at += 1) {
      const octet = octets[at] ?? 0;
      switch (this.#reading) {
        case 'structure':
          this.#structure(octet);
          break;
        case 'number':
          if (isOfNumber(octet)) this.#collect(octet, MAX_NUMBER);
          else {
            this.end();
            this.#structure(octet);
          }
          break;
        default:
          this.#inText(octet);
      }
    }
  }

  /** A number at the very end has no octet behind it. */
  end(): void {
    if (this.#reading !== 'number') return;
    this.#reading = 'structure';
    const number =
      this.#collected.length > MAX_NUMBER ? Number.NaN : Number(String.fromCharCode(...this.#collected));
    if (Number.isFinite(number)) this.#value = number;
    this.#isNext = false;
  }

  #collect(octet: number, most: number): void {
    if (this.#collected.length <= most) this.#collected.push(octet);
  }

  #inText(octet: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (octet === BACKSLASH) this.#escaped = true;
    else if (octet === QUOTE) {
      if (this.#reading === 'name') this.#isNext = this.#nameOf() === this.#path[this.#matched];
      this.#reading = 'structure';
      return;
    }
    if (this.#reading === 'name') this.#collect(octet, MAX_NAME);
  }

  #nameOf(): string | undefined {
    if (this.#collected.length > MAX_NAME) return undefined;
    const raw = Buffer.from(this.#collected).toString();
    if (!raw.includes('\\')) return raw;
    try {
      return String(JSON.parse(`"${raw}"`));
    } catch {
      return undefined;
    }
  }

  #structure(octet: number): void {
    switch (octet) {
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.#enter(octet === OPEN_OBJECT);
        return;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (this.#depth > 0) this.#depth -= 1;
        if (this.#matched > this.#depth - 1) this.#matched = Math.max(0, this.#depth - 1);
        this.#isNext = false;
        this.#expectsName = false;
        return;
      case COMMA:
        this.#isNext = false;
        this.#expectsName = this.#objects[this.#depth - 1] === true;
        return;
      case COLON:
        this.#expectsName = false;
        return;
      case QUOTE: {
        // Only names of the object that the path has led to are looked at.
        const isName = this.#expectsName && this.#depth === this.#matched + 1;
        this.#reading = isName ? 'name' : 'text';
        this.#collected = [];
        return;
      }
      default:
        if (octet !== MINUS && (octet < 0x30 || octet > 0x39)) return;
        if (this.#isNext && this.#matched === this.#path.length - 1 && this.#depth === this.#matched + 1) {
          this.#reading = 'number';
          this.#collected = [octet];
        }
    }
  }

  #enter(isObject: boolean): void {
    const leads = isObject && (this.#depth === 0 || (this.#isNext && this.#depth === this.#matched + 1));
    if (leads && this.#depth > 0) this.#matched += 1;
    this.#depth += 1;
    if (this.#depth <= this.#path.length + 1) this.#objects[this.#depth - 1] = isObject;
    this.#expectsName = isObject;
    this.#isNext = false;
  }
}

function isOfNumber(octet: number): boolean {
  return (
    (octet >= 0x30 && octet <= 0x39) ||
    octet === 0x2e ||
    octet === MINUS ||
    octet === 0x2b ||
    (octet | 0x20) === 0x65
  );
}
