/*
 * A zone in one SharedArrayBuffer: all its names and RRsets, compiled once, read by every thread without a copy. Integers are
 * 32-bit words in the machine's byte order (threads share a machine; nothing is written to disk).
 *
 *   header   8 words: version, nodes, sets, routed names, slots, octets of text, octets of data, reserved
 *   slots    1 word each, a power of two: open addressing with linear probing over `hashText`; node + 1, or 0 when free
 *   nodes    6 words each, see NODE
 *   sets     4 words each, see SET; those of one node are neighbours
 *   text     the nodes' names without the origin, in canonical spelling: `www.` in example.com, nothing for the apex
 *   data     the records of each set as `RRset.wire` has them
 *
 * Names are kept as text, not in wire form: the canonical text of a name is as long (but for escaped octets), is equal
 * exactly when the names are, and is what the rest of the program knows names by.
 */

export const VERSION = 1;

export const HEADER = {
  version: 0,
  nodes: 1,
  sets: 2,
  routed: 3,
  slots: 4,
  textOctets: 5,
  dataOctets: 6,
  words: 8,
} as const;

export const NODE = {
  /** Where its name begins in the text. */
  text: 0,
  /** Octets of its name (the low half) and its number of sets (the high half). */
  textLengthAndSets: 1,
  firstSet: 2,
  /** The node of the highest delegation at or above + 1; 0: none. */
  cut: 3,
  /** The node `*` directly below + 1; 0: none. */
  wildcard: 4,
  /** Its number among the routed names + 1; 0: not routed. */
  routed: 5,
  words: 6,
} as const;

export const SET = {
  /** Record type (the low half) and number of records (the high half). */
  typeAndRecords: 0,
  ttlSeconds: 1,
  /** Where its records begin in the data. */
  data: 2,
  dataLength: 3,
  words: 4,
} as const;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Hash of the first `length` characters of a canonical name (FNV-1a, mixed so that the low bits depend on all). */
export function hashText(text: string, length: number): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return mixed(hash);
}

/** As `hashText`, of text in octets. */
export function hashOctets(octets: Uint8Array, from: number, to: number): number {
  let hash = FNV_OFFSET;
  for (let i = from; i < to; i += 1) hash = Math.imul(hash ^ (octets[i] ?? 0), FNV_PRIME);
  return mixed(hash);
}

function mixed(hash: number): number {
  const x = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (x ^ (x >>> 12)) >>> 0;
}

/** Slots for so many names: at most two of three are taken. */
export function slotsFor(nodes: number): number {
  let slots = 4;
  while (slots * 2 < nodes * 3) slots *= 2;
  return slots;
}

/** How many characters of a name at or below the origin stand before the origin. */
export function ownLength(name: string, origin: string): number {
  if (name === origin) return 0;
  return origin === '.' ? name.length : name.length - origin.length;
}
