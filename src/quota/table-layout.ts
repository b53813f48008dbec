/*
 * Where everything stands in the memory of the table. All of it 32-bit words but for what answers say.
 *
 *   header    16 words
 *   index     twice: one in use, one that the next rebuild writes. Open addressing with linear probing; an entry is a slot + 1, 0: none,
 *             -1: removed
 *   slots     16 words each, a cache line
 *   reports   5 doubles each
 *
 * A slot is of one key from `insert` to `remove`: `LIFE` counts both, so it is odd while there is a key. Each bank has a serial number
 * beside its word, whose low 8 bits are the word's generation: the word is what is swapped, the serial is what never comes round.
 */

export const HEADER = {
  /** Keys at most, and slots: more, so that one that became free rests before it is used again. */
  capacity: 0,
  slots: 1,
  /** Entries of one index, a power of two. */
  entries: 2,
  seed0: 3,
  seed1: 4,
  /** 0 or 1: which index is in use. */
  active: 5,
  size: 6,
  /** Grows when every grant was dropped because clocks did not go on together. */
  clockBreaks: 7,
  /** 1: the hub is away. */
  away: 8,
  /** Double: `process.hrtime` of the table's making, milliseconds. Words 10 and 11. */
  origin: 10,
} as const;
export const HEADER_WORDS = 16;

export const SLOT_WORDS = 16;
export const SLOT = { tagLow: 0, tagHigh: 1, life: 2, demand: 3, banks: 4 } as const;
export const BANK_WORDS = 4;
export const BANK = { word: 0, serial: 1, from: 2, until: 3 } as const;

export const REPORT_DOUBLES = 5;
export const REPORT = { refuseUntil: 0, reset: 1, left: 2, limit: 3, retry: 4 } as const;

export const MAX_CAPACITY = 4_194_304;

/** A receipt is a serial's low bits and a bank: a small integer. */
export const SERIAL_MASK = 0xfff_ffff;

export interface TableShape {
  readonly capacity: number;
  readonly slots: number;
  readonly entries: number;
  /** Words at which they begin. */
  readonly index: number;
  readonly slotsAt: number;
  /** Doubles at which they begin. */
  readonly reportsAt: number;
  readonly octets: number;
}

/** A slot rests while so many others become free: it has then seen fewer generations than a thread can sleep through. */
function restOf(capacity: number): number {
  return Math.max(16, capacity >> 4);
}

/** @param capacity keys, 1 to `MAX_CAPACITY` */
export function shapeOf(capacity: number): TableShape {
  if (!Number.isSafeInteger(capacity) || capacity < 1 || capacity > MAX_CAPACITY)
    throw new RangeError(`a table of ${capacity} keys cannot be made`);
  const slots = capacity + restOf(capacity);
  let entries = 32;
  while (entries < capacity * 2) entries *= 2;
  // Slots begin at a cache line: everything before is a multiple of 16 words.
  const slotsAt = HEADER_WORDS + 2 * entries;
  const reportsAt = (slotsAt + slots * SLOT_WORDS) / 2;
  return {
    capacity,
    slots,
    entries,
    index: HEADER_WORDS,
    slotsAt,
    reportsAt,
    octets: (reportsAt + slots * REPORT_DOUBLES) * 8,
  };
}

export function tokensOf(word: number): number {
  return (word << 8) >> 8;
}

export function wordOf(serial: number, tokens: number): number {
  return ((serial & 0xff) << 24) | (tokens & 0xff_ffff);
}

/** Smallest and largest that a bank's word can say. */
export const MIN_TOKENS = -(2 ** 23);
export const MAX_TOKENS = 2 ** 23 - 1;
