import { describe, expect, it } from 'vitest';
import { checkSpec } from '../resources/health-check.ts';
import {
  initialVoteState,
  observe,
  type ProbeResult,
  toVote,
  type VoteState,
  verdictAt,
  voteRules,
} from './vote.ts';

const rules = { fall: 3, rise: 2, freshForMs: 3_000 };
const ok: ProbeResult = { kind: 'ok', latencyMs: 12 };
const failed: ProbeResult = { kind: 'failed', detail: 'connection refused', latencyMs: 1 };
const unable: ProbeResult = { kind: 'unable', detail: 'no file descriptors left' };
const injected: ProbeResult = {
  kind: 'failed',
  detail: 'injected by drill d1',
  latencyMs: 1,
  injected: true,
};

const letters: Readonly<Record<string, ProbeResult>> = { o: ok, f: failed, u: unable, i: injected };

/** Results as letters, one a second, each taking 10 ms. `.` is a second without a result. */
function run(results: string, from: VoteState = initialVoteState(0), startMs = 0): VoteState {
  let state = from;
  [...results].forEach((letter, index) => {
    const startedAtMs = startMs + index * 1_000;
    const result = letters[letter];
    if (result !== undefined)
      state = observe(state, result, { startedAtMs, finishedAtMs: startedAtMs + 10 }, rules);
  });
  return state;
}

describe('a vote', () => {
  it.each([
    ['', 'none', 'nothing was probed'],
    ['o', 'up', 'the first success of an unseen target counts at once'],
    ['f', 'none', 'one failure proves nothing'],
    ['ff', 'none', 'two failures prove nothing'],
    ['fff', 'down', 'fall failures in a row, never seen up'],
    ['ffo', 'up', 'a success among first failures: not down before, so one is enough'],
    ['off', 'up', 'below fall'],
    ['ofoff', 'up', 'a success breaks the streak'],
    ['offf', 'down', 'fall failures in a row'],
    ['offfo', 'down', 'below rise'],
    ['offfofo', 'down', 'a failure breaks the rise'],
    ['offfoo', 'up', 'rise successes in a row'],
    ['offfoofff', 'down', 'and down again'],
    ['ou', 'none', 'a vantage point that cannot probe abstains'],
    ['ouo', 'up', 'and speaks again with the first success'],
    ['offu', 'none', 'being unable is no failure'],
    ['offuf', 'none', 'and breaks the streak of failures'],
    ['offfuo', 'none', 'was down before: one success is not enough after a pause either'],
    ['offfuoo', 'up', 'but rise are'],
    ['o....f', 'none', 'a gap longer than the freshness forgets the old verdict'],
    ['off....f', 'none', 'failures on both sides of a gap are not in a row'],
    ['offf....o', 'none', 'a gap does not make a down target new'],
    ['offf....oo', 'up', 'it takes rise'],
  ])('%j makes %s: %s', (results, verdict) => {
    const state = run(results);
    expect(state.verdict).toBe(verdict);
  });

  it('keeps an older failure that finishes after a newer success out of the streak', () => {
    let state = run('o');
    state = observe(state, failed, { startedAtMs: 1_000, finishedAtMs: 1_001 }, rules);
    state = observe(state, ok, { startedAtMs: 1_300, finishedAtMs: 1_310 }, rules);
    state = observe(state, failed, { startedAtMs: 1_000, finishedAtMs: 1_700 }, rules);
    expect(state.failuresInARow).toBe(0);
    expect(state.finishedAtMs).toBe(1_700);
    state = observe(state, failed, { startedAtMs: 2_000, finishedAtMs: 2_001 }, rules);
    expect(state.failuresInARow).toBe(1);
  });

  it('reads none when nothing finished within the freshness, and says how long', () => {
    const state = run('o');
    expect(verdictAt(state, 3_010, rules)).toBe('up');
    expect(verdictAt(state, 3_011, rules)).toBe('none');
    const vote = toVote(
      state,
      { vantage: 'hub/a', failureDomain: 'x', targetId: 't', sequence: 4 },
      4_010,
      rules,
    );
    expect(vote).toEqual({
      vantage: 'hub/a',
      failureDomain: 'x',
      targetId: 't',
      sequence: 4,
      verdict: 'none',
      ageMs: 4_000,
      sinceMs: 1_000,
      detail: 'no probe finished for 4000 ms (last: 12 ms)',
    });
  });

  it('counts age from the last finished probe and since from the last change', () => {
    const vote = toVote(
      run('ooo'),
      { vantage: 'v', failureDomain: 'x', targetId: 't', sequence: 1 },
      2_500,
      rules,
    );
    expect(vote).toMatchObject({ verdict: 'up', ageMs: 490, sinceMs: 2_490, detail: '12 ms' });
  });

  it.each<[string, boolean | undefined, string]>([
    ['oiii', true, 'made down by a drill'],
    ['offf', undefined, 'made down by itself'],
    ['oii', undefined, 'still up: the fault has made no verdict yet'],
    ['oiiio', true, 'the fault ended, rise is not reached: still the verdict of the drill'],
    ['oiiif', undefined, 'the fault ended and the target fails by itself'],
    ['oiiioo', undefined, 'up again'],
  ])('%j is marked injected %s: %s', (results, expected) => {
    const state = run(results);
    const vote = toVote(state, { vantage: 'v', failureDomain: 'x', targetId: 't', sequence: 1 }, 6_000, {
      ...rules,
      freshForMs: 10_000,
    });
    expect(vote.injected).toBe(expected);
  });

  it('stays fresh for 3 s at defaults and over one missed probe of a slow check', () => {
    expect(voteRules(checkSpec.parse({ protocol: 'http' }))).toEqual({ fall: 3, rise: 2, freshForMs: 3_000 });
    expect(voteRules(checkSpec.parse({ protocol: 'http', intervalSeconds: 30 })).freshForMs).toBe(61_000);
  });
});
