import { describe, expect, it } from 'vitest';
import { checkSpec } from '../resources/health-check.ts';
import { createHealthBoard, type HealthBoard } from './board.ts';
import { DEFAULT_QUORUM, type Target, type TargetMemory } from './types.ts';
import type { VoteBatch } from './vote-book.ts';

const config = DEFAULT_QUORUM;
const WALL = 1_750_000_000_000;

function target(id: string, intervalSeconds = 1): Target {
  return {
    id,
    cluster: 'default/eu-1',
    failureDomain: 'eu-1',
    address: '192.0.2.1',
    port: 80,
    check: checkSpec.parse({ protocol: 'tcp', port: 80, intervalSeconds }),
    defaultHost: 'www.example.com',
  };
}

type Said = 'up' | 'down' | 'none';

/** A complete batch: `said` maps target ids to verdicts. */
function batch(
  domain: string,
  sequence: number,
  said: Record<string, Said>,
  more: Partial<VoteBatch> = {},
): VoteBatch {
  return {
    vantage: `agent/${domain}`,
    failureDomain: domain,
    incarnation: 'first',
    sequence,
    connectedAgeMs: 100,
    complete: true,
    votes: Object.entries(said).map(([targetId, verdict]) => ({
      targetId,
      verdict,
      ageMs: 100,
      sinceMs: 0,
      detail: verdict === 'down' ? 'timeout' : '12 ms',
    })),
    ...more,
  };
}

function boardWith(...ids: string[]): HealthBoard {
  const board = createHealthBoard({ config });
  board.setTargets(
    ids.map((id) => target(id)),
    { nowMs: 0, wallMs: WALL },
  );
  // The vantage points have been connected for a while.
  for (const [sequence, ms] of [-4_000, -2_000, 0].entries()) {
    for (const domain of ['d0', 'd1', 'd2'])
      board.ingest(batch(domain, sequence, {}, { complete: false }), ms);
  }
  return board;
}

const at = (nowMs: number) => ({ nowMs, wallMs: WALL + nowMs });
const stateAt = (board: HealthBoard, nowMs: number, id = 't') => board.tick(at(nowMs)).states.get(id)?.state;

/** Three domains say `verdicts` at `nowMs`; the sequence is the time. */
function say(board: HealthBoard, nowMs: number, ...verdicts: Said[]): void {
  verdicts.forEach((verdict, index) => {
    board.ingest(batch(`d${index}`, nowMs + 3, { t: verdict }), nowMs);
  });
}

