/** What is counted together; each kind has its own limit. */
export type FlowKind = 'total' | 'answer' | 'negative' | 'referral' | 'error' | 'any';

export const FLOW_KINDS: readonly FlowKind[] = ['total', 'answer', 'negative', 'referral', 'error', 'any'];

export type Verdict =
  /** Answer. */
  | 'pass'
  /** Say nothing. */
  | 'drop'
  /** Send a truncated answer: no larger than the query, and it tells a real client to use TCP. */
  | 'slip';

export interface RateLimits {
  /** Answers a second for each kind of flow; 0: without limit. At most 100,000. */
  readonly perSecond: Readonly<Record<FlowKind, number>>;
  /** How long a flow that went on above its limit is limited after it slows down, at most. */
  readonly windowSeconds: number;
  /** Each how-manieth limited answer is `slip` rather than `drop`; 0: none. */
  readonly slip: number;
}

/** An answer of up to this many octets counts once, a larger one once more for each further so many. */
const OCTETS_PER_ANSWER = 256;

const TICKS_PER_SECOND = 100_000;
/** A flow may use one second's worth at once. */
const BURST_TICKS = TICKS_PER_SECOND;
/** How far apart the clocks of threads may be; each reads its own a little before or after another. */
const CLOCKS_APART_TICKS = TICKS_PER_SECOND;
/** A flow is looked for in so many places; the table is full for it when all hold flows that count. */
const WAYS = 4;
const WORDS = 3;
const TOTAL = FLOW_KINDS.indexOf('total');
const TAG = 0;
/** When the flow will have nothing on its account any more, in ticks modulo 2^32. */
const EMPTY_AT = 1;
/** Answers limited since one passed. */
const LIMITED = 2;
const ATTEMPTS = 4;

/**
 * Response rate limiting: an account for each flow, which is a client network, a kind of answer and a name. Each answer puts
 * 1/limit seconds on it, time takes it off again, and beyond one second of balance answers are limited (the generic cell rate
 * algorithm: one number for a flow). Limited answers count too, up to the window, so a flood gets nothing until it stops.
 *
 * The accounts are a table of fixed size in memory that threads may share. A flow without balance needs no place; when all places are
 * taken the one with the smallest balance is given away, and its flow starts anew. So a full table limits nobody who
 * should not be, and the largest floods keep their places. Constant work for each answer.
 */
export class RateLimiter {
  readonly #table: Int32Array;
  readonly #sets: number;
  readonly #ticksPerAnswer: Int32Array;
  readonly #mostTicks: number;
  readonly #slip: number;
  readonly #seed: number;
  readonly #now: () => number;
  /** Where the account is that was asked for last; -1 when there is none. */
  #at = -1;
  #cost = 0;
  /** Where the account of all that the network is sent is; -1 when there is none. */
  #totalAt = -1;
  #time = 0;
  #networkHigh = 0;
  #networkLow = 0;

