import { parseIpv4, parseIpv6 } from '../dns/address.ts';
import { PortolanError } from '../errors/error.ts';

/** A CIDR block in octets; bits beyond the prefix are zero. */
export interface CidrBlock {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
}

/** What the index says of one address. */
export interface CidrMatch {
  /** Values of the blocks that hold the address, longest prefix first. */
  readonly values: readonly number[];
  /** Bits of the largest network around the address in which every address matches the same blocks. */
  readonly constantPrefixLength: number;
}

const NONE: CidrMatch = { values: [], constantPrefixLength: 0 };

/** @throws PortolanError VALIDATION_FAILED when the text is no CIDR block. */
export function parseCidr(text: string): CidrBlock {
  const slash = text.indexOf('/');
  const address = text.slice(0, Math.max(0, slash));
  const bytes = parseIpv4(address) ?? parseIpv6(address);
  const prefixLength = Number(text.slice(slash + 1));
  if (
    slash < 0 ||
    bytes === undefined ||
    !/^\d{1,3}$/.test(text.slice(slash + 1)) ||
    prefixLength > bytes.length * 8
  ) {
    throw new PortolanError('VALIDATION_FAILED', `"${text}" is not a CIDR block such as 192.0.2.0/24`);
  }
  return { family: bytes.length === 4 ? 4 : 6, bytes: maskOctets(bytes, prefixLength), prefixLength };
}

/** A copy with the bits beyond `prefixLength` cleared. */
export function maskOctets(bytes: Uint8Array, prefixLength: number): Uint8Array {
  const masked = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += 1) {
    const bits = Math.min(8, Math.max(0, prefixLength - i * 8));
    masked[i] = (bytes[i] ?? 0) & (0xff << (8 - bits));
  }
  return masked;
}

/**
 * Finds all blocks around an address and how far that answer holds. The address space is cut at every first and last
 * address of a block into segments with one answer each, so a lookup is a binary search, and a *narrower* block nested in the
 * client's network shortens the segment: the ECS scope cannot lie about it (RFC 7871 section 7.2.1).
 */
export class CidrIndex {
  readonly #v4: Segments | undefined;
  readonly #v6: Segments | undefined;

  constructor(blocks: readonly (CidrBlock & { readonly value: number })[]) {
    this.#v4 = segmentsOf(
      blocks.filter((b) => b.family === 4),
      1,
    );
    this.#v6 = segmentsOf(
      blocks.filter((b) => b.family === 6),
      4,
    );
  }

  lookup(family: 4 | 6, bytes: Uint8Array): CidrMatch {
    const segments = family === 4 ? this.#v4 : this.#v6;
    return segments === undefined ? NONE : segments.lookup(bytes);
  }
}

type Words = readonly number[];

/** Octets are compared in place: a lookup allocates nothing but its result. */
class Segments {
  /** Octets of an address. */
  readonly #width: number;
  /** First address of each segment; that of the first is 0. */
  readonly #firsts: Uint8Array;
  /** Last address of each segment. */
  readonly #lasts: Uint8Array;
  readonly #values: readonly (readonly number[])[];

  constructor(width: number, starts: readonly Words[], values: readonly (readonly number[])[]) {
    this.#width = width;
    this.#firsts = Uint8Array.from(starts.flatMap(octetsOf));
    const highest = new Array<number>(width / 4).fill(0xffff_ffff);
    this.#lasts = Uint8Array.from(
      starts.flatMap((_, i) => {
        const next = starts[i + 1];
        return octetsOf(next === undefined ? highest : before(next));
      }),
    );
    this.#values = values;
  }

  lookup(bytes: Uint8Array): CidrMatch {
    let low = 0;
    let high = this.#values.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#isAtOrAfter(bytes, middle)) low = middle;
      else high = middle - 1;
    }
    // The network may not reach the neighbours: one bit more than what the address shares with their nearest addresses.
    const below = low === 0 ? -1 : this.#sharedBits(bytes, this.#lasts, low - 1);
    const above = low === this.#values.length - 1 ? -1 : this.#sharedBits(bytes, this.#firsts, low + 1);
    return { values: this.#values[low] ?? [], constantPrefixLength: 1 + Math.max(below, above) };
  }

  #isAtOrAfter(bytes: Uint8Array, segment: number): boolean {
    const at = segment * this.#width;
    for (let i = 0; i < this.#width; i += 1) {
      const difference = (bytes[i] ?? 0) - (this.#firsts[at + i] ?? 0);
      if (difference !== 0) return difference > 0;
    }
    return true;
  }

  #sharedBits(bytes: Uint8Array, addresses: Uint8Array, segment: number): number {
    const at = segment * this.#width;
    for (let i = 0; i < this.#width; i += 1) {
      const difference = (bytes[i] ?? 0) ^ (addresses[at + i] ?? 0);
      if (difference !== 0) return i * 8 + Math.clz32(difference) - 24;
    }
    return this.#width * 8;
  }
}