describe('the board', () => {
  it('decides by the votes of its vantage points', () => {
    const board = boardWith('t');
    expect(stateAt(board, 0)).toBe('unknown');
    say(board, 100, 'up', 'up', 'up');
    expect(stateAt(board, 200)).toBe('up');
    say(board, 1_000, 'down', 'down', 'up');
    const { changed } = board.tick(at(1_050));
    expect(changed).toMatchObject([
      {
        targetId: 't',
        state: 'down',
        sinceWallMs: WALL + 1_050,
        reason: 'down: 2 of 3 failure domains say so (d0: timeout; d1: timeout)',
      },
    ]);
  });

  it('reports a state once, and hands out the same map until something differs', () => {
    const board = boardWith('t', 'other');
    say(board, 0, 'up', 'up');
    const first = board.tick(at(100));
    expect(first.changed.map((state) => state.targetId)).toEqual(['t', 'other']);
    say(board, 1_000, 'up', 'up');
    const second = board.tick(at(1_100));
    expect(second.changed).toEqual([]);
    expect(second.states).toBe(first.states);
    say(board, 2_000, 'up', 'up', 'down');
    const third = board.tick(at(2_100));
    expect(third.changed).toMatchObject([{ targetId: 't', state: 'up', earliestChangeMs: 0 }]);
    expect(third.states).not.toBe(first.states);
    expect(first.states.get('t')?.earliestChangeMs).toBeGreaterThan(0);
  });

  it('I16 keeps the state and says degraded when every vantage point falls silent', () => {
    const board = boardWith('t');
    say(board, 0, 'up', 'up', 'up');
    expect(stateAt(board, 100)).toBe('up');
    expect(board.tick(at(10_000)).changed).toMatchObject([
      {
        state: 'up',
        degraded: true,
        reason: 'up: last state kept, none of 3 vantage points has a fresh vote',
      },
    ]);
    expect(stateAt(board, 86_400_000)).toBe('up');
  });

  it('I16 does not count a vantage point that has lost its own connection', () => {
    const board = boardWith('t');
    say(board, 0, 'up', 'up', 'up');
    board.tick(at(100));
    for (const domain of ['d0', 'd1']) {
      board.ingest(batch(domain, 10, { t: 'down' }, { connectedAgeMs: 3_001 }), 200);
    }
    expect(stateAt(board, 201)).toBe('up');
    // It is connected again, but what it says was seen while it was not: that takes a staleness period to be made anew.
    say(board, 300, 'down', 'down');
    expect(board.tick(at(301)).states.get('t')).toMatchObject({ state: 'up', earliestChangeMs: 0 });
    for (const ms of [1_300, 2_300, 3_300]) {
      say(board, ms, 'down', 'down');
      expect(stateAt(board, ms + 1)).toBe('up');
    }
    say(board, 3_400, 'down', 'down');
    expect(stateAt(board, 3_401)).toBe('down');
  });

  it('counts a vantage point as cut off when its messages stop, however slow the check is', () => {
    const board = createHealthBoard({ config });
    board.setTargets([target('t', 30)], at(0));
    say(board, 0, 'up', 'up');
    expect(stateAt(board, 100)).toBe('up');
    expect(board.tick(at(2_800)).states.get('t')?.degraded).toBe(false);
    expect(board.tick(at(3_000)).states.get('t')?.degraded).toBe(true);
  });

  it('keeps the votes of a slow check fresh between two probes', () => {
    const board = createHealthBoard({ config });
    board.setTargets([target('t', 30)], at(0));
    for (const domain of ['a', 'b']) {
      const late = batch(domain, 1, { t: 'up' });
      board.ingest({ ...late, votes: late.votes.map((vote) => ({ ...vote, ageMs: 29_000 })) }, 0);
    }
    expect(board.tick(at(100)).states.get('t')).toMatchObject({ state: 'up', degraded: false });
  });

  it('forgets no target for a moment of absence', () => {
    const board = boardWith('t');
    say(board, 0, 'up', 'up');
    board.tick(at(100));
    say(board, 200, 'down', 'down');
    board.tick(at(300));
    board.setTargets([], at(400));
    expect(board.tick(at(500))).toMatchObject({ removed: ['t'] });
    board.setTargets([target('t')], at(600));
    say(board, 700, 'up', 'up');
    const { states, removed } = board.tick(at(800));
    expect(removed).toEqual([]);
    expect(states.get('t')?.state).toBe('down');
  });

  it('explains a target with the ages of the moment', () => {
    const board = boardWith('t');
    expect(board.explain('t', 0)?.state).toMatchObject({ state: 'unknown', degraded: true });
    say(board, 0, 'up', 'up');
    board.tick(at(100));
    expect(board.explain('t', 1_100)?.state.votes.map((line) => line.ageMs)).toEqual([1_200, 1_200]);
    expect(board.explain('nobody', 0)).toBeUndefined();
  });

  it('tells which failure domains it has heard lately', () => {
    const board = boardWith('t');
    say(board, 0, 'up', 'none');
    board.forget('agent/d2');
    expect(board.heardDomains(1_000)).toEqual(['d0', 'd1']);
    expect(board.heardDomains(10_000)).toEqual([]);
  });

  it('drops the votes of a vantage point that is none any more', () => {
    const board = boardWith('t');
    say(board, 0, 'up', 'up', 'up');
    board.forget('agent/d2');
    expect(
      board
        .tick(at(100))
        .states.get('t')
        ?.votes.map((line) => line.vantage),
    ).toEqual(['agent/d0', 'agent/d1']);
  });
});

