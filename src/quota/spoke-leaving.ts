import type { Budget } from './budget.ts';
import { FIGURE, SIDE } from './key-states.ts';
import type { EntryGrant, EntryReport } from './messages.ts';
import type { SpokeFloors } from './spoke-floors.ts';
import { nameOf, SIDES, type SpokeKeys } from './spoke-keys.ts';
import type { Pace } from './spoke-pace.ts';

/** Keys that were given back, until the hub has heard of it: more are left to the end of their session or window. */
const MOST_LEAVING = 100_000;

interface Leaving {
  readonly holdings: { readonly startMs: number; returned: number; readonly spent: number }[];
  saidMs: number;
}

/** Keys that were given back: what the hub must still hear of them, by the names that they had. */
export class LeavingKeys {
  readonly #keys: SpokeKeys;
  readonly #floors: SpokeFloors;
  readonly #pace: Pace;
  readonly #leaving = new Map<number, Leaving>();

  constructor(keys: SpokeKeys, floors: SpokeFloors, pace: Pace) {
    this.#keys = keys;
    this.#floors = floors;
    this.#pace = pace;
  }

  get size(): number {
    return this.#leaving.size;
  }

  /** Gives everything of a key back and forgets it. @param budget undefined: it is gone, and so is what was granted of it */
  leave(slot: number, budget: Budget | undefined, nowMs: number): void {
    const { states } = this.#keys;
    if (budget !== undefined) {
      const holdings = this.#giveBack(slot, budget);
      this.#floors.orphan(slot, nameOf(budget.id, this.#keys.text(slot)), nowMs);
      if (states.get(slot, FIGURE.saidMs) > Number.NEGATIVE_INFINITY)
        this.#leaving.set(states.get(slot, FIGURE.id), { holdings, saidMs: Number.POSITIVE_INFINITY });
    }
    this.#pace.forget(slot);
    this.#keys.drop(slot);
    if (this.#leaving.size <= MOST_LEAVING) return;
    const [oldest] = this.#leaving.keys();
    if (oldest !== undefined) this.#leaving.delete(oldest);
  }

  report(nowMs: number, entries: EntryReport[]): void {
    for (const [id, leaving] of this.#leaving) {
      entries.push({
        id,
        demand: 0,
        waiting: 0,
        holdings: leaving.holdings.map((holding) => ({ ...holding })),
      });
      leaving.saidMs = nowMs;
    }
  }

  /** A grant for a key that was given back meanwhile goes back, too. */
  takeBack(entry: EntryGrant, sentMs: number): void {
    const leaving = this.#leaving.get(entry.id);
    if (leaving === undefined) return;
    let more = false;
    for (const { startMs, granted } of entry.holdings) {
      let holding = leaving.holdings.find((known) => known.startMs === startMs);
      if (holding === undefined) {
        holding = { startMs, returned: 0, spent: 0 };
        leaving.holdings.push(holding);
      }
      if (granted - holding.spent <= holding.returned) continue;
      holding.returned = granted - holding.spent;
      more = true;
      // What was said before did not say this.
      leaving.saidMs = Number.POSITIVE_INFINITY;
    }
    if (!more && sentMs >= leaving.saidMs) this.#leaving.delete(entry.id);
  }

  /** The hub does not know the name: there is nothing to give back. */
  forget(id: number): void {
    this.#leaving.delete(id);
  }

  /** Another session. */
  clear(): void {
    this.#leaving.clear();
  }

  #giveBack(slot: number, budget: Budget): Leaving['holdings'] {
    const { states, holdings } = this.#keys;
    const given: Leaving['holdings'] = [];
    for (const side of SIDES) {
      if (!holdings.exists(slot, side)) continue;
      holdings.giveBack(slot, side, Number.MAX_SAFE_INTEGER);
      const spent = holdings.tell(slot, side, budget.algorithm !== 'fixed-window');
      given.push({
        startMs: states.side(slot, side, SIDE.startMs),
        returned: states.side(slot, side, SIDE.returned),
        spent,
      });
    }
    return given;
  }
}
