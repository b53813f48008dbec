import { beforeEach, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import type { SavedStates, StatesMessage, TargetTuple } from './messages.ts';
import { createServedStates, type RoutedContent } from './served-states.ts';
import { WWW } from './testing/hub-stand-in.ts';

let nowMs: number;
const WALL = 1_700_000_000_000;
beforeEach(() => {
  nowMs = 5_000;
});
const clock = (wallMs = WALL) => ({ nowMs, wallMs });
const open = (saved?: SavedStates, wallMs = WALL) => createServedStates(saved, clock(wallMs), () => nowMs);

const tuple = (id: string, is: 'u' | 'd' | '?', earliestChangeMs = 60_000): TargetTuple => [
  id,
  is,
  0,
  earliestChangeMs,
  100,
  1,
  -1,
  WALL,
];

const message = (more: Partial<StatesMessage> = {}): StatesMessage => ({
  type: 'states',
  complete: true,
  source: 'hub',
  epoch: 1,
  targets: [tuple('t-eu', 'u'), tuple('t-us', 'd')],
  hubHeardAgoMs: 0,
  ...more,
});

const content = (more: Partial<RoutedContent> = {}): RoutedContent => ({
  policies: [WWW],
  regions: { EU: ['DE'] },
  drains: [],
  issuedAtMs: WALL,
  ...more,
});

const saved = (more: Partial<SavedStates> = {}): SavedStates => ({
  savedAtWallMs: WALL - 10_000,
  epoch: 4,
  targets: [tuple('t-eu', 'd')],
  drains: [],
  hubHeardAgoMs: 1_000,
  lastHealthy: [],
  ...more,
});

describe('states that are served', () => {
  it('are those of the last message; differences leave the others alone', () => {
    const states = open();
    states.apply(message(), nowMs);
    states.apply(message({ complete: false, targets: [tuple('t-us', 'u')] }), nowMs);
    const view = states.view();
    expect(view.target('t-eu').state).toBe('up');
    expect(view.target('t-us').state).toBe('up');
    expect(view.target('unheard-of')).toEqual({ state: 'unknown', earliestChangeMs: 0 });
  });

  it('a view does not change when a message comes: a new one takes its place', () => {
    const states = open();
    states.apply(message(), nowMs);
    const before = states.view();
    states.apply(message({ targets: [tuple('t-eu', 'd')] }), nowMs);
    expect(before.target('t-eu').state).toBe('up');
    expect(states.view().target('t-eu').state).toBe('down');
    expect(states.view()).toBe(states.view());
  });

  it('pending changes come nearer and the view grows stale by itself', () => {
    const states = open();
    states.apply(message({ hubHeardAgoMs: 500 }), nowMs);
    const view = states.view();
    nowMs += 40_000;
    expect(view.target('t-us').earliestChangeMs).toBe(20_000);
    expect(view.staleForMs).toBe(40_500);
  });

  it('I35 a lease ends by itself when the control process is dead', () => {
    const states = open();
    const drains = [{ cluster: 'default/eu-1', drainedForMs: 100, endsInMs: 2_000, leased: true }];
    states.apply(message({ drains }), nowMs);
    const view = states.view();
    expect(view.cluster('default/eu-1')).toEqual({ drainedForMs: 100, drainEndsInMs: 2_000 });
    nowMs += 2_000;
    expect(view.cluster('default/eu-1')).toEqual({ undrainedForMs: 0, wasDrainedForMs: 2_100 });
    expect(states.view().cluster('default/eu-1')).toEqual({ undrainedForMs: 0, wasDrainedForMs: 2_100 });
  });
});

describe('a start', () => {
  it('goes on from what was saved, as much later as the wall clock says', () => {
    const states = open(saved());
    expect(states.source).toBe('saved');
    expect(states.view().target('t-eu')).toEqual({ state: 'down', earliestChangeMs: 50_000 });
    expect(states.view().staleForMs).toBe(11_000);
  });

  it('with a clock that was set back makes nothing younger than it was', () => {
    const states = open(saved({ savedAtWallMs: WALL + 3_600_000 }));
    expect(states.view().target('t-eu').earliestChangeMs).toBe(60_000);
    expect(states.view().staleForMs).toBe(1_000);
  });

  it('without saved states takes the drains of the snapshot, and its age', () => {
    const states = open();
    states.setContent(
      content({
        issuedAtMs: WALL - 60_000,
        drains: [
          { cluster: 'default/eu-1', sinceMs: WALL - 100_000 },
          { cluster: 'default/us-1', sinceMs: WALL - 100_000, remainingMs: 30_000 },
        ],
      }),
      clock(),
    );
    expect(states.view().cluster('default/eu-1')).toEqual({ drainedForMs: 100_000 });
    expect(states.view().cluster('default/us-1')).toEqual({});
    expect(states.view().staleForMs).toBe(60_000);
  });

  it('believes saved drains over those of an older snapshot', () => {
    const states = open(saved());
    states.setContent(
      content({ issuedAtMs: WALL - 20_000, drains: [{ cluster: 'default/eu-1', sinceMs: WALL - 100_000 }] }),
      clock(),
    );
    expect(states.view().cluster('default/eu-1')).toEqual({});
  });

  it('saves what the next start reads', () => {
    const states = open();
    const drains = [{ cluster: 'default/eu-1', drainedForMs: 100, endsInMs: 9_000, leased: true }];
    states.apply(message({ drains }), nowMs);
    expect(states.dirty).toBe(true);
    nowMs += 1_000;
    const kept = JSON.parse(JSON.stringify(states.save(clock()))) as SavedStates;
    expect(states.dirty).toBe(false);
    const next = open(kept);
    expect(next.view().target('t-us')).toEqual({ state: 'down', earliestChangeMs: 59_000 });
    expect(next.view().cluster('default/eu-1')).toEqual({ drainedForMs: 1_100, drainEndsInMs: 8_000 });
  });
});

describe('the last healthy answer of a residency region', () => {
  const resident = {
    ...WWW,
    hostnames: [parseName('www.example.test')],
    residency: [{ region: 'EU', unknownLocation: 'restrict', onAllDown: { action: 'lastAnswer' } }],
  } as const;

  it('is kept while all of the region is down, over a restart too', () => {
    const states = open();
    states.setContent(content({ policies: [resident] }), clock());
    states.apply(message({ targets: [tuple('t-eu', 'u'), tuple('t-us', 'u')] }), nowMs);
    expect(states.view().lastHealthy('default/www', 'EU')).toEqual(['eu']);
    states.apply(message({ targets: [tuple('t-eu', 'd'), tuple('t-us', 'u')] }), nowMs);
    expect(states.view().lastHealthy('default/www', 'EU')).toEqual(['eu']);

    const next = open(states.save(clock()));
    next.setContent(content({ policies: [resident] }), clock());
    expect(next.view().lastHealthy('default/www', 'EU')).toEqual(['eu']);
  });

  it('never names an endpoint outside the region', () => {
    const states = open();
    states.setContent(content({ policies: [resident] }), clock());
    states.apply(message({ targets: [tuple('t-eu', 'd'), tuple('t-us', 'u')] }), nowMs);
    expect(states.view().lastHealthy('default/www', 'EU')).toEqual([]);
  });
});
