import { KeyHash } from './key-hash.ts';
import type { Bank, QuotaTableWriter, TableMs } from './table-contract.ts';
import {
  BANK,
  BANK_WORDS,
  HEADER,
  MAX_TOKENS,
  MIN_TOKENS,
  REPORT,
  REPORT_DOUBLES,
  SLOT,
  SLOT_WORDS,
  shapeOf,
  type TableShape,
  tokensOf,
  wordOf,
} from './table-layout.ts';

const BANKS_OF_SLOT = 3;
/** Times further away than this cannot be told from the past; `maintain` brings them nearer again. */
const HORIZON_MS = 2 ** 30;

/** For the one thread that writes this memory (`createQuotaMemory`). */
export function createTableWriter(memory: SharedArrayBuffer): QuotaTableWriter {
  return new Writer(memory);
}

class Writer implements QuotaTableWriter {
  readonly #words: Int32Array;
  readonly #reports: Float64Array;
  readonly #shape: TableShape;
  readonly #hash: KeyHash;
  /** Slots without a key, the longest free first: a ring. */
  readonly #free: Int32Array;
  #freeFrom = 0;
  #freeCount: number;
  #size = 0;
  /** Entries of the index that say "removed". */
  #gone = 0;
  /** By bank: its time as it was given. */
  readonly #from: Float64Array;
  readonly #until: Float64Array;
  #nowMs = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#reports = new Float64Array(memory);
    this.#shape = shapeOf(this.#words[HEADER.capacity] ?? 0);
    this.#hash = new KeyHash(this.#words[HEADER.seed0] ?? 0, this.#words[HEADER.seed1] ?? 0);
    this.#free = Int32Array.from({ length: this.#shape.slots }, (_, slot) => slot);
    this.#freeCount = this.#shape.slots;
    this.#from = new Float64Array(this.#shape.slots * BANKS_OF_SLOT);
    this.#until = new Float64Array(this.#shape.slots * BANKS_OF_SLOT);
  }

  get capacity(): number {
    return this.#shape.capacity;
  }

  get size(): number {
    return this.#size;
  }

  insert(budget: number, key: string): number {
    const { low, high } = this.#hashed(budget, key);
    const words = this.#words;
    const mask = this.#shape.entries - 1;
    const base = this.#base();
    let place = -1;
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const entry = words[base + at] ?? 0;
      if (entry > 0) {
        if (this.#has(entry - 1, low, high)) return entry - 1;
        continue;
      }
      if (place < 0) place = at;
      if (entry === 0) break;
    }
    if (this.#size >= this.#shape.capacity) return -1;
    const slot = this.#free[this.#freeFrom] ?? 0;
    this.#freeFrom = (this.#freeFrom + 1) % this.#shape.slots;
    this.#freeCount -= 1;
    const at = this.#at(slot);
    Atomics.store(words, at + SLOT.tagLow, low);
    Atomics.store(words, at + SLOT.tagHigh, high);
    Atomics.store(words, at + SLOT.demand, 0);
    this.#reports.fill(0, this.#reportAt(slot), this.#reportAt(slot) + REPORT_DOUBLES);
    Atomics.add(words, at + SLOT.life, 1);
    if (words[base + place] === -1) this.#gone -= 1;
    Atomics.store(words, base + place, slot + 1);
    this.#grew(1);
    return slot;
  }

  remove(slot: number): void {
    const words = this.#words;
    const at = this.#at(slot);
    if (((words[at + SLOT.life] ?? 0) & 1) === 0) return;
    Atomics.add(words, at + SLOT.life, 1);
    for (let bank = 0; bank < BANKS_OF_SLOT; bank += 1) this.#begin(slot, bank, 0, 0, 0);
    const mask = this.#shape.entries - 1;
    const base = this.#base();
    let place = (words[at + SLOT.tagLow] ?? 0) & mask;
    while (words[base + place] !== slot + 1) place = (place + 1) & mask;
    if (words[base + ((place + 1) & mask)] === 0) {
      // Nobody looks beyond it: it, and what was removed just before it, is as if it had never been.
      Atomics.store(words, base + place, 0);
      for (place = (place - 1) & mask; words[base + place] === -1; place = (place - 1) & mask) {
        Atomics.store(words, base + place, 0);
        this.#gone -= 1;
      }
    } else {
      Atomics.store(words, base + place, -1);
      this.#gone += 1;
    }
    this.#free[(this.#freeFrom + this.#freeCount) % this.#shape.slots] = slot;
    this.#freeCount += 1;
    this.#grew(-1);
    if (this.#gone > this.#shape.entries >> 3) this.#rebuild();
  }

  /** What was removed makes ways long. Readers go on with the old index, which stays as it is until the next time. */
  #rebuild(): void {
    const words = this.#words;
    const { entries, index, slotsAt } = this.#shape;
    const mask = entries - 1;
    const old = this.#base();
    const next = old === index ? index + entries : index;
    for (let at = 0; at < entries; at += 1) Atomics.store(words, next + at, 0);
    for (let at = 0; at < entries; at += 1) {
      const entry = words[old + at] ?? 0;
      if (entry <= 0) continue;
      let place = (words[slotsAt + (entry - 1) * SLOT_WORDS + SLOT.tagLow] ?? 0) & mask;
      while (words[next + place] !== 0) place = (place + 1) & mask;
      Atomics.store(words, next + place, entry);
    }
    Atomics.store(words, HEADER.active, next === index ? 0 : 1);
    this.#gone = 0;
  }

  fill(slot: number, bank: Bank, tokens: number, fromMs: TableMs, untilMs: TableMs): number {
    bounded(tokens);
    return this.#begin(slot, bank, tokens, fromMs, untilMs);
  }

  /**
   * The word is of the new generation and empty before anything else of the bank changes, and has its tokens after everything has changed: a
   * thread that saw tokens reads the times that go with them, or fails to swap.
   */
  #begin(slot: number, bank: number, tokens: number, fromMs: TableMs, untilMs: TableMs): number {
    const words = this.#words;
    const place = this.#bankAt(slot, bank);
    const serial = Atomics.add(words, place + BANK.serial, 1) + 1;
    const before = Atomics.exchange(words, place + BANK.word, wordOf(serial, 0));
    const at = slot * BANKS_OF_SLOT + bank;
    this.#from[at] = fromMs;
    this.#until[at] = untilMs;
    this.#writeTimes(slot, bank);
    if (tokens !== 0) Atomics.store(words, place + BANK.word, wordOf(serial, tokens));
    return tokensOf(before);
  }

  renew(slot: number, bank: Bank): number {
    const words = this.#words;
    const place = this.#bankAt(slot, bank);
    const serial = Atomics.add(words, place + BANK.serial, 1) + 1;
    for (;;) {
      const word = Atomics.load(words, place + BANK.word);
      const tokens = tokensOf(word);
      if (Atomics.compareExchange(words, place + BANK.word, word, wordOf(serial, tokens)) === word)
        return tokens;
    }
  }

  add(slot: number, bank: Bank, tokens: number): void {
    bounded(tokens);
    this.#change(slot, bank, (before) => before + tokens);
  }

  extend(slot: number, bank: Bank, untilMs: TableMs): void {
    const at = slot * BANKS_OF_SLOT + bank;
    if (untilMs <= (this.#until[at] ?? 0)) return;
    this.#until[at] = untilMs;
    this.#writeTimes(slot, bank);
  }

  withdraw(slot: number, bank: Bank, most: number): number {
    const before = this.#change(slot, bank, (tokens) => (tokens <= 0 ? tokens : Math.max(0, tokens - most)));
    return Math.max(0, Math.min(before, most));
  }

  tokens(slot: number, bank: Bank): number {
    return tokensOf(Atomics.load(this.#words, this.#bankAt(slot, bank)));
  }

  takeDemand(slot: number): number {
    return Atomics.exchange(this.#words, this.#at(slot) + SLOT.demand, 0) >>> 0;
  }

  report(
    slot: number,
    state: {
      readonly refuseUntilMs: TableMs;
      readonly left: number;
      readonly limit: number;
      readonly resetMs: TableMs;
      readonly retryMs?: TableMs;
    },
  ): void {
    const at = this.#reportAt(slot);
    this.#reports[at + REPORT.refuseUntil] = state.refuseUntilMs;
    this.#reports[at + REPORT.left] = state.left;
    this.#reports[at + REPORT.limit] = state.limit;
    this.#reports[at + REPORT.reset] = state.resetMs;
    this.#reports[at + REPORT.retry] = state.retryMs ?? state.resetMs;
  }

  maintain(nowMs: TableMs): void {
    this.#nowMs = nowMs;
    for (let slot = 0; slot < this.#shape.slots; slot += 1) {
      for (let bank = 0; bank < BANKS_OF_SLOT; bank += 1) this.#writeTimes(slot, bank);
    }
  }

  /** @returns tokens before */
  #change(slot: number, bank: Bank, change: (tokens: number) => number): number {
    const words = this.#words;
    const place = this.#bankAt(slot, bank);
    for (;;) {
      const word = Atomics.load(words, place + BANK.word);
      const before = tokensOf(word);
      const after = change(before);
      if (after > MAX_TOKENS) throw tooMany(after);
      if (Atomics.compareExchange(words, place + BANK.word, word, wordOf(word >>> 24, after)) === word)
        return before;
    }
  }

  #writeTimes(slot: number, bank: number): void {
    const at = slot * BANKS_OF_SLOT + bank;
    const place = this.#bankAt(slot, bank);
    Atomics.store(this.#words, place + BANK.from, this.#near(Math.ceil(this.#from[at] ?? 0)));
    Atomics.store(this.#words, place + BANK.until, this.#near(Math.floor(this.#until[at] ?? 0)));
  }

  #near(timeMs: number): number {
    return Math.max(this.#nowMs - HORIZON_MS, Math.min(this.#nowMs + HORIZON_MS, timeMs)) | 0;
  }

  #has(slot: number, low: number, high: number): boolean {
    const at = this.#at(slot);
    return this.#words[at + SLOT.tagLow] === low && this.#words[at + SLOT.tagHigh] === high;
  }

  #hashed(budget: number, key: string): KeyHash {
    this.#hash.of(budget, key);
    return this.#hash;
  }

  #grew(by: number): void {
    this.#size += by;
    Atomics.store(this.#words, HEADER.size, this.#size);
  }

  #base(): number {
    return this.#shape.index + (this.#words[HEADER.active] ?? 0) * this.#shape.entries;
  }

  #at(slot: number): number {
    return this.#shape.slotsAt + slot * SLOT_WORDS;
  }

  #bankAt(slot: number, bank: number): number {
    return this.#at(slot) + SLOT.banks + bank * BANK_WORDS;
  }

  #reportAt(slot: number): number {
    return this.#shape.reportsAt + slot * REPORT_DOUBLES;
  }
}

function bounded(tokens: number): void {
  if (!Number.isSafeInteger(tokens) || tokens < MIN_TOKENS || tokens > MAX_TOKENS) throw tooMany(tokens);
}

function tooMany(tokens: number): RangeError {
  return new RangeError(
    `a bank of the quota table holds ${MIN_TOKENS} to ${MAX_TOKENS} tokens, not ${tokens}`,
  );
}
