import { KeyHash } from './key-hash.ts';
import { BANKS, type QuotaTaker, type TableMs, type TakeVerdict } from './table-contract.ts';
import {
  BANK,
  BANK_WORDS,
  HEADER,
  MAX_TOKENS,
  MIN_TOKENS,
  REPORT,
  REPORT_DOUBLES,
  SERIAL_MASK,
  SLOT,
  SLOT_WORDS,
  shapeOf,
  tokensOf,
  wordOf,
} from './table-layout.ts';

const ADMITTED: TakeVerdict = 0;
const REFUSED: TakeVerdict = 1;
const ASK: TakeVerdict = 2;
const BANKS_OF_SLOT = 3;
/** How often a bank is looked at whose generation the writer is just changing; it may have been stopped in the middle of it. */
const PATIENCE = 1000;

/** For one thread that admits from this memory (`createQuotaMemory`). */
export function createTaker(memory: SharedArrayBuffer): QuotaTaker {
  return new Taker(memory);
}

/** A power of two; no more, for each may hold on to the longer text that it is a piece of. */
const RECENT = 1024;

/** Keys that differ do so at their ends, as a rule. */
function placeOf(budget: number, key: string): number {
  const { length } = key;
  let mixed = Math.imul(budget + 1, 0x9e3779b1) ^ length;
  for (let at = length - 1; at >= 0 && at >= length - 4; at -= 1)
    mixed = Math.imul(mixed ^ key.charCodeAt(at), 0x01000193);
  mixed = Math.imul(mixed ^ key.charCodeAt(length >> 1), 0x01000193);
  return (mixed ^ (mixed >>> 15)) & (RECENT - 1);
}

class Taker implements QuotaTaker {
  readonly #words: Int32Array;
  readonly #reports: Float64Array;
  readonly #hash: KeyHash;
  readonly #entries: number;
  readonly #index: number;
  readonly #slotsAt: number;
  readonly #reportsAt: number;
  /** By slot: which life of it `find` found, so that `take` never takes from the next key that has it. */
  readonly #lives: Int32Array;
  /**
   * Keys found before, so that those in use need no hash: by a mix of some of their characters, which meet now and then. A slot is of one
   * key for a life, so what was found holds as long as the slot's life is the same.
   */
  readonly #recent: string[] = new Array<string>(RECENT).fill('');
  readonly #recentBudgets = new Int32Array(RECENT).fill(-1);
  readonly #recentSlots = new Int32Array(RECENT);
  readonly #recentLives = new Int32Array(RECENT);
  #receipt = 0;
  /** Of the last look or take: which tokens count as left. */
  #now = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#reports = new Float64Array(memory);
    const { entries, index, slotsAt, reportsAt, slots } = shapeOf(this.#words[HEADER.capacity] ?? 0);
    this.#entries = entries;
    this.#index = index;
    this.#slotsAt = slotsAt;
    this.#reportsAt = reportsAt;
    this.#lives = new Int32Array(slots);
    this.#hash = new KeyHash(this.#words[HEADER.seed0] ?? 0, this.#words[HEADER.seed1] ?? 0);
  }

  get receipt(): number {
    return this.#receipt;
  }

  find(budget: number, key: string): number {
    const place = placeOf(budget, key);
    if (this.#recentBudgets[place] === budget && this.#recent[place] === key) {
      const slot = this.#recentSlots[place] ?? 0;
      const life = this.#recentLives[place] ?? 0;
      if (Atomics.load(this.#words, this.#lifeAt(slot)) === life) {
        this.#lives[slot] = life;
        return slot;
      }
    }
    const slot = this.#search(budget, key);
    if (slot >= 0) {
      this.#recent[place] = key;
      this.#recentBudgets[place] = budget;
      this.#recentSlots[place] = slot;
      this.#recentLives[place] = this.#lives[slot] ?? 0;
    }
    return slot;
  }

  #search(budget: number, key: string): number {
    const words = this.#words;
    const hash = this.#hash;
    hash.of(budget, key);
    const { low, high } = hash;
    const mask = this.#entries - 1;
    const base = this.#index + Atomics.load(words, HEADER.active) * this.#entries;
    // Whoever reads an index that was rebuilt meanwhile sees anything: no entry is believed, and the walk ends.
    for (let step = 0; step <= mask; step += 1) {
      const entry = Atomics.load(words, base + ((low + step) & mask));
      if (entry === 0) return -1;
      if (entry < 0) continue;
      const slot = entry - 1;
      const at = this.#slotsAt + slot * SLOT_WORDS;
      if (Atomics.load(words, at + SLOT.tagLow) !== low) continue;
      const life = Atomics.load(words, at + SLOT.life);
      if (
        Atomics.load(words, at + SLOT.tagLow) === low &&
        Atomics.load(words, at + SLOT.tagHigh) === high &&
        Atomics.load(words, at + SLOT.life) === life &&
        (life & 1) === 1
      ) {
        this.#lives[slot] = life;
        return slot;
      }
    }
    return -1;
  }

