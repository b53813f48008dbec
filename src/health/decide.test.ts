import { describe, expect, it } from 'vitest';
import { decide, decideTarget, holdFor, newMemory, watchedMs } from './decide.ts';
import { judge } from './quorum.ts';
import type { Tally, Verdict } from './tally.ts';
import { DEFAULT_QUORUM, NO_PENDING_CHANGE_MS, type TargetMemory } from './types.ts';

const config = DEFAULT_QUORUM;

const SAYS: Readonly<Record<string, Tally>> = {
  up: says('up', 2, 0),
  'up, one against': says('up', 2, 1),
  down: says('down', 0, 2),
  undecided: says('undecided', 1, 1),
  'single up': says('single', 1, 0),
  'single down': says('single', 0, 1),
  blind: says('blind', 0, 0),
};

function says(verdict: Verdict, upDomains: number, downDomains: number): Tally {
  return { verdict, upDomains, downDomains, lingeringDomains: 0, doubt: downDomains > 0 };
}

function tallyOf(name: string): Tally {
  const found = SAYS[name];
  if (found === undefined) throw new Error(`no tally ${name}`);
  return found;
}

/** Runs one verdict a second and returns the seconds in which the state changed. */
function run(start: TargetMemory, verdictAt: (second: number) => string, seconds: number) {
  let memory = start;
  const changes: { second: number; to: string }[] = [];
  for (let second = 0; second <= seconds; second += 1) {
    const clock = { elapsedMs: second === 0 ? 0 : 1_000, wallMs: second * 1_000 };
    const next = decide(memory, tallyOf(verdictAt(second)), clock, config).memory;
    if (next.state !== memory.state) changes.push({ second, to: next.state });
    memory = next;
  }
  return { memory, changes };
}

const up: TargetMemory = { state: 'up', sinceWallMs: 0, changedAgoMs: 5_000, flaps: 0 };
const withdrawn: TargetMemory = { state: 'down', sinceWallMs: 0, changedAgoMs: 0, flaps: 1 };

describe('one step of the decision', () => {
  it.each([
    ['unknown', 'up', 'up', false],
    ['unknown', 'single up', 'up', true],
    ['unknown', 'down', 'down', false],
    ['unknown', 'single down', 'unknown', true],
    ['unknown', 'undecided', 'unknown', false],
    ['unknown', 'blind', 'unknown', true],
    ['up', 'up', 'up', false],
    ['up', 'up, one against', 'up', false],
    ['up', 'down', 'down', false],
    ['up', 'undecided', 'up', false],
    ['up', 'single down', 'up', true],
    ['up', 'single up', 'up', true],
    ['up', 'blind', 'up', true],
    ['down', 'up', 'down', false],
    ['down', 'single up', 'down', true],
    ['down', 'down', 'down', false],
    ['down', 'blind', 'down', true],
  ] as const)('%s, votes say %s: %s', (state, verdict, becomes, degraded) => {
    const memory = { unknown: newMemory(0), up, down: withdrawn }[state];
    const decision = decide(memory, tallyOf(verdict), { elapsedMs: 1_000, wallMs: 7 }, config);
    expect([decision.memory.state, decision.degraded]).toEqual([becomes, degraded]);
    expect(decision.memory.sinceWallMs).toBe(becomes === state ? memory.sinceWallMs : 7);
  });

  it('admits a target that was never up, once it is', () => {
    const { changes } = run(newMemory(0), (second) => (second < 5 ? 'down' : 'up'), 10);
    expect(changes).toEqual([
      { second: 0, to: 'down' },
      { second: 5, to: 'up' },
    ]);
  });
});

