import type { Budget, WindowBounds } from './budget.ts';
import type { QuotaReply, QuotaRequest } from './messages.ts';

/**
 * The hub's book of what was granted to whom. Pure: time comes in, what must be kept comes out. One per hub with the store's epoch.
 *
 * A reply may leave only when the pages that `takeChanges` gave after its exchange are durable; then whatever is lost (a message, an agent,
 * this process) the sum of what agents may still admit never exceeds a limit (I20).
 */
export interface Ledger {
  /** Random when it was made; stays through restarts of the hub. */
  readonly id: string;
  /**
   * Budgets that hold from now on. One that is gone is granted no more, and forgotten when its windows are over. A lowered limit holds for
   * what is granted from now on; floors are counted by the higher one until every agent of the scope has said that it has `version`.
   */
  setBudgets(budgets: ReadonlyMap<string, Budget>, version: number, nowMs: number): void;
  /** Agents that there are, each with the scopes it belongs to (its namespace and `*`). One that is gone loses its share when it must have lost it itself. */
  setAgents(agents: ReadonlyMap<string, readonly string[]>, nowMs: number): void;
  /** Grants nothing before: after a start at which the clock cannot be shown to go on (`HubClock`). */
  pauseUntil(hubMs: number): void;
  /** @param nowMs the hub's clock */
  exchange(agent: string, request: QuotaRequest, nowMs: number): QuotaReply;
  /** An operator's limit for one key; undefined takes it back. Ends by itself at `untilMs`. */
  override(
    budget: string,
    key: string,
    limit: { readonly limit: number; readonly untilMs: number } | undefined,
  ): void;
  /** Forgets what was admitted for a key in the windows that run; what is granted and unspent stays charged. @returns hits forgotten */
  reset(budget: string, key: string, nowMs: number): number;
  /** Keys of a budget that are in use, by their share of the limit; at most `most`. */
  describe(
    budget: string,
    nowMs: number,
    options: { readonly key?: string; readonly most: number },
  ): readonly KeyState[];
  /** What changed since the last call, to be made durable together. */
  takeChanges(): readonly PageChange[];
  /** Closes sessions, frees what is over. Cheap; every second. */
  sweep(nowMs: number): void;
  readonly sizes: { readonly sessions: number; readonly entries: number; readonly keys: number };
}

/** A named piece of the ledger as it is stored; absent content: removed. The names are the ledger's own business. */
export interface PageChange {
  readonly page: string;
  readonly content: Uint8Array | undefined;
}

/** For `portolan quota`. */
export interface KeyState {
  readonly key: string;
  readonly limit: number;
  readonly overriddenUntilMs?: number;
  /** More than the limit is granted already (it was lowered, or a floor came back): by then at the latest what is above it is over. */
  readonly limitAppliesMs?: number;
  readonly windows: readonly WindowState[];
}

export interface WindowState extends WindowBounds {
  /** Granted to somebody and not known to be spent. */
  readonly leased: number;
  readonly spent: number;
  /** Kept for agents that cannot be reached. */
  readonly floors: number;
  /** What the hub can still grant. */
  readonly left: number;
  readonly agents: readonly {
    readonly agent: string;
    readonly session: string;
    readonly leased: number;
    readonly spent: number;
    /** The agent's own part of the floor: what it may admit alone when it is cut off, lent to the others until then. */
    readonly floor: number;
    readonly demand: number;
    /** Of the last exchange. */
    readonly heardMs: number;
  }[];
}
