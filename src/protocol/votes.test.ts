import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { Vote_Verdict, VoteBatchSchema } from './generated/portolan_pb.js';
import { fromWireVotes, toWireVotes } from './votes.ts';

const sender = { vantage: 'agent/a', failureDomain: 'eu', incarnation: 'i' };

describe('votes that travel', () => {
  it('arrive as they were sent, with the sender of the link', () => {
    const vote = {
      vantage: 'agent/liar',
      failureDomain: 'elsewhere',
      targetId: 't',
      verdict: 'down',
      sequence: 0,
      ageMs: 12,
      sinceMs: 34,
      detail: 'connection refused',
    } as const;
    const wire = toWireVotes({ sequence: 7, connectedAgeMs: 5, complete: true, votes: [vote] });
    const { targetId, verdict, ageMs, sinceMs, detail } = vote;
    expect(fromWireVotes(sender, wire)).toEqual({
      ...sender,
      sequence: 7,
      connectedAgeMs: 5,
      complete: true,
      votes: [{ targetId, verdict, ageMs, sinceMs, detail }],
    });
  });

  // A detail goes into the explanation that every agent and the API are sent: one agent must not swell all of that.
  it('have short details, however long the sender makes them, and no control characters', () => {
    const votes = [
      { targetId: 't', verdict: Vote_Verdict.DOWN, detail: `a\u0000\u001b[2J${'x'.repeat(3_000_000)}` },
    ];
    const [vote] = fromWireVotes(sender, create(VoteBatchSchema, { votes })).votes;
    expect(vote?.detail.length).toBeLessThanOrEqual(300);
    expect(vote?.detail).toMatch(/^a {2}\[2Jx+…$/);
  });

  it('of a newer release, with a verdict nobody here knows, abstain (I12)', () => {
    const votes = [{ targetId: 't', verdict: 9 as Vote_Verdict }];
    expect(fromWireVotes(sender, create(VoteBatchSchema, { votes })).votes[0]?.verdict).toBe('none');
  });
});
