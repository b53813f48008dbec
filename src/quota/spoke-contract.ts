import type { Budget } from './budget.ts';
import type { FloorShare, QuotaReply, QuotaRequest } from './messages.ts';

/**
 * The agent's side of the exchange: holds grants, puts them into the shared table, asks for more before they run out. Pure: the table, the
 * clock and randomness come in. One per data process, in its supervisor thread; every method takes the time of the machine's monotonic
 * clock in milliseconds (fractions allowed), on the table's scale.
 */
export interface Spoke {
  /**
   * Budgets of the configuration; the index in the list is the table's, and a budget's for ever: one that is gone leaves a hole. Keys of
   * budgets that are gone are given back.
   */
  configure(budgets: readonly (SpokeBudget | undefined)[], version: number, nowMs: number): void;
  /**
   * A thread found no token for a key (or no slot): `hits` wait. The answer comes by `settled` of a later `accept` or `tick`, after
   * `waitMs` at the latest. Full table: settled at once.
   */
  want(ticket: number, budget: number, key: string, hits: number, waitMs: number, nowMs: number): void;
  /** Rolls windows, banks and floors; to be called at least every 20 ms while keys are in use. */
  tick(nowMs: number): void;
  /** When the next `request` should be made; Infinity: nothing is wanted. */
  dueMs(): number;
  /** Undefined: nothing to say. */
  request(nowMs: number): QuotaRequest | undefined;
  accept(reply: QuotaReply, nowMs: number): void;
  /** Tickets whose key may be taken from now (the thread takes by itself), or that nobody can serve. Emptied by the call. */
  settled(): readonly { readonly ticket: number; readonly outcome: 'try' | 'refused' | 'full' | 'away' }[];
  /** The monotonic clock cannot be trusted to have gone on (a pause of the machine): every grant is dropped. */
  clockBroke(nowMs: number): void;
  /** No reply for longer than a lease. */
  away(nowMs: number): boolean;
  /** What to keep on the disk, when it changed; and given back at the start with its age by the wall clock. */
  readonly memory: SpokeMemory;
  /** This memory is on the disk, durably: floors may be opened on the strength of what it says. */
  remembered(memory: SpokeMemory): void;
  describe(nowMs: number): SpokeState;
}

export interface SpokeBudget extends Budget {
  /** While the hub is away and nothing is left: floors, nobody, or everybody (not exact). The threads obey it; here for `describe`. */
  readonly onHubLoss: 'floor' | 'deny' | 'allow';
}

export interface SpokeMemory {
  readonly shares: readonly FloorShare[];
  /** Wall clock of the last reply that gave them. */
  readonly givenWallMs: number;
  /** The longest lease that was promised, milliseconds: for so long floors rest after a start. */
  readonly leaseMs?: number;
  /** The ledger whose clock the next is on. */
  readonly ledger?: string;
  /** Nothing was taken from any floor since then, on the hub's clock. Absent: that is not known, or floors may be in use. */
  readonly waivedSinceMs?: number;
}

export interface SpokeState {
  readonly session: string;
  readonly hub: { readonly lowMs: number; readonly highMs: number } | undefined;
  readonly lastReplyAgoMs: number | undefined;
  readonly keys: number;
  readonly waiting: number;
  readonly shares: readonly FloorShare[];
}

/** Floors are good for so long after the last reply, and the hub gives a lost agent's share to others after it. */
export const SHARE_LIFETIME_MS = 7 * 86_400_000;
