import { describe, expect, it } from 'vitest';
import { createStateView, type RuledTarget, type StateViewInput } from '../src/health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../src/health/types.ts';
import { StatesFeed, StatesReplica } from './state-replica.ts';

const HOUR = 3_600_000;

/** Two threads whose monotonic clocks began at different times. */
function threads() {
  let nowMs = 40 * 24 * HOUR; // longer than the number that means "no change in sight"
  const mainMs = () => nowMs;
  const feed = new StatesFeed();
  const replica = new StatesReplica(() => nowMs - 17 * HOUR);
  let input: StateViewInput = {
    targets: new Map(),
    drains: new Map(),
    lastHealthy: new Map(),
    takenAtMs: nowMs,
    freshAtMs: nowMs,
  };
  return {
    replica,
    feed,
    pass: (ms: number) => {
      nowMs += ms;
    },
    get nowMs() {
      return nowMs;
    },
    change(next: Partial<StateViewInput>) {
      input = { ...input, takenAtMs: nowMs, freshAtMs: nowMs, ...next };
      const update = structuredClone(feed.update(input, nowMs));
      replica.apply(update);
      return update;
    },
    /** What the view of the main thread says now. */
    get original() {
      return createStateView(input, mainMs);
    },
  };
}

const steady = (state: 'up' | 'down') => ({
  state,
  earliestChangeMs: NO_PENDING_CHANGE_MS,
  reason: 'quorum',
});

describe('states in another thread', () => {
  it('are those of the main thread, whatever the clocks began at', () => {
    const at = threads();
    at.change({
      targets: new Map<string, RuledTarget>([
        ['a', steady('up')],
        ['b', { state: 'down', earliestChangeMs: 5000 }],
      ]),
      drains: new Map([
        ['default/de', { sinceMs: at.nowMs - 1000 }],
        ['default/fr', { sinceMs: at.nowMs - 1000, endsAtMs: at.nowMs + 2000 }],
      ]),
      lastHealthy: new Map([['default/www EU', ['de', 'fr']]]),
    });
    for (const pass of [0, 1500, 1000, 10_000]) {
      at.pass(pass);
      for (const id of ['a', 'b', 'c']) expect(at.replica.view.target(id)).toEqual(at.original.target(id));
      for (const cluster of ['default/de', 'default/fr', 'default/us'])
        expect(at.replica.view.cluster(cluster)).toEqual(at.original.cluster(cluster));
      expect(at.replica.view.lastHealthy('default/www', 'EU')).toEqual(['de', 'fr']);
      expect(at.replica.view.staleForMs).toBe(at.original.staleForMs);
    }
    expect(at.replica.view.target('b').earliestChangeMs).toBe(0);
    expect(at.replica.view.cluster('default/fr')).toMatchObject({ undrainedForMs: 10_500 });
    expect(at.replica.view.staleForMs).toBe(12_500);
  });

  it('cost only what changed, also when the change in sight is told again from another moment', () => {
    const at = threads();
    const many = Array.from({ length: 1000 }, (_, i): [string, ReturnType<typeof steady>] => [
      `t${i}`,
      steady('up'),
    ]);
    const targets = new Map<string, RuledTarget>(many);
    targets.set('soon', { state: 'down', earliestChangeMs: 9000 });
    expect(at.change({ targets }).targets).toHaveLength(1001);
    at.pass(4000);
    const next = new Map(targets);
    next.set('soon', { state: 'down', earliestChangeMs: 5000 });
    next.set('t7', steady('down'));
    next.delete('t8');
    expect(at.change({ targets: next })).toMatchObject({
      targets: [['t7', 'down', -1, 'quorum']],
      removed: ['t8'],
    });
    expect(at.replica.view.target('t7').state).toBe('down');
    expect(at.replica.view.target('t8').state).toBe('unknown');
    expect(at.replica.view.target('soon').earliestChangeMs).toBe(5000);
    expect(Object.keys(at.change({}))).not.toContain('drains');
  });

  it('are a new view after each update, and the one before the first knows nothing', () => {
    const at = threads();
    const empty = at.replica.view;
    expect(empty.target('a')).toEqual({ state: 'unknown', earliestChangeMs: 0 });
    at.change({});
    expect(at.replica.view).not.toBe(empty);
  });

  it('are never stale at the hub, the source of them', () => {
    const at = threads();
    at.change({ freshAtMs: Number.POSITIVE_INFINITY });
    at.pass(HOUR);
    expect(at.replica.view.staleForMs).toBe(0);
  });
});
