/*
 * The key table in memory that threads share. Three buffers: control words, slots, and records. Slots are open addressing in 256
 * shards; each shard is a region of the slot buffer, so that one grows, or loses its tombstones, without the others and without a
 * message to any reader: its place stands in one control word. Buffers grow in place and are never replaced.
 */

/** What is handed to the threads of a process; as `workerData` or in a message. */
export interface SharedKeys {
  readonly control: SharedArrayBuffer;
  /** Growable. */
  readonly slots: SharedArrayBuffer;
  /** Growable. */
  readonly arena: SharedArrayBuffer;
  /** Zero of `HEARD` on the clock that all threads share, milliseconds. */
  readonly zeroMs: number;
}

export const SHARDS = 256;

/** Keys that can be looked up. */
export const SIZE = 0;
/** When the hub last said that nothing is missing: tenths of a second after `zeroMs`; 0: never. */
export const HEARD = 1;
/** First of the words that say where each shard's region begins, counted in slots; 0: the shard is empty. */
export const DIRECTORY = 8;
export const CONTROL_WORDS = DIRECTORY + SHARDS;

/** Four words of digest, the record's place, the state. */
export const SLOT_WORDS = 6;
export const REF = 4;
export const STATE = 5;
export const SLOT_BYTES = SLOT_WORDS * 4;

/** Low bits of a state word; the rest counts the changes of this slot, so that a reader sees every one. */
export const EMPTY = 0;
export const LIVE = 1;
export const REVOKED = 2;
/** Was used: probing goes on past it. */
export const GONE = 3;
export const KIND_MASK = 3;
export const CHANGE = 4;

/** Places of records are counted in these. */
export const BLOCK_BYTES = 8;

const GIB = 1 << 30;
/** Address space that is set aside; memory is used as it is touched. */
export const MAX_SLOTS_BYTES = GIB / 2;
export const MAX_ARENA_BYTES = GIB;

/** The shard of a digest by its last word, and its first place there by the first word. */
export function shardOf(lastWord: number): number {
  return lastWord & (SHARDS - 1);
}

const TENTH_MS = 100;
/** Years before the start can be said, too: what a file remembers. */
const HEARD_BIAS = 1 << 30;

export function toHeard(atMs: number, zeroMs: number): number {
  return Math.max(1, HEARD_BIAS + Math.floor((atMs - zeroMs) / TENTH_MS));
}

/** Milliseconds since then; infinite when it never was. */
export function heardAgoMs(heard: number, zeroMs: number, nowMs: number): number {
  if (heard === 0) return Number.POSITIVE_INFINITY;
  return Math.max(0, nowMs - zeroMs - (heard - HEARD_BIAS) * TENTH_MS);
}

/** A clock that is the same in every thread of a process, milliseconds; `performance.now()` is not. */
export function sharedClockMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
