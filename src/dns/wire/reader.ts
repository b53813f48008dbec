import { PortolanError } from '../../errors/error.ts';
import { type DomainName, MAX_NAME_OCTETS, OCTET_TEXT } from '../name.ts';

/** What makes a message unreadable. @throws PortolanError DNS_WIRE_MALFORMED */
export function malformed(what: string): never {
  throw new PortolanError('DNS_WIRE_MALFORMED', what);
}

/** For octets that stand for themselves, the lower-case octet; 0 for those that need an escape. */
const PLAIN = Uint8Array.from(OCTET_TEXT, (text) => (text.length === 1 ? text.charCodeAt(0) : 0));

// One name at a time is put together here; nothing below can call back in between.
const scratch = Buffer.alloc(4 * MAX_NAME_OCTETS + 2);
let scratchLength = 0;

/** Starts a name; then `appendLabel` for each label and `takeName`. */
export function startName(): void {
  scratchLength = 0;
}

/** Adds the label whose `length` octets begin at `bytes[from]`. */
export function appendLabel(bytes: Uint8Array, from: number, length: number): void {
  for (let i = from; i < from + length; i += 1) {
    const octet = bytes[i] ?? 0;
    const plain = PLAIN[octet] ?? 0;
    if (plain !== 0) {
      scratch[scratchLength] = plain;
      scratchLength += 1;
    } else {
      scratchLength += scratch.write(OCTET_TEXT[octet] ?? '', scratchLength, 'latin1');
    }
  }
  scratch[scratchLength] = 0x2e;
  scratchLength += 1;
}

export function takeName(): DomainName {
  return (scratchLength === 0 ? '.' : scratch.toString('latin1', 0, scratchLength)) as DomainName;
}

/**
 * Reads a DNS message octet by octet. Every method throws DNS_WIRE_MALFORMED instead of reading past `end`; compression
 * pointers must point strictly before the name (or the pointer) they occur in, so no chain of them can loop.
 */
export class WireReader {
  readonly bytes: Uint8Array;
  offset: number;
  end: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  u8(): number {
    this.need(1);
    const value = this.bytes[this.offset] ?? 0;
    this.offset += 1;
    return value;
  }

  u16(): number {
    this.need(2);
    const at = this.offset;
    this.offset += 2;
    return ((this.bytes[at] ?? 0) << 8) | (this.bytes[at + 1] ?? 0);
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  /** A copy of the next `count` octets. */
  take(count: number): Uint8Array {
    this.need(count);
    const at = this.offset;
    this.offset += count;
    return new Uint8Array(this.bytes.subarray(at, at + count));
  }

  /** A copy of what is left, at least one octet. */
  rest(what: string): Uint8Array {
    if (this.remaining === 0) malformed(`${what} is empty`);
    return this.take(this.remaining);
  }

  /** A character-string: one length octet and that many octets (RFC 1035 section 3.3). */
  charString(): Uint8Array {
    return this.take(this.u8());
  }

  /** A domain name, compressed or not (RFC 1035 section 4.1.4). */
  name(): DomainName {
    startName();
    let at = this.offset;
    let limit = this.end; // labels in place must end within the field; those behind a pointer only within the message
    let lowest = at; // the next pointer must go below this
    let octets = 1;
    let resumeAt = -1;
    for (;;) {
      if (at >= limit) malformed('a name runs past the end');
      const length = this.bytes[at] ?? 0;
      if (length === 0) break;
      if (length < 0x40) {
        if (at + 1 + length > limit) malformed('a label runs past the end');
        octets += length + 1;
        if (octets > MAX_NAME_OCTETS) malformed('a name is longer than 255 octets');
        appendLabel(this.bytes, at + 1, length);
        at += length + 1;
      } else if (length >= 0xc0) {
        if (at + 2 > limit) malformed('a compression pointer runs past the end');
        const target = ((length & 0x3f) << 8) | (this.bytes[at + 1] ?? 0);
        if (target >= lowest) malformed('a compression pointer does not point backwards');
        if (resumeAt < 0) resumeAt = at + 2;
        limit = this.bytes.length;
        lowest = target;
        at = target;
      } else {
        malformed('a label has an unknown type');
      }
    }
    this.offset = resumeAt < 0 ? at + 1 : resumeAt;
    return takeName();
  }

  private need(count: number): void {
    if (this.offset + count > this.end) malformed('the message ends too early');
  }
}
