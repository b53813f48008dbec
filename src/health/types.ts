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
  /**
   * Receiver's monotonic milliseconds at which the present unbroken connection of the vantage point began. What failed before
   * that may have failed because it was cut off: its DOWN votes abstain until they have had time to be made anew.
   */
  readonly connectedSinceMs: number;
}

export interface QuorumConfig {
  /** Votes older than this abstain. Checks with a long interval get two intervals and a timeout instead (`staleAfterFor`). */
  readonly staleAfterMs: number;
  /** Failure domains that must agree on DOWN. Below 2 it counts as 2: one vantage point cannot fail an endpoint (I16). */
  readonly minFailureDomains: number;
  /**
   * How long the votes must say UP before a withdrawn target is admitted again; doubles per flap. A withdrawal lasts
   * at least twice this long, so that a target changes at most twice in any `2 × holdMs` (a minute at the default, I15).
   */
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

/**
 * What the decider remembers of a target between two decisions. JSON-safe: it is persisted and sent to agents. Times are
 * durations and not instants, so that it can be carried on by a process with another monotonic clock.
 */
export interface TargetMemory {
  readonly state: 'up' | 'down' | 'unknown';
  /** Decider's wall clock at the last change; shown to people, never used in arithmetic. */
  readonly sinceWallMs: number;
  /** Watched time since the state changed: time in which nobody decided (a pause of the machine) is not in it. */
  readonly changedAgoMs: number;
  /** Withdrawals (UP to DOWN) not yet forgotten. A target that is down with 0 was never admitted and has no hold. */
  readonly flaps: number;
  /** Set while the target is down but the votes say up: for how much watched time they have said so. */
  readonly recoveringForMs?: number;
}

/** `earliestChangeMs` when nothing that is known points to a change. Finite, because it travels as JSON and protobuf. */
export const NO_PENDING_CHANGE_MS = 2_147_483_647;

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
  /**
   * When a change that is already in sight could happen at the earliest, in milliseconds from now. Bounds the TTL. It is no
   * promise that the state lasts: a healthy target may break at any moment, and then this drops to 0 with the first DOWN vote.
   * - up: `NO_PENDING_CHANGE_MS` while no fresh vote says DOWN; 0 when one does, or when nobody has a fresh vote.
   * - down, withdrawn: what is left of the hold (all of it while the votes do not say up). 0 if it was never admitted.
   * - unknown: 0.
   */
  readonly earliestChangeMs: number;
  /** One sentence: "down: 3 of 4 failure domains say so (hub: connection refused; paris: timeout; …)". */
  readonly reason: string;
  /** Who saw what when this state was last re-explained; the board's `explain` gives the ages of this moment. */
  readonly votes: readonly VoteLine[];
}
