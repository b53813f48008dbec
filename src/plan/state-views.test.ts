import { describe, expect, it } from 'vitest';
import { stateOf } from '../routing/testing/world.ts';
import { allUp, downToo, inSteps, nextStepMs } from './state-views.ts';

const RAMP = { drainRampSeconds: 100 };
const world = stateOf({
  down: ['a'],
  unknown: ['b'],
  clusters: {
    begins: { drainedForMs: 30_000 },
    ends: { drainedForMs: 30_000, drainEndsInMs: 7_000 },
    over: { drainedForMs: 500_000 },
    back: { undrainedForMs: 99_000, wasDrainedForMs: 60_000 },
    long: { undrainedForMs: 100_000 },
  },
  lastHealthy: ['x'],
  staleForMs: 4,
});
const states = (view: typeof world): readonly string[] => ['a', 'b', 'c'].map((id) => view.target(id).state);

describe('views of the world as it might be', () => {
  it('have everything up, or more things down; drains and memory stay', () => {
    expect(states(allUp(world))).toEqual(['up', 'up', 'up']);
    expect(states(downToo(world, new Set(['c'])))).toEqual(['down', 'unknown', 'down']);
    for (const view of [allUp(world), downToo(world, new Set()), inSteps(world, RAMP)]) {
      expect(view.lastHealthy('p', 'r')).toEqual(['x']);
      expect(view.cluster('over').drainedForMs).toBe(500_000);
    }
  });

  it('have drains that ramp in quarters, forth and back', () => {
    const view = inSteps(world, RAMP);
    expect(states(view)).toEqual(['down', 'unknown', 'up']);
    expect(view.cluster('begins')).toEqual({ drainedForMs: 25_000 });
    expect(view.cluster('ends')).toEqual({ drainedForMs: 25_000, drainEndsInMs: 7_000 });
    expect(view.cluster('back')).toEqual({ undrainedForMs: 75_000, wasDrainedForMs: 50_000 });
    expect(inSteps(world, { drainRampSeconds: 0 })).toBe(world);
  });

  it('say when the next step comes, or the end of a drain', () => {
    const next = (...clusters: readonly string[]): number => nextStepMs(world, clusters, RAMP);
    expect(next('begins')).toBe(20_000);
    expect(next('ends', 'begins')).toBe(7_000);
    expect(next('back')).toBe(1_000);
    expect(next('over', 'long', 'nothing')).toBe(Number.POSITIVE_INFINITY);
  });
});
