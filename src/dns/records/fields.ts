import { PortolanError } from '../../errors/error.ts';
import { type DomainName, readEscape, tryParseName } from '../name.ts';

/** One word of presentation text, escapes still in it. */
interface Token {
  readonly text: string;
  readonly quoted: boolean;
}

/** What the fields belong to: named in every error. */
export interface FieldsContext {
  /** Such as `MX`. */
  readonly typeName: string;
  readonly example: string;
  /** What relative names are relative to; without it names must be complete. */
  readonly origin?: DomainName | undefined;
}

const encoder = new TextEncoder();

/**
 * The whitespace-separated fields of a record's presentation form (RFC 1035 section 5.1), read from left to right.
 * Every method throws PortolanError DNS_RECORD_INVALID with an example of the type when a field is missing or wrong.
 */
export class Fields {
  readonly #tokens: readonly Token[];
  readonly #context: FieldsContext;
  #next = 0;

  constructor(text: string, context: FieldsContext) {
    this.#context = context;
    this.#tokens = this.#split(text);
  }

  fail(what: string): never {
    const { typeName, example } = this.#context;
    throw new PortolanError('DNS_RECORD_INVALID', `${typeName} record: ${what}; an example is: ${example}`, {
      fix: `Write it like this: ${example}`,
    });
  }

  get done(): boolean {
    return this.#next >= this.#tokens.length;
  }

  /** The next word, unquoted, escapes untouched. */
  word(field: string): string {
    return this.#take(field).text;
  }

  /** An unsigned number of `bits` bits in decimal. */
  unsigned(field: string, bits: 8 | 16 | 32): number {
    const text = this.word(field);
    const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
    const most = 2 ** bits - 1;
    if (value < 0 || value > most) this.fail(`${field} is "${text}", not a whole number from 0 to ${most}`);
    return value;
  }

  /** Seconds as a number or with units (`1h30m`), as zone files have them; at most 2^31-1 (RFC 2181 section 8). */
  seconds(field: string): number {
    const text = this.word(field);
    const value = parseSeconds(text);
    if (value === undefined) this.fail(`${field} is "${text}", not a time such as 3600 or 1h`);
    return value;
  }

  name(field: string): DomainName {
    const text = this.word(field);
    const { origin } = this.#context;
    if (origin === undefined && !text.includes('.')) {
      this.fail(`${field} "${text}" is not a complete domain name; write it in full with a dot at the end`);
    }
    if (origin !== undefined && text === '@') return origin;
    const relative = origin !== undefined && !endsWithDot(text);
    const result = tryParseName(relative ? `${text}.${origin === '.' ? '' : origin}` : text);
    if (typeof result === 'object') this.fail(`${field}: ${result.reason}`);
    return result;
  }

  /** A character-string of at most 255 octets; text outside ASCII is taken as UTF-8. */
  charString(field: string): Uint8Array {
    const octets = this.octets(field);
    if (octets.length > 255) {
      this.fail(
        `${field} has ${octets.length} octets and a string holds at most 255; split it: "first part" "second part"`,
      );
    }
    return octets;
  }

  /** The next word with its escapes resolved, of any length. */
  octets(field: string): Uint8Array {
    const token = this.#take(field);
    const octets = unescapeText(token.text);
    if (octets === undefined) this.fail(`${field} has a bad escape; write \\DDD with 000 to 255`);
    return octets;
  }

  /** Hexadecimal digits in all remaining words together. */
  hexToEnd(field: string): Uint8Array {
    let text = '';
    while (!this.done) text += this.word(field);
    if (!/^([0-9a-fA-F]{2})*$/.test(text)) this.fail(`${field} is not an even number of hexadecimal digits`);
    return new Uint8Array(Buffer.from(text, 'hex'));
  }

  /** As `hexToEnd`, at least one octet. */
  hexRequired(field: string): Uint8Array {
    const octets = this.hexToEnd(field);
    if (octets.length === 0) this.fail(`${field} is missing`);
    return octets;
  }

  /** Base64 (RFC 4648 section 4) in all remaining words together, at least one octet. */
  base64Required(field: string): Uint8Array {
    const words: string[] = [];
    while (!this.done) words.push(this.word(field));
    const text = words.join('');
    if (text === '') this.fail(`${field} is missing`);
    const octets = new Uint8Array(Buffer.from(text, 'base64'));
    // Buffer skips what it does not know: what it read must be what stands there.
    if (Buffer.from(octets).toString('base64').replace(/=+$/, '') !== text.replace(/={1,2}$/, ''))
      this.fail(`${field} is not base64`);
    return octets;
  }

