import { Holdings } from './holdings.ts';
import type { HubTime } from './hub-time.ts';
import { FIGURE, KeyStates, SIDE } from './key-states.ts';
import { SpentMarks } from './spent-marks.ts';
import type { SpokeBudget } from './spoke-contract.ts';
import { BANKS, type QuotaTableWriter } from './table-contract.ts';
import { Waiting } from './waiting.ts';

export const SIDES = [BANKS.even, BANKS.odd] as const;

/** How long tokens stay for somebody who was told to try. */
const KEEP_MS = 100;
const LAST_ID = 0xffff_ffff;

/** The keys that an agent has in use: the figures of each, what it holds, who waits at it, and the name it has in this session. */
export class SpokeKeys {
  readonly table: QuotaTableWriter;
  readonly time: HubTime;
  readonly states = new KeyStates();
  readonly holdings: Holdings;
  readonly waiting = new Waiting();
  readonly marks = new SpentMarks();
  budgets: readonly (SpokeBudget | undefined)[] = [];
  /** Texts of keys by slot: another session names them again. */
  readonly #texts: (string | undefined)[] = [];
  readonly #slots = new Map<number, number>();
  #nextId = 0;

  constructor(table: QuotaTableWriter, time: HubTime) {
    this.table = table;
    this.time = time;
    this.holdings = new Holdings(this.states, table);
  }

  /** Undefined: its budget is gone. */
  rule(slot: number): SpokeBudget | undefined {
    return this.budgets[this.states.get(slot, FIGURE.budget) - 1];
  }

  text(slot: number): string {
    return this.#texts[slot] ?? '';
  }

  slotOf(id: number): number | undefined {
    return this.#slots.get(id);
  }

  /** @returns false: there is no name left for it in this session. */
  enter(slot: number, budget: number, key: string, nowMs: number): boolean {
    if (this.#nextId > LAST_ID) return false;
    this.states.add(slot, budget, this.#nextId, nowMs);
    this.states.set(slot, FIGURE.sinceMs, nowMs);
    this.#slots.set(this.#nextId, slot);
    this.#nextId += 1;
    this.#texts[slot] = key;
    return true;
  }

  drop(slot: number): void {
    this.waiting.endAll(slot, 'refused');
    this.#slots.delete(this.states.get(slot, FIGURE.id));
    this.#texts[slot] = undefined;
    this.marks.forget(slot);
    this.holdings.forget(slot);
    this.states.remove(slot);
    this.table.remove(slot);
  }

  /** Another session: all keys get new names, and nothing that was granted may be used any more. */
  rename(): void {
    this.#nextId = 0;
    this.#slots.clear();
    for (let place = this.states.size - 1; place >= 0; place -= 1) this.#rename(this.states.slotAt(place));
  }

  /** Tokens that one take could have. */
  ready(slot: number, nowMs: number): number {
    let most = 0;
    for (const side of SIDES)
      if (this.holdings.usable(slot, side, nowMs)) most = Math.max(most, this.table.tokens(slot, side));
    return most;
  }

  /** Lets those who wait have what is ready. @returns tokens that they will take */
  serve(slot: number, ready: number, nowMs: number): number {
    const served = this.waiting.serve(slot, ready);
    if (served > 0) this.states.set(slot, FIGURE.keepUntilMs, nowMs + KEEP_MS);
    return served;
  }

  /** Local time from which tokens of a window that has not begun may be used. */
  nextFromMs(slot: number, nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const side of SIDES) {
      const fromMs = this.states.side(slot, side, SIDE.fromMs);
      if (this.holdings.exists(slot, side) && fromMs > nowMs && this.holdings.unspent(slot, side) > 0)
        nextMs = Math.min(nextMs, fromMs);
    }
    return nextMs;
  }

  #rename(slot: number): void {
    for (const side of SIDES) if (this.holdings.exists(slot, side)) this.holdings.close(slot, side);
    this.holdings.forget(slot);
    this.marks.forget(slot);
    this.states.set(slot, FIGURE.id, this.#nextId);
    this.#slots.set(this.#nextId, slot);
    this.#nextId += 1;
    this.states.set(slot, FIGURE.named, 0);
    this.states.set(slot, FIGURE.newestMs, Number.NEGATIVE_INFINITY);
    this.states.set(slot, FIGURE.saidMs, Number.NEGATIVE_INFINITY);
    this.states.set(slot, FIGURE.answeredMs, Number.NEGATIVE_INFINITY);
  }
}

/** A key among those of all budgets. */
export function nameOf(budget: string | undefined, key: string): string {
  return `${budget ?? ''}\0${key}`;
}
