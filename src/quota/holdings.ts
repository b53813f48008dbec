import { FIGURE, type KeyStates, SIDE, type Side } from './key-states.ts';
import { BANKS, type QuotaTableWriter } from './table-contract.ts';

/** Tokens that a bank is given at most: half of what it could hold, so that what comes back has room. The rest waits beside it. */
const MOST_IN_BANK = 4_000_000;
/** Below this, a bank gets some of what waits. */
const FEW_IN_BANK = MOST_IN_BANK / 2;

/** Grants in the shared table, and the cumulative numbers of what became of them. */
export class Holdings {
  readonly #states: KeyStates;
  readonly #table: QuotaTableWriter;
  /** Slots of which more is granted than their banks hold. */
  readonly #rich = new Set<number>();

  constructor(states: KeyStates, table: QuotaTableWriter) {
    this.#states = states;
    this.#table = table;
  }

  exists(slot: number, side: Side): boolean {
    return this.#states.side(slot, side, SIDE.endMs) > 0;
  }

  /**
   * The side that a window has, or may have; undefined: both are of windows that still run, or the window was there and is over. It must
   * not begin again when an old message tells of its grants: what became of them is forgotten.
   */
  sideOf(slot: number, startMs: number, nowMs: number): Side | undefined {
    for (const side of [BANKS.even, BANKS.odd])
      if (this.exists(slot, side) && this.#states.side(slot, side, SIDE.startMs) === startMs) return side;
    if (startMs <= this.#states.get(slot, FIGURE.newestMs)) return undefined;
    for (const side of [BANKS.even, BANKS.odd])
      if (!this.exists(slot, side) || nowMs >= this.#states.side(slot, side, SIDE.untilMs)) return side;
    return undefined;
  }

  /** Begins a window; what was there before is over. @param fromMs local time */
  open(
    slot: number,
    side: Side,
    window: { readonly startMs: number; readonly endMs: number },
    fromMs: number,
    untilMs: number,
  ): void {
    const states = this.#states;
    states.set(slot, FIGURE.newestMs, window.startMs);
    states.setSide(slot, side, SIDE.startMs, window.startMs);
    states.setSide(slot, side, SIDE.endMs, window.endMs);
    for (const figure of [SIDE.granted, SIDE.returned, SIDE.reserve, SIDE.spent, SIDE.left])
      states.setSide(slot, side, figure, 0);
    states.setSide(slot, side, SIDE.fromMs, fromMs);
    states.setSide(slot, side, SIDE.untilMs, untilMs);
    this.#table.fill(slot, side, 0, fromMs, untilMs);
  }

  /** The window is over: its tokens are void. */
  close(slot: number, side: Side): void {
    this.#states.setSide(slot, side, SIDE.endMs, 0);
    this.#states.setSide(slot, side, SIDE.reserve, 0);
    this.#table.fill(slot, side, 0, 0, 0);
  }

  /** Takes the hub's word for all that was granted. @returns how much of it is new */
  grant(slot: number, side: Side, granted: number): number {
    const more = granted - this.#states.side(slot, side, SIDE.granted);
    if (more <= 0) return 0;
    this.#states.setSide(slot, side, SIDE.granted, granted);
    this.#states.setSide(slot, side, SIDE.reserve, this.#states.side(slot, side, SIDE.reserve) + more);
    this.#topUp(slot, side);
    return more;
  }

  /** Local times at which the bank may be used, as better known now: later only at the end, earlier only before it began. */
  reach(slot: number, side: Side, fromMs: number, untilMs: number, nowMs: number): void {
    const states = this.#states;
    if (untilMs > states.side(slot, side, SIDE.untilMs)) {
      states.setSide(slot, side, SIDE.untilMs, untilMs);
      this.#table.extend(slot, side, untilMs);
    }
    const before = states.side(slot, side, SIDE.fromMs);
    // A millisecond is what the table rounds to. Nobody can have taken anything yet, and if a thread was faster, it is not counted twice.
    if (fromMs > before - 1 || nowMs >= before - 1) return;
    states.setSide(slot, side, SIDE.fromMs, fromMs);
    const tokens = this.#table.fill(slot, side, 0, fromMs, states.side(slot, side, SIDE.untilMs));
    this.#table.add(slot, side, tokens);
  }

  usable(slot: number, side: Side, nowMs: number): boolean {
    return (
      this.exists(slot, side) &&
      nowMs >= this.#states.side(slot, side, SIDE.fromMs) &&
      nowMs < this.#states.side(slot, side, SIDE.untilMs)
    );
  }

  /** Tokens that are here and not spent. Negative: owed. */
  unspent(slot: number, side: Side): number {
    if (!this.exists(slot, side)) return 0;
    return this.#table.tokens(slot, side) + this.#states.side(slot, side, SIDE.reserve);
  }

  /** Spent until now, as far as it is not given back again. */
  spent(slot: number, side: Side): number {
    return this.#grantedHere(slot, side) - this.unspent(slot, side);
  }

  /**
   * All that was ever spent, to be told to the hub: never less than what was told before.
   * @param leased the hub may make other tokens of these: what answers cost less is not given back from now on. Else it is, until the window
   * ends, which counts what was granted anyway
   */
  tell(slot: number, side: Side, leased: boolean): number {
    const said = this.#states.side(slot, side, SIDE.spent);
    let spent = this.spent(slot, side);
    if (spent <= said) return said;
    if (leased) {
      const unspent = this.#table.renew(slot, side) + this.#states.side(slot, side, SIDE.reserve);
      spent = Math.max(said, this.#grantedHere(slot, side) - unspent);
    }
    this.#states.setSide(slot, side, SIDE.spent, spent);
    return spent;
  }

  /** Takes tokens out of everybody's reach, to be returned. */
  giveBack(slot: number, side: Side, most: number): number {
    if (most <= 0 || !this.exists(slot, side)) return 0;
    const reserve = this.#states.side(slot, side, SIDE.reserve);
    const ofReserve = Math.min(reserve, most);
    const ofBank = most > ofReserve ? this.#table.withdraw(slot, side, most - ofReserve) : 0;
    this.#states.setSide(slot, side, SIDE.reserve, reserve - ofReserve);
    this.#states.setSide(
      slot,
      side,
      SIDE.returned,
      this.#states.side(slot, side, SIDE.returned) + ofReserve + ofBank,
    );
    return ofReserve + ofBank;
  }

  forget(slot: number): void {
    this.#rich.delete(slot);
  }

  /** Banks that ran low get more of what waits beside them. */
  tick(): void {
    for (const slot of this.#rich)
      for (const side of [BANKS.even, BANKS.odd]) if (this.exists(slot, side)) this.#topUp(slot, side);
  }

  #grantedHere(slot: number, side: Side): number {
    return this.#states.side(slot, side, SIDE.granted) - this.#states.side(slot, side, SIDE.returned);
  }

  #topUp(slot: number, side: Side): void {
    const reserve = this.#states.side(slot, side, SIDE.reserve);
    const tokens = reserve > 0 ? this.#table.tokens(slot, side) : 0;
    if (reserve <= 0 || tokens >= FEW_IN_BANK) return;
    const more = Math.min(reserve, MOST_IN_BANK - tokens, MOST_IN_BANK);
    this.#table.add(slot, side, more);
    this.#states.setSide(slot, side, SIDE.reserve, reserve - more);
    if (reserve > more) this.#rich.add(slot);
    else this.#rich.delete(slot);
  }
}