  /**
   * @param memory of `octetsFor(entries)`; threads that share it must have equal limits and seed
   * @param seed random, so that nobody can choose names that fall on one place
   * @param now milliseconds of a clock that does not jump and is the same in all threads
   */
  constructor(memory: ArrayBuffer | SharedArrayBuffer, limits: RateLimits, seed: number, now: () => number) {
    this.#table = new Int32Array(memory);
    this.#sets = this.#table.length / (WAYS * WORDS);
    this.#ticksPerAnswer = Int32Array.from(FLOW_KINDS, (kind) => {
      const rate = limits.perSecond[kind];
      return rate === 0 ? 0 : Math.max(1, Math.round(TICKS_PER_SECOND / rate));
    });
    this.#mostTicks = BURST_TICKS + limits.windowSeconds * TICKS_PER_SECOND;
    this.#slip = limits.slip;
    this.#seed = seed | 0;
    this.#now = now;
  }

  /** Memory for this many flows, rounded up to a power of two. */
  static octetsFor(entries: number): number {
    let places = WAYS;
    while (places < entries) places *= 2;
    return places * WORDS * Int32Array.BYTES_PER_ELEMENT;
  }

  /** A query came from this network (two 32-bit numbers): what follows is about its answer. */
  begin(networkHigh: number, networkLow: number): void {
    this.#networkHigh = networkHigh;
    this.#networkLow = networkLow;
    this.#time = Math.floor(this.#now() * (TICKS_PER_SECOND / 1000)) | 0;
    this.#at = -1;
    this.#totalAt = -1;
  }

  /**
   * Counts one answer, before it is made.
   * @param name what the kind is counted by; empty for kinds that are counted by network alone
   */
  take(kind: FlowKind, name: string): Verdict {
    const index = FLOW_KINDS.indexOf(kind);
    const cost = this.#ticksPerAnswer[index] ?? 0;
    this.#at = -1;
    this.#cost = cost;
    if (cost === 0) return 'pass';
    const now = this.#time;
    const networkHigh = this.#networkHigh;
    const networkLow = this.#networkLow;

    // Two mixtures of the same: one says where to look, the other is what is found there.
    let place = Math.imul(this.#seed ^ networkHigh, 0x85eb_ca6b) ^ networkLow;
    place = Math.imul(place ^ (place >>> 15), 0xc2b2_ae35) ^ index;
    let tag = Math.imul(this.#seed ^ networkLow, 0x27d4_eb2f) ^ networkHigh;
    tag = Math.imul(tag ^ (tag >>> 13), 0x1656_67b1) ^ index;
    for (let i = 0; i < name.length; i += 1) {
      const code = name.charCodeAt(i);
      place = Math.imul(place ^ code, 0x0100_0193);
      tag = Math.imul(tag ^ code, 0x9e37_79b1);
    }
    tag = Math.imul(tag ^ (tag >>> 16), 0x7feb_352d);
    tag ^= tag >>> 15;
    place = Math.imul(place ^ (place >>> 16), 0x846c_a68b);
    place ^= place >>> 13;
    tag += Number(tag === 0); // 0 is an empty place

    const at = this.#accountAt(place & (this.#sets - 1), tag, now);
    this.#at = at;
    if (kind === 'total') this.#totalAt = at;
    const table = this.#table;
    if (this.#put(at, cost, now)) {
      if (Atomics.load(table, at + LIMITED) !== 0) Atomics.store(table, at + LIMITED, 0);
      return 'pass';
    }
    const limited = Atomics.add(table, at + LIMITED, 1) + 1;
    return this.#slip > 0 && limited % this.#slip === 0 ? 'slip' : 'drop';
  }

  /**
   * Counts the size of the answer that was passed last, once it is known: for its flow, and for all that the network is sent, so
   * that many names together get no more octets than the limit on answers says.
   */
  charge(octets: number): void {
    const more = Math.floor((octets - 1) / OCTETS_PER_ANSWER);
    if (more <= 0) return;
    if (this.#at >= 0) this.#put(this.#at, more * this.#cost, this.#time);
    if (this.#totalAt >= 0 && this.#totalAt !== this.#at)
      this.#put(this.#totalAt, more * (this.#ticksPerAnswer[TOTAL] ?? 0), this.#time);
  }

  /** Whether the answer that was limited last began it: true once, until the flow is below its limit again. */
  get began(): boolean {
    return this.#at >= 0 && Atomics.load(this.#table, this.#at + LIMITED) === 1;
  }

  /** The account of a flow; takes the place with the smallest balance when it has none. */
  #accountAt(set: number, tag: number, now: number): number {
    const table = this.#table;
    const first = set * WAYS * WORDS;
    let best = first;
    for (let attempt = 0; attempt <= ATTEMPTS; attempt += 1) {
      for (let way = 0; way < WAYS; way += 1) {
        const at = first + way * WORDS;
        if (Atomics.load(table, at + TAG) === tag) return at;
      }
      best = first;
      let bestTag = Atomics.load(table, best + TAG);
      // Another thread made this flow's account since it was looked for.
      if (bestTag === tag) return best;
      let bestEmptyAt = Atomics.load(table, best + EMPTY_AT);
      let least = bestTag === 0 ? 0 : this.#balance(bestEmptyAt, now);
      for (let way = 1; way < WAYS && least > 0; way += 1) {
        const at = first + way * WORDS;
        const otherTag = Atomics.load(table, at + TAG);
        if (otherTag === tag) return at;
        const emptyAt = Atomics.load(table, at + EMPTY_AT);
        const balance = otherTag === 0 ? 0 : this.#balance(emptyAt, now);
        if (balance >= least) continue;
        best = at;
        bestTag = otherTag;
        bestEmptyAt = emptyAt;
        least = balance;
      }
      if (Atomics.compareExchange(table, best + TAG, bestTag, tag) === bestTag) {
        // Unless another thread put something on it meanwhile.
        Atomics.compareExchange(table, best + EMPTY_AT, bestEmptyAt, now);
        Atomics.store(table, best + LIMITED, 0);
        break;
      } // else another thread took the place at the same moment, perhaps for this very flow
    }
    return best;
  }

  /** Ticks on an account. */
  #balance(emptyAt: number, now: number): number {
    const ticks = (emptyAt - now) | 0;
    // Far beyond what an account can hold it is one from half a turn of the clock ago; a little beyond, a thread whose clock is
    // ahead has filled it.
    return ticks < 0 || ticks > this.#mostTicks + CLOCKS_APART_TICKS ? 0 : Math.min(ticks, this.#mostTicks);
  }

  /** Puts ticks on an account. @returns whether that is within the limit */
  #put(at: number, ticks: number, now: number): boolean {
    const table = this.#table;
    // Whoever loses a race lost it to a thread that has counted its own, so this ends.
    for (;;) {
      const before = Atomics.load(table, at + EMPTY_AT);
      const balance = this.#balance(before, now) + ticks;
      const after = (now + Math.min(balance, this.#mostTicks)) | 0;
      if (Atomics.compareExchange(table, at + EMPTY_AT, before, after) === before)
        return balance <= BURST_TICKS;
    }
  }
}