  look(slot: number, hits: number, nowMs: TableMs): TakeVerdict {
    const at = this.#slotsAt + slot * SLOT_WORDS;
    const now = nowMs | 0;
    this.#now = nowMs;
    for (let bank = 0; bank < BANKS_OF_SLOT; bank += 1) {
      const place = at + SLOT.banks + bank * BANK_WORDS;
      if (tokensOf(Atomics.load(this.#words, place)) >= hits && this.#isTime(place, now)) return ADMITTED;
    }
    Atomics.add(this.#words, at + SLOT.demand, hits);
    return this.#without(slot, nowMs);
  }

  take(slot: number, hits: number, nowMs: TableMs): TakeVerdict {
    const at = this.#slotsAt + slot * SLOT_WORDS;
    const now = nowMs | 0;
    this.#now = nowMs;
    Atomics.add(this.#words, at + SLOT.demand, hits);
    for (let bank = 0; bank < BANKS_OF_SLOT; bank += 1) {
      const serial = this.#takeFrom(slot, at, at + SLOT.banks + bank * BANK_WORDS, hits, now);
      if (serial !== undefined) {
        this.#receipt = ((serial & SERIAL_MASK) << 2) | bank;
        return ADMITTED;
      }
    }
    return this.#without(slot, nowMs);
  }

  /**
   * The serial is read first and the word after it: of the same generation, the word's is the serial's, not one 256 before. Whose slot it
   * is and when the bank's time is are read in between that and the swap; the writer changes neither without a new generation, so if the
   * swap finds the word as it was, they are the word's. A thread that stood still while 256 generations went by is the one whose word could
   * look the same and be another: it sees that by the serial afterwards, and what it took is lost instead of admitted.
   */
  #takeFrom(slot: number, at: number, place: number, hits: number, now: number): number | undefined {
    const words = this.#words;
    for (let changing = 0; changing < PATIENCE; ) {
      const serial = Atomics.load(words, place + BANK.serial);
      const word = Atomics.load(words, place + BANK.word);
      const left = tokensOf(word) - hits;
      if (left < 0) return undefined;
      if (word >>> 24 !== (serial & 0xff)) {
        changing += 1;
        continue;
      }
      if (Atomics.load(words, at + SLOT.life) !== this.#lives[slot]) return undefined;
      if (!this.#isTime(place, now)) return undefined;
      if (Atomics.compareExchange(words, place + BANK.word, word, wordOf(serial, left)) !== word) continue;
      const passed = (Atomics.load(words, place + BANK.serial) - serial) | 0;
      if (passed >= 0 && passed < 256) return serial;
    }
    return undefined;
  }

  /** Times are kept modulo 2^32; the writer keeps those that matter within 2^30 ms of now. */
  #isTime(place: number, now: number): boolean {
    const words = this.#words;
    return (
      ((now - Atomics.load(words, place + BANK.from)) | 0) >= 0 &&
      ((Atomics.load(words, place + BANK.until) - now) | 0) > 0
    );
  }

  #without(slot: number, nowMs: TableMs): TakeVerdict {
    const until = this.#reports[this.#reportsAt + slot * REPORT_DOUBLES + REPORT.refuseUntil] ?? 0;
    return nowMs < until && Atomics.load(this.#words, this.#lifeAt(slot)) === this.#lives[slot]
      ? REFUSED
      : ASK;
  }

  #lifeAt(slot: number): number {
    return this.#slotsAt + slot * SLOT_WORDS + SLOT.life;
  }

  settle(slot: number, receipt: number, more: number): boolean {
    if (more < 0 && (receipt & 3) === BANKS.floor) return false;
    const words = this.#words;
    const place = this.#slotsAt + slot * SLOT_WORDS + SLOT.banks + (receipt & 3) * BANK_WORDS;
    for (;;) {
      const serial = Atomics.load(words, place + BANK.serial);
      if ((serial & SERIAL_MASK) !== receipt >>> 2) return false;
      const word = Atomics.load(words, place + BANK.word);
      if (word >>> 24 !== (serial & 0xff)) continue;
      const tokens = Math.max(MIN_TOKENS, Math.min(MAX_TOKENS, tokensOf(word) - more));
      if (Atomics.compareExchange(words, place + BANK.word, word, wordOf(serial, tokens)) === word)
        return true;
    }
  }

  charge(slot: number, hits: number, nowMs: TableMs): boolean {
    const words = this.#words;
    const at = this.#slotsAt + slot * SLOT_WORDS;
    const now = nowMs | 0;
    for (let bank = 0; bank < BANKS_OF_SLOT; bank += 1) {
      const place = at + SLOT.banks + bank * BANK_WORDS;
      for (let changing = 0; changing < PATIENCE; changing += 1) {
        const serial = Atomics.load(words, place + BANK.serial);
        if (!this.#isTime(place, now)) break;
        if (Atomics.load(words, at + SLOT.life) !== this.#lives[slot]) return false;
        // Of another generation by now: its time is read again.
        if (this.settle(slot, ((serial & SERIAL_MASK) << 2) | bank, hits)) return true;
      }
    }
    return false;
  }

  left(slot: number): number {
    const place = this.#slotsAt + slot * SLOT_WORDS + SLOT.banks;
    const now = this.#now | 0;
    let tokens = this.#reports[this.#reportsAt + slot * REPORT_DOUBLES + REPORT.left] ?? 0;
    for (let bank = 0; bank < BANKS_OF_SLOT; bank += 1) {
      const here = place + bank * BANK_WORDS;
      if (this.#isTime(here, now)) tokens += tokensOf(Atomics.load(this.#words, here));
    }
    return Math.max(0, tokens);
  }

  limit(slot: number): number {
    return this.#reports[this.#reportsAt + slot * REPORT_DOUBLES + REPORT.limit] ?? 0;
  }

  retryMs(slot: number): TableMs {
    return this.#reports[this.#reportsAt + slot * REPORT_DOUBLES + REPORT.retry] ?? 0;
  }

  resetMs(slot: number): TableMs {
    return this.#reports[this.#reportsAt + slot * REPORT_DOUBLES + REPORT.reset] ?? 0;
  }
}