function segmentsOf(
  blocks: readonly (CidrBlock & { readonly value: number })[],
  width: number,
): Segments | undefined {
  if (blocks.length === 0) return undefined;
  const ordered = blocks
    .map((b) => ({
      value: b.value,
      prefixLength: b.prefixLength,
      start: wordsOf(b.bytes),
      end: afterBlock(b, width),
    }))
    .sort((a, b) => compare(a.start, b.start) || a.prefixLength - b.prefixLength);
  const cuts: Words[] = [new Array<number>(width).fill(0)];
  for (const block of ordered) {
    cuts.push(block.start);
    if (block.end !== undefined) cuts.push(block.end);
  }
  cuts.sort(compare);
  const starts: Words[] = [];
  const values: (readonly number[])[] = [];
  const open: (typeof ordered)[number][] = [];
  let next = 0;
  cuts.forEach((cut, i) => {
    const previous = cuts[i - 1];
    if (previous !== undefined && compare(previous, cut) === 0) return;
    // Blocks are nested or apart, so those that hold `cut` are a stack.
    for (let top = open.at(-1); top?.end !== undefined && compare(top.end, cut) <= 0; top = open.at(-1))
      open.pop();
    for (
      let block = ordered[next];
      block !== undefined && compare(block.start, cut) === 0;
      block = ordered[next]
    ) {
      open.push(block);
      next += 1;
    }
    const here = [...new Set(open.map((b) => b.value).reverse())];
    const last = values.at(-1);
    if (last !== undefined && last.length === here.length && last.every((v, at) => v === here[at])) return;
    starts.push(cut);
    values.push(here);
  });
  return new Segments(width * 4, starts, values);
}

function wordsOf(bytes: Uint8Array): Words {
  const words: number[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    words.push(
      (((bytes[i] ?? 0) << 24) |
        ((bytes[i + 1] ?? 0) << 16) |
        ((bytes[i + 2] ?? 0) << 8) |
        (bytes[i + 3] ?? 0)) >>>
        0,
    );
  }
  return words;
}

/** First address after the block; `undefined` when the block reaches the end of the address space. */
function afterBlock(block: CidrBlock, width: number): Words | undefined {
  const words = [...wordsOf(block.bytes)];
  if (block.prefixLength === 0) return undefined;
  const at = (block.prefixLength - 1) >> 5;
  let carry = 2 ** (31 - ((block.prefixLength - 1) & 31));
  for (let i = Math.min(at, width - 1); i >= 0 && carry > 0; i -= 1) {
    const sum = (words[i] ?? 0) + carry;
    words[i] = sum >>> 0;
    carry = sum > 0xffff_ffff ? 1 : 0;
  }
  return carry > 0 ? undefined : words;
}

/** The address before; only called for addresses above zero. */
function before(address: Words): Words {
  const words = [...address];
  for (let i = words.length - 1; i >= 0; i -= 1) {
    const word = words[i] ?? 0;
    words[i] = word === 0 ? 0xffff_ffff : word - 1;
    if (word !== 0) break;
  }
  return words;
}

function compare(a: Words, b: Words): number {
  for (let i = 0; i < a.length; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function octetsOf(words: Words): number[] {
  return words.flatMap((word) => [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff]);
}
