import type { Budget, WindowBounds } from './budget.ts';
import { windowAt } from './calendar.ts';
import { allFloors } from './floors.ts';
import type { WindowState } from './ledger-contract.ts';
import type { AgentRecord } from './ledger-floors.ts';
import type { LedgerSettings } from './ledger-settings.ts';
import type { HoldingGrant, HoldingReport } from './messages.ts';
import type { PageReader, PageWriter } from './page-bytes.ts';

/** What one session was granted in one window, and what became of it; all three only grow. */
export interface Holding {
  readonly startMs: number;
  granted: number;
  returned: number;
  spent: number;
}

/** Tokens below zero that a bank of an agent's table can have. */
const MOST_OWED = 2 ** 23;
/** Hits per second; above what any agent can admit. */
const MOST_DEMAND = 1e9;
/** A session that lasts for years does not count up to it. */
const MOST_COUNTED = 2 ** 50;

export const NO_HOLDINGS: readonly Holding[] = [];

/** A key of one session. */
export interface Entry {
  readonly session: Session;
  readonly key: KeyRecord;
  /** As the agent numbers it. */
  readonly id: number;
  /** Replaced, never changed: arrays that grow take ten times the room. */
  holdings: readonly Holding[];
  /** Hits per second wanted, as last heard. */
  demand: number;
  waiting: number;
  /** By the hub's clock; whole, for a small number takes no room of its own beside a million entries. */
  heardSeconds: number;
}

/** One data process of an agent. */
export interface Session {
  readonly number: number;
  readonly agent: AgentRecord;
  /** As the agent named it. */
  readonly name: string;
  readonly entries: Map<number, Entry>;
  /** By the agent's clock, of its newest request. */
  sentMs: number;
  heardMs: number;
  /** When the last lease that it was promised is over, by the hub's clock. */
  leaseEndMs: number;
  /** Its leases were found over with nothing held: nothing to look for until it speaks again. */
  lapsed: boolean;
}

export interface BudgetRecord {
  readonly number: number;
  budget: Budget;
  /** Of the namespace whose policy it is from. */
  readonly tenant: Tenant;
  /** The configuration has it: it may be granted. */
  live: boolean;
  intervalMs: number;
  /** The window that is, and the next one: asked for with every key. */
  current: WindowBounds;
  next: WindowBounds;
  /** What floors were counted by before, as long as an agent may still go by it. */
  former: FormerFloor | undefined;
  readonly keys: Map<string, KeyRecord>;
}

/** What the limits of one namespace have of the ledger. */
export interface Tenant {
  entries: number;
  keys: number;
}

/** Floors that were larger before: windows that began before `untilMs` count them so. */
export interface FormerFloor {
  /** Tokens of the floors of all shares together, of the limit and of the burst. */
  readonly all: number;
  readonly allBurst: number;
  /** Every agent of the scope must have said this version. */
  readonly version: number;
  /** Undefined: some have not. */
  readonly untilMs: number | undefined;
}

export interface KeyRecord {
  readonly number: number;
  readonly budget: BudgetRecord;
  readonly text: string;
  override: { readonly limit: number; readonly untilMs: number } | undefined;
  readonly entries: Set<Entry>;
  /** Sum over the entries. */
  demand: number;
  /** Entries with demand or hits that wait. */
  wanting: number;
  /** How much each that asks may have at most in a window when all ask for more (`allocation: fair`). */
  readonly fair: { level: number; untilMs: number };
  readonly pool: Pool;
}

/** What must be stored again: `entry` its session's page, `both` that of the key too. */
export type Changed = 'nothing' | 'entry' | 'both';

/** One exchange, as the pools see it. */
export interface Turn {
  readonly nowMs: number;
  readonly settings: LedgerSettings;
  /** Since the exchange before with this session. */
  readonly elapsedMs: number;
  /** False for a request that was overtaken, and during a pause: its demand is gone. */
  granting: boolean;
  /** The agent should ask again after so long; pools lower it. */
  intervalMs: number;
  /** Of the key last granted. */
  horizonMs: number;
}

