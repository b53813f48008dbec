import { tokensFor } from './allocation.ts';
import type { WindowBounds } from './budget.ts';
import { windowAt } from './calendar.ts';
import { partOfFloors } from './floors.ts';
import type { WindowState } from './ledger-contract.ts';
import type { LedgerFloors } from './ledger-floors.ts';
import {
  type BudgetRecord,
  type Changed,
  currentWindow,
  type Entry,
  floorsOf,
  type Holding,
  type KeyRecord,
  limitOf,
  mergeHolding,
  NO_HOLDINGS,
  nextWindow,
  type Pool,
  type Turn,
  unspent,
} from './ledger-state.ts';
import type { HoldingGrant, HoldingReport } from './messages.ts';
import type { PageReader, PageWriter } from './page-bytes.ts';

interface FixedWindow extends WindowBounds {
  /** Sum of what the sessions' holdings count. */
  charged: number;
  unspent: number;
  /** The same of sessions that are over. */
  closed: number;
  /** Taken off by an operator. */
  forgiven: number;
}

/** Tokens of windows that begin and end by the hub's clock: what was granted counts until its window ends, spent or not. */
export class FixedPool implements Pool {
  readonly #budget: BudgetRecord;
  readonly #floors: LedgerFloors;
  /** Windows that something was granted in: the one that is, and the next. */
  #windows: FixedWindow[] = [];

  constructor(budget: BudgetRecord, floors: LedgerFloors) {
    this.#budget = budget;
    this.#floors = floors;
  }

  merge(entry: Entry, reports: readonly HoldingReport[], nowMs: number): Changed {
    this.#roll(entry, nowMs);
    let changed: Changed = 'nothing';
    for (const report of reports) {
      const holding = entry.holdings.find(({ startMs }) => startMs === report.startMs);
      if (holding === undefined) continue;
      const window = this.#window(holding.startMs);
      const [charged, held] = [charge(holding), unspent(holding)];
      if (!mergeHolding(holding, report)) continue;
      window.charged += charge(holding) - charged;
      window.unspent += unspent(holding) - held;
      // Without it more would be charged after a restart, which is safe; a debt is not to be lost.
      if (holding.spent > holding.granted - holding.returned) changed = 'entry';
    }
    return changed;
  }

