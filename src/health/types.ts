import type { CheckSpec } from '../resources/health-check.ts';

/**
 * One thing that is probed: an address, a port and a check. Endpoints of several policies that agree in all three share
 * one target, so that probe work grows with addresses and not with names.
 */
export interface Target {
  /** Content hash of everything below: stable over restarts and the same at the hub and at every agent. */
  readonly id: string;
  /** `namespace/name` of the cluster it runs on. */
  readonly cluster: string;
  readonly failureDomain: string;
  /** IP address, or a DNS name for CNAME endpoints. */
  readonly address: string;
  readonly port: number;
  /** Where the cluster's own agent probes instead (from inside). */
  readonly internal?: { readonly address: string; readonly port: number };
  readonly check: CheckSpec;
  /** Host header / SNI when the check names none: the first hostname of the first policy that uses it. */
  readonly defaultHost: string;
}

/** What one vantage point says of one target. */
export interface Vote {
  /** `hub/<uid>` or `agent/<uid>`. */
  readonly vantage: string;
  readonly failureDomain: string;
  readonly targetId: string;
  /** `none`: not enough probes yet, or the vantage point says it has lost its own sight. */
  readonly verdict: 'up' | 'down' | 'none';
  /** Grows by one with every message of this vantage point's incarnation; an older one is ignored. */
  readonly sequence: number;
  /** Milliseconds since the last probe finished, as the vantage point measures it. */
  readonly ageMs: number;
  /** Milliseconds since the verdict last changed. */
  readonly sinceMs: number;
  /** Why the last probe failed, or its latency; for the explanation. */
  readonly detail: string;
  /** A drill's fault made this verdict. */
  readonly injected?: boolean;
}

/** A vote together with when it arrived here, on the receiver's monotonic clock. */
export interface ReceivedVote {
  readonly vote: Vote;
  /** Receiver's monotonic milliseconds. */
  readonly receivedAtMs: number;
  /** True when the vantage point reached another failure domain or a canary within the last 3 s: else it is the one cut off. */
  readonly vantageConnected: boolean;
}

export interface QuorumConfig {
  /** Votes older than this abstain. */
  readonly staleAfterMs: number;
  /** Failure domains that must agree on DOWN. */
  readonly minFailureDomains: number;
  /** First hold before a target that was down is admitted again; doubles per flap. */
  readonly holdMs: number;
  readonly maxHoldMs: number;
  /** A target that stayed up this long after admission forgets its flaps. */
  readonly flapWindowMs: number;
}

export const DEFAULT_QUORUM: QuorumConfig = {
  staleAfterMs: 3_000,
  minFailureDomains: 2,
  holdMs: 30_000,
  maxHoldMs: 300_000,
  flapWindowMs: 600_000,
};

/** What the decider remembers of a target between two decisions. JSON-safe: it is persisted and sent to agents. */
export interface TargetMemory {
  readonly state: 'up' | 'down' | 'unknown';
  /** Decider's milliseconds (wall clock for display, see `sinceWallMs`). */
  readonly sinceWallMs: number;
  /** How long ago the state changed, at the time it was written; monotonic arithmetic goes on from here. */
  readonly changedAgoMs: number;
  /** Withdrawals within the flap window. */
  readonly flaps: number;
  /** Set while the target is down but the votes say up: how long they have said so. */
  readonly recoveringForMs?: number;
}

/** One line of an explanation: who saw what, when. */
export interface VoteLine {
  readonly vantage: string;
  readonly failureDomain: string;
  readonly verdict: 'up' | 'down' | 'none';
  /** Why it did not count: stale, cut off, none. */
  readonly counted: boolean;
  readonly ageMs: number;
  readonly detail: string;
  readonly injected: boolean;
}

/** The decided state of one target, with its explanation. */
export interface TargetState {
  readonly targetId: string;
  readonly state: 'up' | 'down' | 'unknown';
  /** Fewer than two fresh failure domains: the last state is kept and this is set. */
  readonly degraded: boolean;
  /** Wall clock milliseconds of the last change, for people. */
  readonly sinceWallMs: number;
  /** When the state could change at the earliest, in milliseconds from now, given what is known (0: at any moment). Bounds the TTL. */
  readonly earliestChangeMs: number;
  /** One sentence: "down: 3 of 4 failure domains say so (refused from eu-1, …)". */
  readonly reason: string;
  readonly votes: readonly VoteLine[];
}