  /** An unsigned number in decimal, or a name that stands for one. */
  numberOrName(field: string, bits: 8 | 16, names: ReadonlyMap<string, number>): number {
    const token = this.#tokens[this.#next];
    const named = token === undefined ? undefined : names.get(token.text.toUpperCase());
    if (named === undefined) return this.unsigned(field, bits);
    this.#next += 1;
    return named;
  }

  /** @throws PortolanError DNS_RECORD_INVALID when words are left over */
  end(): void {
    if (!this.done) this.fail(`"${this.word('the rest')}" is one field too many`);
  }

  #take(field: string): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined) return this.fail(`${field} is missing`);
    this.#next += 1;
    return token;
  }

  #split(text: string): readonly Token[] {
    const tokens: Token[] = [];
    let i = 0;
    while (i < text.length) {
      const char = text.charAt(i);
      if (char === ' ' || char === '\t') {
        i += 1;
        continue;
      }
      const quoted = char === '"';
      const start = quoted ? i + 1 : i;
      let end = start;
      let inner = false; // inside a quoted part of a word, such as alpn="h2,h3"
      for (; end < text.length; end += 1) {
        const at = text.charAt(end);
        if (at === '\n' || at === '\r') this.fail('the text holds a line break');
        if (at === '\\') {
          end += 1;
          if (end >= text.length) this.fail('the text ends with a lone backslash');
        } else if (quoted) {
          if (at === '"') break;
        } else if (at === '"') {
          inner = !inner;
        } else if (!inner) {
          if (at === ' ' || at === '\t') break;
          if (at === ';' || at === '(' || at === ')') this.fail(`"${at}" stands outside double quotes`);
        }
      }
      if ((quoted && end >= text.length) || inner) this.fail('a double quote is not closed');
      tokens.push({ text: text.slice(start, end), quoted });
      i = quoted ? end + 1 : end;
      if (quoted && i < text.length && !/[ \t]/.test(text.charAt(i)))
        this.fail('a space is missing after a quoted string');
    }
    return tokens;
  }
}

/** Octets of text with `\DDD` and `\c` escapes (RFC 1035 section 5.1); `undefined` when an escape is wrong. */
export function unescapeText(text: string): Uint8Array | undefined {
  if (!text.includes('\\')) return encoder.encode(text);
  const octets: number[] = [];
  for (let i = 0; i < text.length; ) {
    if (text.charAt(i) === '\\') {
      const escaped = readEscape(text, i);
      if (escaped === undefined) return undefined;
      octets.push(escaped.octet);
      i += escaped.length;
    } else {
      const next = text.indexOf('\\', i);
      const end = next < 0 ? text.length : next;
      for (const octet of encoder.encode(text.slice(i, end))) octets.push(octet);
      i = end;
    }
  }
  return Uint8Array.from(octets);
}

/** Text that `unescapeText` turns back into the same octets, without quotes around it. */
export function escapeText(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) {
    if (octet === 0x22 || octet === 0x5c) text += `\\${String.fromCharCode(octet)}`;
    else if (octet >= 0x20 && octet < 0x7f) text += String.fromCharCode(octet);
    else text += `\\${String(octet).padStart(3, '0')}`;
  }
  return text;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `3600`, `1h`, `1w2d`; `undefined` when it is neither or exceeds 2^31-1. */
export function parseSeconds(text: string): number | undefined {
  let total = 0;
  if (/^\d{1,10}$/.test(text)) {
    total = Number(text);
  } else {
    if (!/^(\d{1,10}[smhdw])+$/i.test(text)) return undefined;
    for (const [part] of text.toLowerCase().matchAll(/\d+[smhdw]/g))
      total += Number(part.slice(0, -1)) * (UNIT_SECONDS[part.slice(-1)] ?? 0);
  }
  return total <= 0x7fff_ffff ? total : undefined;
}

/** True when the name's last character is a dot that is not escaped: the name is absolute. */
export function endsWithDot(text: string): boolean {
  const at = text.length - 1;
  if (text.charCodeAt(at) !== 0x2e) return false;
  let escapes = 0;
  while (text.charCodeAt(at - 1 - escapes) === 0x5c) escapes += 1;
  return escapes % 2 === 0;
}
