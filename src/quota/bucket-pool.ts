import { longestMs } from './calendar.ts';
import { allFloors, partOfFloors, WHOLE_SHARE } from './floors.ts';
import { grantLeased, heldOf } from './leased-grant.ts';
import type { WindowState } from './ledger-contract.ts';
import type { LedgerFloors } from './ledger-floors.ts';
import {
  type BudgetRecord,
  type Changed,
  type Entry,
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

/** Tokens that come at a rate, at most a burst of them at a time, wherever they are. */
export class BucketPool implements Pool {
  readonly #budget: BudgetRecord;
  readonly #floors: LedgerFloors;
  readonly #windowMs: number;
  /** At the hub, with fractions. */
  #level = 0;
  #atMs: number;
  /** At the agents. */
  #unspent = 0;

  /**
   * A new one is full but for floors: as if it had been empty as long ago as it takes to fill, so that one that was forgotten, being as
   * full as floors in use let it be, has no more when it comes again.
   */
  constructor(budget: BudgetRecord, floors: LedgerFloors, nowMs: number) {
    this.#budget = budget;
    this.#floors = floors;
    this.#windowMs = longestMs(budget.budget.window);
    const { limit, burst = limit } = budget.budget;
    this.#atMs = limit === 0 ? nowMs : nowMs - Math.ceil((this.#windowMs * burst) / limit) - 1;
  }

  merge(entry: Entry, reports: readonly HoldingReport[], nowMs: number): Changed {
    const report = reports.find(({ startMs }) => startMs === 0);
    if (report === undefined) return 'nothing';
    const holding = entry.holdings[0];
    if (holding === undefined) {
      if (report.returned + report.spent === 0) return 'nothing';
      entry.holdings = [goneOn(report)];
      return 'both';
    }
    // What flowed in until now had the room that there was without this news.
    this.#flow(entry.key, nowMs);
    const { returned } = holding;
    const held = unspent(holding);
    if (!mergeHolding(holding, report)) return 'nothing';
    const less = held - unspent(holding);
    this.#unspent -= less;
    // Of a debt nothing comes back.
    this.#level += Math.min(holding.returned - returned, Math.max(0, less));
    return 'both';
  }

  grant(entry: Entry, turn: Turn, grants: HoldingGrant[]): Changed {
    const { key } = entry;
    const { rate, burst } = this.#flow(key, turn.nowMs);
    const held = heldOf(entry);
    // More than may be out at a time: a floor came back, or the limit was lowered.
    let left = Math.min(Math.floor(this.#level), Math.floor(burst) - this.#unspent);
    const more = grantLeased(entry, turn, left, rate * this.#windowMs, this.#windowMs);
    this.#unspent += heldOf(entry) - held;
    this.#level -= more;
    left -= more;
    const endMs = left > 0 || rate === 0 ? turn.nowMs : turn.nowMs + Math.max(0, 1 - this.#level) / rate;
    const elsewhere = this.#unspent - heldOf(entry);
    grants.push({ startMs: 0, endMs, granted: entry.holdings[0]?.granted ?? 0, left, elsewhere });
    return more > 0 ? 'both' : 'nothing';
  }

  close(entry: Entry, nowMs: number, leaseEndMs: number): void {
    this.#flow(entry.key, nowMs);
    // An agent may say what it likes, and is gone: it leaves no more than a burst to wait for.
    const least = Math.min(this.#level, -this.#burst(entry.key, nowMs));
    for (const holding of entry.holdings) {
      const held = unspent(holding);
      this.#unspent -= held;
      // As long as they may still be used there is no room for others, so nothing flows in.
      if (held > 0) this.#atMs = Math.max(this.#atMs, leaseEndMs);
      // What answers cost beyond all grants is owed by those who come after.
      this.#level -= Math.max(0, holding.spent - (holding.granted - holding.returned));
    }
    this.#level = Math.max(this.#level, least);
    entry.holdings = NO_HOLDINGS;
  }

  settled(entry: Entry): boolean {
    return entry.holdings.every(({ granted, returned, spent }) => granted - returned - spent === 0);
  }

  fresh(key: KeyRecord, nowMs: number): boolean {
    const { burst } = this.#flow(key, nowMs);
    return this.#unspent === 0 && this.#level >= burst;
  }

  forget(key: KeyRecord, nowMs: number): number {
    const { burst } = this.#flow(key, nowMs);
    const hits = Math.max(0, Math.floor(burst - this.#unspent - this.#level));
    this.#level += hits;
    return hits;
  }

  adopt(entry: Entry): void {
    for (const holding of entry.holdings) this.#unspent += unspent(holding);
  }

  windows(key: KeyRecord, nowMs: number): readonly Omit<WindowState, 'agents'>[] {
    const { rate, burst } = this.#flow(key, nowMs);
    const whole = this.#burst(key, nowMs);
    const level = Math.max(0, Math.floor(this.#level));
    return [
      {
        startMs: nowMs,
        // When it is full, if nobody takes from it.
        endMs: rate === 0 ? nowMs : nowMs + Math.max(0, burst - this.#level - this.#unspent) / rate,
        leased: this.#unspent,
        spent: Math.max(0, Math.floor(burst - this.#unspent - this.#level)),
        floors: Math.max(0, Math.floor(whole - burst)),
        left: Math.min(level, Math.floor(burst) - this.#unspent),
      },
    ];
  }

  write(page: PageWriter): void {
    page.real(this.#level);
    page.real(this.#atMs);
  }

  read(page: PageReader): void {
    this.#level = page.real();
    this.#atMs = page.real();
  }

  /** An operator's limit for a key changes its rate, and its burst in proportion. */
  #burst(key: KeyRecord, nowMs: number): number {
    const { limit, burst = limit } = this.#budget.budget;
    const now = limitOf(key, nowMs);
    if (now === limit) return burst;
    return limit === 0 ? now : (burst * now) / limit;
  }

  /** Lets tokens flow in until now. @returns tokens per millisecond, and how many there may be */
  #flow(key: KeyRecord, nowMs: number): { readonly rate: number; readonly burst: number } {
    const { scope, limit, floorShare, burst: given = limit } = this.#budget.budget;
    const { former } = this.#budget;
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    const holds = former !== undefined && nowMs - elapsedMs < (former.untilMs ?? Number.POSITIVE_INFINITY);
    // Also what was in use at some time since: an agent may have saved it up, spent it, and promised again.
    const unwaived = this.#floors.unwaivedNow(scope, elapsedMs, nowMs);
    const kept = partOfFloors(Math.max(allFloors(given, floorShare), holds ? former.allBurst : 0), unwaived);
    const keptRate = (Math.max(limit * floorShare, holds ? former.all : 0) * unwaived) / WHOLE_SHARE;
    const burst = Math.max(0, this.#burst(key, nowMs) - kept);
    const rate = Math.max(0, limitOf(key, nowMs) - keptRate) / this.#windowMs;
    this.#level = Math.min(this.#level + rate * elapsedMs, burst - this.#unspent);
    this.#atMs = Math.max(this.#atMs, nowMs);
    return { rate, burst };
  }
}