describe('batches', () => {
  it('ignores a duplicate and an older one', () => {
    const board = boardWith('t');
    expect(board.ingest(batch('a', 5, { t: 'up' }), 0)).toBe(true);
    expect(board.ingest(batch('a', 5, { t: 'down' }), 1)).toBe(false);
    expect(board.ingest(batch('a', 4, { t: 'down' }), 2)).toBe(false);
    expect(board.explain('t', 3)?.state.votes.map((line) => line.verdict)).toEqual(['up']);
  });

  it('lets the others stand when a batch has only changes', () => {
    const board = boardWith('t', 'u');
    board.ingest(batch('a', 1, { t: 'up', u: 'up' }), 0);
    board.ingest(batch('a', 2, { t: 'down' }, { complete: false }), 10);
    expect(board.explain('t', 20)?.state.votes[0]?.verdict).toBe('down');
    expect(board.explain('u', 20)?.state.votes[0]?.verdict).toBe('up');
    board.ingest(batch('a', 3, { t: 'down' }), 30);
    expect(board.explain('u', 40)?.state.votes).toEqual([]);
  });

  it('starts over with a new incarnation and never goes back to an ended one', () => {
    const board = boardWith('t');
    board.ingest(batch('a', 900, { t: 'down' }), 0);
    expect(board.ingest(batch('a', 0, { t: 'up' }, { incarnation: 'second' }), 1)).toBe(true);
    expect(board.ingest(batch('a', 901, { t: 'down' }), 2)).toBe(false);
    expect(board.explain('t', 3)?.state.votes.map((line) => line.verdict)).toEqual(['up']);
  });

  it('keeps no vote for a target it does not know', () => {
    const board = boardWith('t');
    board.ingest(batch('a', 1, { t: 'up', stray: 'down' }), 0);
    board.setTargets([target('t'), target('stray')], at(1));
    expect(board.explain('stray', 2)?.state.votes).toEqual([]);
  });
});

describe('memory', () => {
  it('restored without votes keeps the states, degraded', () => {
    const board = boardWith('a', 'b');
    const memory = (state: 'up' | 'down'): TargetMemory => ({
      state,
      sinceWallMs: WALL - 5,
      changedAgoMs: 5,
      flaps: 1,
    });
    board.restore({ a: memory('up'), b: memory('down') }, 0);
    const { states } = board.tick(at(0));
    expect(states.get('a')).toMatchObject({ state: 'up', degraded: true, sinceWallMs: WALL - 5 });
    expect(states.get('b')).toMatchObject({ state: 'down', degraded: true });
  });

  it('carries a hold on in a process with another monotonic clock', () => {
    const hub = boardWith('t');
    let now = 0;
    const step = (board: HealthBoard, offset: number, verdict: Said) => {
      now += 1_000;
      say(board, now + offset, verdict, verdict);
      return stateAt(board, now + offset);
    };
    expect(step(hub, 0, 'up')).toBe('up');
    expect(step(hub, 0, 'down')).toBe('down');
    while (now < 50_000) expect(step(hub, 0, 'up')).toBe('down');
    const agent = boardWith('t');
    const offset = 7_000_000_000;
    agent.restore(JSON.parse(JSON.stringify(hub.remember())), now + offset);
    agent.tick(at(now + offset));
    while (now < 61_000) expect(step(agent, offset, 'up')).toBe('down');
    expect(step(agent, offset, 'up')).toBe('up');
  });

  it('keeps what it is given for a target that comes later', () => {
    const board = createHealthBoard({ config });
    board.restore({ t: { state: 'down', sinceWallMs: 1, changedAgoMs: 5, flaps: 2 } }, 0);
    board.setTargets([target('t')], at(10));
    expect(stateAt(board, 20)).toBe('down');
  });
});

describe('a wrong clock', () => {
  it.each([
    ['set back an hour', -3_600_000],
    ['ahead by an hour', 3_600_000],
    ['ahead by 100 days', 8_640_000_000],
  ])('%s: nothing goes down, and the board goes on from there', (_, jumpMs) => {
    const board = boardWith('t');
    const start = 5_000_000;
    say(board, start, 'up', 'up', 'down');
    expect(stateAt(board, start + 100)).toBe('up');
    const then = start + jumpMs;
    expect(board.tick(at(then)).changed).toMatchObject([{ state: 'up', degraded: true }]);
    for (const [index, verdict] of (['up', 'up', 'up'] as const).entries()) {
      board.ingest(batch(`d${index}`, start + 10, { t: verdict }), then + 500);
    }
    expect(board.tick(at(then + 600)).states.get('t')).toMatchObject({ state: 'up', degraded: false });
    for (const second of [1, 2, 3, 4]) {
      for (const index of [0, 1, 2]) {
        board.ingest(batch(`d${index}`, start + 10 + second, { t: 'down' }), then + second * 1_000);
      }
    }
    expect(stateAt(board, then + 4_100)).toBe('down');
  });
});
