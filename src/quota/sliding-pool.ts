import { CLOCK_DRIFT } from './budget.ts';
import { longestMs } from './calendar.ts';
import { partOfFloors } from './floors.ts';
import { grantLeased, heldOf } from './leased-grant.ts';
import type { WindowState } from './ledger-contract.ts';
import type { LedgerFloors } from './ledger-floors.ts';
import {
  type BudgetRecord,
  type Changed,
  type Entry,
  floorsOf,
  goneOn,
  type KeyRecord,
  limitOf,
  mergeHolding,
  NO_HOLDINGS,
  type Pool,
  type Turn,
  unspent,
} from './ledger-state.ts';
import type { HoldingGrant, HoldingReport } from './messages.ts';
import type { PageReader, PageWriter } from './page-bytes.ts';

/** Spent tokens become free in steps of this part of a window: a log of a key has no more rows than that. */
const STEPS = 64;

/** Tokens that are free again a window after they were spent. */
export class SlidingPool implements Pool {
  readonly #budget: BudgetRecord;
  readonly #floors: LedgerFloors;
  readonly #lengthMs: number;
  /** Spent tokens by the step of the hub's clock in which they become free, the earliest first. */
  #spent: { readonly step: number; tokens: number }[] = [];
  #spentSum = 0;
  #unspent = 0;

  constructor(budget: BudgetRecord, floors: LedgerFloors) {
    this.#budget = budget;
    this.#floors = floors;
    this.#lengthMs = longestMs(budget.budget.window);
  }

  merge(entry: Entry, reports: readonly HoldingReport[], nowMs: number): Changed {
    this.#free(nowMs);
    const report = reports.find(({ startMs }) => startMs === 0);
    if (report === undefined) return 'nothing';
    const holding = entry.holdings[0];
    if (holding === undefined) {
      // A number that this ledger forgot because nothing was held: it goes on from what the agent counts.
      if (report.returned + report.spent === 0) return 'nothing';
      entry.holdings = [goneOn(report)];
      return 'both';
    }
    const { spent: before } = holding;
    const held = unspent(holding);
    if (!mergeHolding(holding, report)) return 'nothing';
    this.#unspent += unspent(holding) - held;
    let from = before;
    for (const mark of report.marks ?? []) {
      const upTo = Math.min(mark.spent, holding.spent);
      if (upTo <= from) continue;
      this.#log(upTo - from, nowMs - mark.ageMs / (1 + CLOCK_DRIFT), nowMs);
      from = upTo;
    }
    this.#log(holding.spent - from, nowMs, nowMs);
    return 'both';
  }

  grant(entry: Entry, turn: Turn, grants: HoldingGrant[]): Changed {
    this.#free(turn.nowMs);
    const held = heldOf(entry);
    const limit = limitOf(entry.key, turn.nowMs);
    let left = limit - this.#unspent - this.#spentSum - this.#kept(turn.nowMs);
    const more = grantLeased(entry, turn, left, limit, this.#lengthMs);
    const holds = heldOf(entry);
    this.#unspent += holds - held;
    left -= holds - held;
    const endMs = left > 0 ? turn.nowMs : this.#freeAtMs(turn.nowMs);
    const elsewhere = this.#unspent - holds;
    grants.push({ startMs: 0, endMs, granted: entry.holdings[0]?.granted ?? 0, left, elsewhere });
    return more > 0 ? 'entry' : 'nothing';
  }

  close(entry: Entry, nowMs: number, leaseEndMs: number): void {
    this.#free(nowMs);
    for (const holding of entry.holdings) {
      const held = unspent(holding);
      this.#unspent -= held;
      this.#log(held, leaseEndMs, nowMs);
    }
    entry.holdings = NO_HOLDINGS;
  }

  settled(entry: Entry): boolean {
    return entry.holdings.every((holding) => unspent(holding) === 0);
  }

  fresh(_key: KeyRecord, nowMs: number): boolean {
    this.#free(nowMs);
    return this.#unspent === 0 && this.#spentSum === 0;
  }

  forget(_key: KeyRecord, nowMs: number): number {
    this.#free(nowMs);
    const hits = this.#spentSum;
    this.#spent = [];
    this.#spentSum = 0;
    return hits;
  }

  adopt(entry: Entry): void {
    for (const holding of entry.holdings) this.#unspent += unspent(holding);
  }

  windows(key: KeyRecord, nowMs: number): readonly Omit<WindowState, 'agents'>[] {
    this.#free(nowMs);
    const kept = this.#kept(nowMs);
    return [
      {
        startMs: nowMs - this.#lengthMs,
        endMs: nowMs,
        leased: this.#unspent,
        spent: this.#spentSum,
        floors: kept,
        left: limitOf(key, nowMs) - this.#unspent - this.#spentSum - kept,
      },
    ];
  }

  write(page: PageWriter): void {
    page.whole(this.#spent.length);
    let step = 0;
    for (const row of this.#spent) {
      page.whole(row.step - step);
      page.whole(row.tokens);
      step = row.step;
    }
  }

  read(page: PageReader): void {
    let step = 0;
    for (let count = page.whole(); count > 0; count -= 1) {
      step += page.whole();
      const tokens = page.whole();
      this.#spent.push({ step, tokens });
      this.#spentSum += tokens;
    }
  }

  #kept(nowMs: number): number {
    return partOfFloors(
      floorsOf(this.#budget, nowMs - this.#lengthMs),
      this.#floors.unwaivedNow(this.#budget.budget.scope, this.#lengthMs, nowMs),
    );
  }

  /** Tokens spent not later than `spentMs`. */
  #log(tokens: number, spentMs: number, nowMs: number): void {
    const freeMs = spentMs + this.#lengthMs;
    if (tokens === 0 || freeMs <= nowMs) return;
    const step = Math.ceil((freeMs * STEPS) / this.#lengthMs);
    this.#spentSum += tokens;
    let at = this.#spent.length;
    while (at > 0 && (this.#spent[at - 1]?.step ?? 0) >= step) at -= 1;
    const row = this.#spent[at];
    if (row?.step === step) row.tokens += tokens;
    else this.#spent.splice(at, 0, { step, tokens });
  }

  #free(nowMs: number): void {
    let over = 0;
    for (const { step, tokens } of this.#spent) {
      if ((step * this.#lengthMs) / STEPS > nowMs) break;
      this.#spentSum -= tokens;
      over += 1;
    }
    if (over > 0) this.#spent.splice(0, over);
  }

  #freeAtMs(nowMs: number): number {
    const first = this.#spent[0];
    return first === undefined ? nowMs : (first.step * this.#lengthMs) / STEPS;
  }
}
