import type { DomainName } from '../name.ts';
import { appendLabel, startName, takeName } from './reader.ts';

/** Names held by default: with the longest that are held, 4 MB. */
export const NAME_SLOTS = 32_768;
/** Longer names are rare, and would only make the cache larger. */
const MAX_HELD_OCTETS = 64;

const LOWER = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
);

const DOT = 0x2e;

/** Names that fall on one place share so many slots. A power of two. */
const WAYS = 4;

/**
 * The names of recent queries, so that a name asked for again needs no new text: the same string, whose hash is known to every
 * map it is looked up in. A fixed number of names is held, whatever is asked: a name that finds its slots taken takes one of them.
 */
export class NameCache {
  readonly #names: (DomainName | undefined)[];
  /** Hash of each name that is held: only a name with the same one is looked at. */
  readonly #hashes: Int32Array;
  readonly #mask: number;
  /** Of an empty name; a test makes all hashes equal. */
  readonly #prime: number;
  /** Which of the slots is taken over next. */
  #turn = 0;
  /** Where the name last asked for is held; -1: it is not. Others keep what they know of it under this number. */
  slot = -1;

  /** @param slots a power of two, 4 at least */
  constructor(slots = NAME_SLOTS, prime = 0x01000193) {
    this.#names = new Array<DomainName | undefined>(slots).fill(undefined);
    this.#hashes = new Int32Array(slots);
    this.#mask = slots / WAYS - 1;
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
    this.slot = -1;
    if (length > MAX_HELD_OCTETS) return nameOf(bytes, from, to);
    let hash = 0;
    for (let i = from; i < to; i += 1) hash = Math.imul(hash ^ (LOWER[bytes[i] ?? 0] ?? 0), this.#prime);
    const first = ((hash ^ (hash >>> 15)) & this.#mask) * WAYS;
    let free = -1;
    for (let slot = first; slot < first + WAYS; slot += 1) {
      if (this.#hashes[slot] !== hash) continue;
      const held = this.#names[slot];
      if (held === undefined) free = slot;
      else if (held.length === length && isSame(held, bytes, from)) {
        this.slot = slot;
        return held;
      }
    }
    const name = nameOf(bytes, from, to);
    // With an escape the text is longer, and its octets would not stand where those of the message do.
    if (name.length === length) this.#hold(name, hash, first, free);
    return name;
  }

  #hold(name: DomainName, hash: number, first: number, free: number): void {
    let slot = free;
    for (let at = first; slot < 0 && at < first + WAYS; at += 1) {
      if (this.#names[at] === undefined) slot = at;
    }
    if (slot < 0) {
      this.#turn = (this.#turn + 1) & (WAYS - 1);
      slot = first + this.#turn;
    }
    this.#names[slot] = name;
    this.#hashes[slot] = hash;
    this.slot = slot;
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
