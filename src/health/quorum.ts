import { explainVotes, verdictReason } from './explain.ts';
import { type Tally, tally } from './tally.ts';
import type { QuorumConfig, ReceivedVote, VoteLine } from './types.ts';

/** A count of votes with its explanation. */
export interface Judgement extends Tally {
  /** For people: "down: 3 of 4 failure domains say so (hub: connection refused; paris: timeout)". */
  readonly reason: string;
  /** Every vote, whether it counted or not. */
  readonly lines: readonly VoteLine[];
}

/**
 * Judges the votes of one target: `tally`, explained. Pure; the order of `votes` does not matter.
 * @param nowMs the receiver's monotonic clock, the one that `receivedAtMs` was read from.
 */
export function judge(votes: readonly ReceivedVote[], nowMs: number, config: QuorumConfig): Judgement {
  return explain(tally(votes, nowMs, config), votes, nowMs, config);
}

/** Explains a count that was made of these votes at this time. */
export function explain(
  counted: Tally,
  votes: readonly ReceivedVote[],
  nowMs: number,
  config: QuorumConfig,
): Judgement {
  const lines = explainVotes(votes, nowMs, config);
  return { ...counted, lines, reason: verdictReason(counted, lines) };
}