describe('damping', () => {
  it('holds for 30 s, doubling per withdrawal up to 5 min', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 1_000].map((flaps) => holdFor(flaps, config))).toEqual([
      0, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000, 300_000,
    ]);
  });

  it('admits again after the hold when the outage was longer than the hold', () => {
    const { changes } = run(withdrawn, (second) => (second < 100 ? 'down' : 'up'), 200);
    expect(changes).toEqual([{ second: 130, to: 'up' }]);
  });

  it('I15 keeps a withdrawal up for a minute even when the outage was short', () => {
    const { changes } = run(withdrawn, (second) => (second < 3 ? 'down' : 'up'), 200);
    expect(changes).toEqual([{ second: 60, to: 'up' }]);
  });

  it.each(['down', 'undecided'])('starts the hold again when the votes say %s', (verdict) => {
    const { changes } = run(withdrawn, (second) => (second === 59 ? verdict : 'up'), 200);
    expect(changes).toEqual([{ second: 90, to: 'up' }]);
  });

  it.each(['blind', 'single up'])('lets the hold stand still while votes are missing (%s)', (verdict) => {
    const { changes } = run(
      withdrawn,
      (second) => (second < 100 ? 'down' : second < 110 || second >= 120 ? 'up' : verdict),
      200,
    );
    expect(changes).toEqual([{ second: 140, to: 'up' }]);
  });

  it('doubles the hold with each withdrawal', () => {
    const held: TargetMemory = { ...withdrawn, flaps: 3 };
    expect(run(held, () => 'up', 400).changes).toEqual([{ second: 120, to: 'up' }]);
  });

  it('forgets withdrawals after the flap window', () => {
    const flapped: TargetMemory = { ...up, changedAgoMs: 0, flaps: 4 };
    expect(run(flapped, () => 'up', 599).memory.flaps).toBe(4);
    expect(run(flapped, () => 'up', 600).memory.flaps).toBe(0);
    expect(run(flapped, (second) => (second === 600 ? 'down' : 'up'), 600).memory.flaps).toBe(1);
  });

  it('never delays a withdrawal, however often it flapped', () => {
    const flapped: TargetMemory = { ...up, changedAgoMs: 0, flaps: 50 };
    expect(run(flapped, () => 'down', 0).changes).toEqual([{ second: 0, to: 'down' }]);
  });
});

describe('clocks', () => {
  it('counts time that nobody watched as one staleness period, and time running backwards as none', () => {
    expect([0, 1_000, 3_000, 86_400_000, -5, Number.NaN].map((ms) => watchedMs(ms, config))).toEqual([
      0, 1_000, 3_000, 3_000, 0, 0,
    ]);
  });

  it('does not let a pause of the machine stand for the hold', () => {
    const recovering: TargetMemory = { ...withdrawn, recoveringForMs: 10_000 };
    const day = { elapsedMs: 86_400_000, wallMs: 0 };
    expect(decide(recovering, tallyOf('up'), day, config).memory.state).toBe('down');
  });
});

describe('the earliest change', () => {
  const at = (memory: TargetMemory, verdict: string) =>
    decide(memory, tallyOf(verdict), { elapsedMs: 0, wallMs: 0 }, config).earliestChangeMs;

  it('is not in sight for a target that is up without a vote against it', () => {
    expect(at(up, 'up')).toBe(NO_PENDING_CHANGE_MS);
    expect(at(up, 'single up')).toBe(NO_PENDING_CHANGE_MS);
  });

  it('is now once a vote says down, or nobody sees the target', () => {
    for (const verdict of ['up, one against', 'undecided', 'single down', 'blind'])
      expect(at(up, verdict)).toBe(0);
  });

  it('is what is left of the hold for a withdrawn target', () => {
    const out: TargetMemory = { ...withdrawn, changedAgoMs: 100_000 };
    expect(at(out, 'down')).toBe(30_000);
    expect(at({ ...out, recoveringForMs: 12_000 }, 'up')).toBe(18_000);
    expect(at({ ...withdrawn, changedAgoMs: 20_000, recoveringForMs: 12_000 }, 'up')).toBe(40_000);
  });

  it('is now for a target that was never decided or never admitted', () => {
    expect(at(newMemory(0), 'blind')).toBe(0);
    expect(at({ ...withdrawn, flaps: 0 }, 'down')).toBe(0);
  });
});

describe('the sentence of a state', () => {
  it('says that the last state is kept when nobody has voted', () => {
    const { state } = decideTarget('t', up, judge([], 0, config), { elapsedMs: 0, wallMs: 0 }, config);
    expect(state).toMatchObject({
      state: 'up',
      degraded: true,
      reason: 'up: last state kept, no vantage point has voted',
    });
  });

  it('says what a recovering target waits for', () => {
    const judgement = { ...tallyOf('up'), reason: '', lines: [] };
    const { state } = decideTarget('t', withdrawn, judgement, { elapsedMs: 0, wallMs: 0 }, config);
    expect(state.reason).toBe(
      'down: recovering (2 of 2 failure domains say up); withdrawn once lately, so admitted again after 30 s of that',
    );
  });
});
