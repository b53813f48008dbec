/**
 * Tokens that the threads of one process share: memory of fixed size, one slot for each key of a budget. One thread writes (the
 * supervisor); the others only take tokens, by compare-and-swap, and count what they wanted. All decisions about time and leases are made
 * by the writer beforehand: a bank holds tokens together with the stretch of the monotonic clock in which they may be taken.
 *
 * A bank's word is a generation (8 bits) and a signed number of tokens (24 bits), swapped as one: a thread that was stopped between
 * looking and taking cannot take a token of another window, nor of the key that has the slot by then.
 */

/** Milliseconds of the machine's monotonic clock, the same in all threads (`process.hrtime`), since the table was made; fractions allowed. */
export type TableMs = number;

export const BANKS = { even: 0, odd: 1, floor: 2 } as const;
export type Bank = (typeof BANKS)[keyof typeof BANKS];

/** For threads that admit. Allocates nothing. */
export interface QuotaTaker {
  /** The slot of a key, or -1. @param budget its index in the configuration that the writer was given */
  find(budget: number, key: string): number;
  /** What `take` would say; takes nothing. Counts the demand unless that is "admitted". */
  look(slot: number, hits: number, nowMs: TableMs): TakeVerdict;
  /** Takes `hits` tokens (1 or more) from the first bank whose time it is and that has them. Counts the demand. */
  take(slot: number, hits: number, nowMs: TableMs): TakeVerdict;
  /** What the last `take` that admitted took from: for `settle`. */
  readonly receipt: number;
  /**
   * Takes `more` (or, negative, gives back) once the true cost is known; goes below zero rather than refuse.
   * Nothing goes back to a floor, which goes on from window to window: it would be spent in a later one.
   * @returns false: that generation is over, and nothing was changed
   */
  settle(slot: number, receipt: number, more: number): boolean;
  /**
   * Takes `hits` from the first bank whose time it is, below zero if need be: what an answer cost when the generation that it was admitted
   * from is over. @returns false: there is no bank whose time it is
   */
  charge(slot: number, hits: number, nowMs: TableMs): boolean;
  /** Tokens left for anybody as far as known here at the last `take` or `look`: for `RateLimit` fields. */
  left(slot: number): number;
  limit(slot: number): number;
  /** When the window ends, or a token will be free. */
  resetMs(slot: number): TableMs;
  /** When who is refused may try again; past, or 0: nobody knows better than soon. */
  retryMs(slot: number): TableMs;
}

/** 0: admitted. 1: no, and asking would not help yet. 2: none here, but the hub may have some: ask the writer. */
export type TakeVerdict = 0 | 1 | 2;

/** For the one thread that writes. */
export interface QuotaTableWriter {
  /** The slot of a key, made when there is none; -1: the table is full. */
  insert(budget: number, key: string): number;
  /** Its tokens are gone; the slot may serve another key at once. */
  remove(slot: number): void;
  /**
   * Begins another generation of a bank: what was in it is void. A bank holds at most `MAX_BANK_TOKENS`.
   * @returns tokens that had been left in it (negative: owed)
   * @throws RangeError more tokens than a bank holds
   */
  fill(slot: number, bank: Bank, tokens: number, fromMs: TableMs, untilMs: TableMs): number;
  /**
   * Begins another generation with the tokens that there are, at once for all threads: what was taken until now cannot be given back any
   * more (`settle`). @returns tokens in it; negative: owed
   */
  renew(slot: number, bank: Bank): number;
  /** Adds tokens to the generation there is. @throws RangeError more than a bank holds */
  add(slot: number, bank: Bank, tokens: number): void;
  /** Moves the end of a bank's time; later only. */
  extend(slot: number, bank: Bank, untilMs: TableMs): void;
  /** Takes up to so many away again, to give them back to the hub. @returns how many */
  withdraw(slot: number, bank: Bank, most: number): number;
  /** Negative: owed. */
  tokens(slot: number, bank: Bank): number;
  /** Hits wanted since the last call, admitted or not. */
  takeDemand(slot: number): number;
  /** Until when asking would not help, and what answers say; `left` is what there is beyond the banks. */
  report(
    slot: number,
    state: {
      readonly refuseUntilMs: TableMs;
      readonly left: number;
      readonly limit: number;
      readonly resetMs: TableMs;
      /** Earlier than `resetMs` when tokens may come back from elsewhere. Default: `resetMs`. */
      readonly retryMs?: TableMs;
    },
  ): void;
  /** Keeps times of banks within what 32 bits can tell apart: to be called at least once a day, at any time. */
  maintain(nowMs: TableMs): void;
  readonly capacity: number;
  readonly size: number;
}
