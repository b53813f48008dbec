import type { WindowBounds } from './budget.ts';

/*
 * One exchange of quota: at most one per agent and interval, whatever the number of keys. What is said of grants is cumulative, so that
 * a message that is lost, comes twice or is overtaken does no harm. Times of the hub are milliseconds since 1970 on its own clock, which
 * never jumps back; those of an agent are its monotonic clock. On the wire: `src/protocol/quota-codec.ts`.
 */

/** From an agent's data process, through its control process, to the hub. */
export interface QuotaRequest {
  /** Random for each start of the agent's data process. With the agent's identity it is the session that grants are for. */
  readonly session: string;
  /** The agent's monotonic clock when it was made; comes back with the reply. */
  readonly sentMs: number;
  /** Of the ledger whose last reply was taken; empty: of none yet. */
  readonly ledger: string;
  /** `hubMs` of the newest reply that was taken; shares of an older one are never taken any more. Absent: none was. */
  readonly takenHubMs?: number;
  /** Version of the budgets that the agent's configuration has (`GatewayPart.quotaVersion`). */
  readonly budgets: number;
  /** Absent: floors may be in use, or their use is not known. */
  readonly waiver?: FloorWaiver;
  /** Shares that this agent holds now, as replies gave them; none: it has forgotten. */
  readonly shares: readonly FloorShare[];
  /** Keys said for the first time in this session. */
  readonly names: readonly KeyName[];
  readonly entries: readonly EntryReport[];
}

/** The agent took nothing from any floor since the one instant and will not until the other, both on the hub's clock. */
export interface FloorWaiver {
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** A part of the floors of every budget of a scope. */
export interface FloorShare {
  readonly scope: string;
  /** Of the floors of the scope, in millionths. */
  readonly millionths: number;
}

export interface KeyName {
  /** Chosen by the agent, unique in its session, from 0 up. */
  readonly id: number;
  readonly budget: string;
  /** Values of the counters as `budgetKey` joins them; empty for a limit without counters. */
  readonly key: string;
}

export interface EntryReport {
  /** Of a name of this session. */
  readonly id: number;
  /** Hits per second wanted here, smoothed. */
  readonly demand: number;
  /** Hits that wait for a grant now. */
  readonly waiting: number;
  readonly holdings: readonly HoldingReport[];
}

/** What became of grants: never smaller in a later message. */
export interface HoldingReport {
  /** Start of the window; 0 for sliding windows and token buckets. */
  readonly startMs: number;
  /** Given back, unspent. Already out of the agent's reach. */
  readonly returned: number;
  /** Admitted. Above `granted - returned` when the cost of an answer was more than had been taken for it. */
  readonly spent: number;
  /** For sliding windows: the first `spent` of them were admitted at least this long ago by the agent's clock; ascending. */
  readonly marks?: readonly { readonly spent: number; readonly ageMs: number }[];
}

export interface QuotaReply {
  readonly session: string;
  /** Another one after the hub's state was lost or its clock jumped: what an older ledger granted is void. */
  readonly ledger: string;
  /** The hub's fencing epoch: of two replies the one with the lower epoch is not believed. */
  readonly epoch: number;
  /** The hub's clock when the request was answered. */
  readonly hubMs: number;
  /** Of the request. */
  readonly sentMs: number;
  /** The session is over: nothing it holds may be used, and the agent begins another one. */
  readonly closed: boolean;
  /** Grants of sliding windows and token buckets, and floors' waivers, hold for so long after `sentMs`. */
  readonly leaseMs: number;
  /** Ask again after this long, sooner when keys run out. */
  readonly intervalMs: number;
  /** All that this agent has from now on; a scope that is not named: nothing. */
  readonly shares: readonly FloorShare[];
  readonly entries: readonly EntryGrant[];
  /** Names of budgets that the hub does not have (yet). */
  readonly unknown: readonly number[];
}

export interface EntryGrant {
  readonly id: number;
  readonly limit: number;
  /** Hold no more than demand takes in so long, and give back the rest; 0: hold only what waits. */
  readonly horizonMs: number;
  readonly holdings: readonly HoldingGrant[];
}

export interface HoldingGrant extends WindowBounds {
  /** All that this session was ever granted in this holding. */
  readonly granted: number;
  /**
   * What the hub has left for anybody, for `RateLimit` fields. Negative: so many too many are granted (a floor came back, a limit was
   * lowered), and of the newest reply the agent puts as many of its unspent ones out of its reach at once, as returned.
   */
  readonly left: number;
  /** What other sessions hold unspent, and may give back. Absent: not known. */
  readonly elsewhere?: number;
}
