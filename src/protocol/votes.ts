import { create } from '@bufbuild/protobuf';
import type { Vote } from '../health/types.ts';
import type { VoteBatch } from '../health/vote-book.ts';
import {
  Vote_Verdict,
  VoteBatchSchema,
  VoteSchema,
  type VoteBatch as WireVoteBatch,
} from './generated/portolan_pb.js';

const TO_WIRE = { none: Vote_Verdict.NONE, up: Vote_Verdict.UP, down: Vote_Verdict.DOWN } as const;
const UINT32_MAX = 0xffff_ffff;
/** Characters of a detail that are kept: it goes into explanations that every agent and the API are sent. */
const MAX_DETAIL = 300;

/** Votes of one vantage point as they travel. `complete`: these are all of them. */
export function toWireVotes(batch: {
  readonly sequence: number;
  readonly connectedAgeMs: number;
  readonly complete: boolean;
  readonly votes: readonly Vote[];
}): WireVoteBatch {
  return create(VoteBatchSchema, {
    sequence: BigInt(batch.sequence),
    connectedAgeMs: uint32(batch.connectedAgeMs),
    complete: batch.complete,
    votes: batch.votes.map((vote) =>
      create(VoteSchema, {
        targetId: vote.targetId,
        verdict: TO_WIRE[vote.verdict],
        ageMs: uint32(vote.ageMs),
        sinceMs: BigInt(Math.max(0, Math.round(vote.sinceMs))),
        detail: vote.detail,
        injected: vote.injected === true,
      }),
    ),
  });
}

/** Who sent a batch: from the authenticated link, never from the message. */
export interface VoteSender {
  readonly vantage: string;
  readonly failureDomain: string;
  readonly incarnation: string;
}

/** The batch as the health board takes it. A verdict of a newer release that this one does not know abstains (I12). */
export function fromWireVotes(sender: VoteSender, wire: WireVoteBatch): VoteBatch {
  return {
    ...sender,
    sequence: Number(wire.sequence),
    connectedAgeMs: wire.connectedAgeMs,
    complete: wire.complete,
    votes: wire.votes.map((vote) => ({
      targetId: vote.targetId,
      verdict: vote.verdict === Vote_Verdict.UP ? 'up' : vote.verdict === Vote_Verdict.DOWN ? 'down' : 'none',
      ageMs: vote.ageMs,
      sinceMs: Number(vote.sinceMs),
      detail: shortDetail(vote.detail),
      ...(vote.injected ? { injected: true } : {}),
    })),
  };
}

/** One short line, without what a terminal would take for a command. */
function shortDetail(text: string): string {
  const short = text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL - 1)}…` : text;
  return short.replace(/\p{Cc}/gu, ' ');
}

function uint32(value: number): number {
  return Math.min(UINT32_MAX, Math.max(0, Math.round(value)));
}
