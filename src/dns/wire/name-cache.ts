import type { DomainName } from '../name.ts';
import { appendLabel, startName, takeName } from './reader.ts';

/** Names held by default: with the longest that are held, 4 MB. */
const DEFAULT_SLOTS = 32_768;
/** Longer names are rare, and would only make the cache larger. */
const MAX_HELD_OCTETS = 64;

const LOWER = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
);

const DOT = 0x2e;

/**
 * The names of recent queries, so that a name asked for again needs no new text: the same string, whose hash is known to every
 * map it is looked up in. One name a slot, whatever is asked: a name that falls on another's slot takes its place.
 */
export class NameCache {
  readonly #names: (DomainName | undefined)[];
  readonly #mask: number;
  /** Of an empty name; a test makes all hashes equal. */
  readonly #prime: number;

  /** @param slots a power of two */
  constructor(slots = DEFAULT_SLOTS, prime = 0x01000193) {
    this.#names = new Array<DomainName | undefined>(slots).fill(undefined);
    this.#mask = slots - 1;
    this.#prime = prime;
  }

  /** Names that are held. */
  get size(): number {
    return this.#names.reduce((count, name) => (name === undefined ? count : count + 1), 0);
  }

  /**
   * The name whose labels stand in `bytes[from..to)`, its final zero at `to`.
   * The caller made sure that they are labels and no more than 255 octets.
   */
  name(bytes: Uint8Array, from: number, to: number): DomainName {
    const length = to - from;
    if (length > MAX_HELD_OCTETS) return nameOf(bytes, from, to);
    let hash = 0;
    for (let i = from; i < to; i += 1) hash = Math.imul(hash ^ (LOWER[bytes[i] ?? 0] ?? 0), this.#prime);
    const slot = (hash ^ (hash >>> 15)) & this.#mask;
    const held = this.#names[slot];
    if (held !== undefined && held.length === length && isSame(held, bytes, from)) return held;
    const name = nameOf(bytes, from, to);
    // With an escape the text is longer, and its octets would not stand where those of the message do.
    if (name.length === length) this.#names[slot] = name;
    return name;
  }
}

/** A held name has as many characters as the labels have octets: a dot after each label instead of its length before it. */
function isSame(held: DomainName, bytes: Uint8Array, from: number): boolean {
  let at = 0;
  while (at < held.length) {
    const end = at + (bytes[from + at] ?? 0);
    if (held.charCodeAt(end) !== DOT) return false;
    // A dot inside a label is spelt with an escape: the text of a held name has none but those after labels.
    for (; at < end; at += 1) {
      const octet = LOWER[bytes[from + at + 1] ?? 0];
      if (octet === DOT || held.charCodeAt(at) !== octet) return false;
    }
    at += 1;
  }
  return true;
}

function nameOf(bytes: Uint8Array, from: number, to: number): DomainName {
  startName();
  for (let at = from; at < to; at += (bytes[at] ?? 0) + 1) appendLabel(bytes, at + 1, bytes[at] ?? 0);
  return takeName();
}