/** Where a key's tokens are. One for each algorithm. */
export interface Pool {
  /** Takes over what an agent says became of its grants. */
  merge(entry: Entry, reports: readonly HoldingReport[], nowMs: number): Changed;
  /** Adds what the session has in each window to `grants`. */
  grant(entry: Entry, turn: Turn, grants: HoldingGrant[]): Changed;
  /** The session is over: what it holds counts as spent, at `leaseEndMs` at the latest (not before `nowMs`). */
  close(entry: Entry, nowMs: number, leaseEndMs: number): void;
  /** The session has nothing here that may still be used or changed. */
  settled(entry: Entry, nowMs: number): boolean;
  /** A new key would be the same. */
  fresh(key: KeyRecord, nowMs: number): boolean;
  /** @returns hits forgotten */
  forget(key: KeyRecord, nowMs: number): number;
  /** Counts a stored entry in. */
  adopt(entry: Entry): void;
  windows(key: KeyRecord, nowMs: number): readonly Omit<WindowState, 'agents'>[];
  write(page: PageWriter): void;
  read(page: PageReader): void;
}

export function unspent(holding: Holding): number {
  return Math.max(0, holding.granted - holding.returned - holding.spent);
}

/**
 * Merges what an agent said of a holding. Answers cost beyond what was granted no more than a bank can owe, whatever an agent says.
 * @returns whether anything was new
 */
export function mergeHolding(holding: Holding, report: HoldingReport): boolean {
  const returned = Math.max(holding.returned, Math.min(report.returned, holding.granted));
  const spent = Math.max(holding.spent, Math.min(report.spent, holding.granted + MOST_OWED));
  if (returned === holding.returned && spent === holding.spent) return false;
  holding.returned = returned;
  holding.spent = spent;
  return true;
}

/** A holding of which nothing is left, so that later grants come on top of what the agent counts already. */
export function goneOn(report: HoldingReport): Holding {
  const returned = Math.min(report.returned, MOST_COUNTED);
  const spent = Math.min(report.spent, MOST_COUNTED);
  return { startMs: 0, granted: returned + spent, returned, spent };
}

/** The limit of a key now: its operator's, or the budget's. */
export function limitOf(key: KeyRecord, nowMs: number): number {
  const { override } = key;
  return override !== undefined && nowMs < override.untilMs ? override.limit : key.budget.budget.limit;
}

/** Keeps the sums of a key right: finite, and exact enough that who wants little is not lost beside who says to want everything. */
export function setDemand(entry: Entry, said: number, waiting: number): void {
  const { key } = entry;
  const demand = Math.min(said, MOST_DEMAND);
  const wanted = entry.demand > 0 || entry.waiting > 0;
  const wants = demand > 0 || waiting > 0;
  if (wants !== wanted) key.wanting += wants ? 1 : -1;
  key.demand = key.wanting === 0 ? 0 : Math.max(0, key.demand + demand - entry.demand);
  entry.demand = demand;
  entry.waiting = waiting;
}

/** Tokens of the floors of all shares together, as agents may reckon them in windows that begin at `startMs`. */
export function floorsOf(record: BudgetRecord, startMs: number): number {
  const { limit, floorShare } = record.budget;
  const { former } = record;
  const all = allFloors(limit, floorShare);
  return former === undefined || startMs >= (former.untilMs ?? Number.POSITIVE_INFINITY)
    ? all
    : Math.max(all, former.all);
}

export function currentWindow(record: BudgetRecord, nowMs: number): WindowBounds {
  if (nowMs >= record.current.endMs || nowMs < record.current.startMs) {
    record.current = windowAt(record.budget.window, nowMs);
    record.next = { startMs: 0, endMs: 0 };
  }
  return record.current;
}

export function nextWindow(record: BudgetRecord, nowMs: number): WindowBounds {
  const { endMs } = currentWindow(record, nowMs);
  if (record.next.startMs !== endMs) record.next = windowAt(record.budget.window, endMs);
  return record.next;
}