  grant(entry: Entry, turn: Turn, grants: HoldingGrant[]): Changed {
    this.#roll(entry, turn.nowMs);
    const current = currentWindow(this.#budget, turn.nowMs);
    const aheadMs = this.#budget.intervalMs + 1.5 * turn.settings.roundTripMs;
    const granted = this.#grantIn(current, entry, turn, grants);
    if (current.endMs > turn.nowMs + aheadMs) return granted ? 'entry' : 'nothing';
    const next = nextWindow(this.#budget, turn.nowMs);
    return this.#grantIn(next, entry, turn, grants) || granted ? 'entry' : 'nothing';
  }

  close(entry: Entry, nowMs: number): void {
    this.#roll(entry, nowMs);
    for (const holding of entry.holdings) {
      const window = this.#window(holding.startMs);
      window.charged -= charge(holding);
      window.unspent -= unspent(holding);
      window.closed += charge(holding);
    }
    entry.holdings = NO_HOLDINGS;
  }

  settled(entry: Entry, nowMs: number): boolean {
    this.#roll(entry, nowMs);
    return entry.holdings.every((holding) => unspent(holding) === 0);
  }

  fresh(_key: KeyRecord, nowMs: number): boolean {
    return this.#windows.every(({ endMs }) => endMs <= nowMs);
  }

  forget(_key: KeyRecord, nowMs: number): number {
    let hits = 0;
    for (const window of this.#windows) {
      if (window.endMs <= nowMs) continue;
      const spent = window.charged - window.unspent + window.closed - window.forgiven;
      window.forgiven += spent;
      hits += spent;
    }
    return hits;
  }

  adopt(entry: Entry): void {
    for (const holding of entry.holdings) {
      const window = this.#window(holding.startMs);
      window.charged += charge(holding);
      window.unspent += unspent(holding);
    }
  }

  windows(key: KeyRecord, nowMs: number): readonly Omit<WindowState, 'agents'>[] {
    const current = currentWindow(this.#budget, nowMs);
    const bounds: WindowBounds[] = [current];
    for (const window of this.#windows) if (window.startMs >= current.endMs) bounds.push(window);
    return bounds.map(({ startMs, endMs }) => {
      const window = this.#windows.find((known) => known.startMs === startMs);
      const kept = this.#kept({ startMs, endMs });
      const leased = window?.unspent ?? 0;
      const counted = (window?.charged ?? 0) + (window?.closed ?? 0) - (window?.forgiven ?? 0);
      return {
        startMs,
        endMs,
        leased,
        spent: Math.max(0, counted - leased),
        floors: kept,
        left: limitOf(key, nowMs) - counted - kept,
      };
    });
  }

  write(page: PageWriter): void {
    const kept = this.#windows.filter(({ closed, forgiven }) => closed > 0 || forgiven > 0);
    page.whole(kept.length);
    for (const { startMs, closed, forgiven } of kept) {
      page.whole(startMs);
      page.whole(closed);
      page.whole(forgiven);
    }
  }

  read(page: PageReader): void {
    for (let count = page.whole(); count > 0; count -= 1) {
      const window = this.#window(page.whole());
      window.closed = page.whole();
      window.forgiven = page.whole();
    }
  }

  #grantIn(bounds: WindowBounds, entry: Entry, turn: Turn, grants: HoldingGrant[]): boolean {
    const { startMs, endMs } = bounds;
    const { nowMs } = turn;
    let holding = entry.holdings.find((known) => known.startMs === startMs);
    let window = this.#windows.find((known) => known.startMs === startMs);
    const counted = window === undefined ? 0 : window.charged + window.closed - window.forgiven;
    const limit = limitOf(entry.key, nowMs);
    let left = limit - counted - this.#kept(bounds);
    let more = 0;
    if (turn.granting && left > 0) {
      more = tokensFor({
        entry,
        turn,
        held: holding === undefined ? 0 : unspent(holding),
        had: holding === undefined ? 0 : charge(holding),
        left,
        limit,
        windowMs: endMs - startMs,
        usableMs: endMs - Math.max(startMs, nowMs),
        now: startMs <= nowMs,
        flows: false,
      });
    }
    if (more > 0) {
      if (holding === undefined) {
        holding = { startMs, granted: 0, returned: 0, spent: 0 };
        entry.holdings = withHolding(entry.holdings, holding);
      }
      window ??= this.#window(startMs);
      const [charged, held] = [charge(holding), unspent(holding)];
      holding.granted += more;
      window.charged += charge(holding) - charged;
      window.unspent += unspent(holding) - held;
      left -= charge(holding) - charged;
    }
    // Nothing is ever asked back: what was lent of a floor is not used there, and a lowered limit holds for what is granted from now on.
    const elsewhere = (window?.unspent ?? 0) - (holding === undefined ? 0 : unspent(holding));
    grants.push({ startMs, endMs, granted: holding?.granted ?? 0, left: Math.max(0, left), elsewhere });
    return more > 0;
  }

  #kept(bounds: WindowBounds): number {
    return partOfFloors(
      floorsOf(this.#budget, bounds.startMs),
      this.#floors.unwaivedIn(this.#budget.budget.scope, bounds),
    );
  }

  #window(startMs: number): FixedWindow {
    let window = this.#windows.find((known) => known.startMs === startMs);
    if (window === undefined) {
      const { endMs } = windowAt(this.#budget.budget.window, startMs);
      window = { startMs, endMs, charged: 0, unspent: 0, closed: 0, forgiven: 0 };
      this.#windows.push(window);
    }
    return window;
  }

  /** Drops what is over: nobody may use it any more, and nothing counts it. */
  #roll(entry: Entry, nowMs: number): void {
    const { startMs } = currentWindow(this.#budget, nowMs);
    if (this.#windows.some((window) => window.endMs <= nowMs))
      this.#windows = this.#windows.filter((window) => window.endMs > nowMs);
    if (entry.holdings.some((holding) => holding.startMs < startMs))
      entry.holdings = entry.holdings
        .filter((holding) => holding.startMs >= startMs)
        .reduce(withHolding, NO_HOLDINGS);
  }
}

/** An array of just the size: a million of them are kept, and spread ones are given room to grow. */
function withHolding(holdings: readonly Holding[], more: Holding): readonly Holding[] {
  const [first, ...others] = holdings;
  return first === undefined ? [more] : others.length === 0 ? [first, more] : [...holdings, more];
}

/** What a holding takes from its window: spent or still to be spent, not what came back. */
function charge(holding: Holding): number {
  return Math.max(holding.granted - holding.returned, holding.spent);
}
