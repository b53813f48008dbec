import { beforeEach, describe, expect, it } from 'vitest';
import { EMPTY_DRAIN_BOOK } from '../src/health/drain-book.ts';
import { NO_PENDING_CHANGE_MS } from '../src/health/types.ts';
import type { RuledState, Ruling } from './decision.ts';
import type { StatesMessage } from './messages.ts';
import { COALESCE_MS, createStatePublisher, type StatePublisher } from './state-publisher.ts';

let nowMs: number;
let timers: { readonly atMs: number; readonly run: () => void }[];
let sent: StatesMessage[];
let publisher: StatePublisher;

beforeEach(() => {
  nowMs = 50_000;
  timers = [];
  sent = [];
  publisher = createStatePublisher({
    send: (message) => sent.push(message),
    monotonicMs: () => nowMs,
    after(delayMs, run) {
      const timer = { atMs: nowMs + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
  });
});

/** Moves the clock and runs what is due. */
const pass = (ms: number): void => {
  nowMs += ms;
  const due = timers.filter((timer) => timer.atMs <= nowMs);
  timers = timers.filter((timer) => timer.atMs > nowMs);
  for (const { run } of due) run();
};

const state = (is: 'up' | 'down', more: Partial<RuledState> = {}): RuledState => ({
  state: is,
  degraded: false,
  earliestChangeMs: is === 'up' ? NO_PENDING_CHANGE_MS : 60_000,
  memory: { state: is, sinceWallMs: 1_000, changedAgoMs: 0, flaps: 0 },
  reason: '',
  ...more,
});

const ruling = (targets: Record<string, RuledState>, more: Partial<Ruling> = {}): Ruling => ({
  source: 'hub',
  epoch: 1,
  atMs: nowMs,
  targets: new Map(Object.entries(targets)),
  drains: EMPTY_DRAIN_BOOK,
  freshAtMs: nowMs,
  ...more,
});

const names = (message: StatesMessage | undefined) => message?.targets.map(([id, is]) => `${id} ${is}`);

describe('what the data process is told', () => {
  it('is everything at first, then what changed', () => {
    publisher.offer(ruling({ a: state('up'), b: state('up') }));
    pass(200);
    publisher.offer(ruling({ a: state('up'), b: state('down') }));
    expect(sent.map((message) => [message.complete, names(message)])).toEqual([
      [true, ['a u', 'b u']],
      [false, ['b d']],
    ]);
  });

  it('goes at once, and what follows within 50 ms as one message', () => {
    publisher.offer(ruling({ a: state('up'), b: state('up') }));
    pass(100);
    publisher.offer(ruling({ a: state('down'), b: state('up') }));
    expect(sent).toHaveLength(2);
    pass(10);
    publisher.offer(ruling({ a: state('down'), b: state('down') }));
    pass(10);
    publisher.offer(ruling({ a: state('up'), b: state('down') }));
    expect(sent).toHaveLength(2);
    pass(COALESCE_MS);
    expect(sent).toHaveLength(3);
    expect(names(sent[2])).toEqual(['a u', 'b d']);
  });

  it('is nothing new while only time passes, but a sign of life every second', () => {
    for (let ms = 0; ms <= 3_000; ms += 250) {
      // The hub's figure counts down, the own one stands still: both are the same pending change.
      const counted = { a: state('down', { earliestChangeMs: 60_000 - ms }), b: state('up') };
      publisher.offer(ruling(counted));
      pass(250);
    }
    expect(sent.map((message) => message.targets.length)).toEqual([2, 0, 0, 0]);
  });

  it('names a target whose pending change moved', () => {
    publisher.offer(ruling({ a: state('up') }));
    pass(300);
    publisher.offer(ruling({ a: state('up', { earliestChangeMs: 0 }) }));
    expect(names(sent[1])).toEqual(['a u']);
  });

  it('is everything again when a target is gone', () => {
    publisher.offer(ruling({ a: state('up'), b: state('up') }));
    pass(300);
    publisher.offer(ruling({ b: state('up') }));
    expect(sent[1]).toMatchObject({ complete: true });
    expect(names(sent[1])).toEqual(['b u']);
  });

  it('says how long ago the hub was heard', () => {
    publisher.offer(ruling({}, { freshAtMs: nowMs - 1_234 }));
    expect(sent[0]?.hubHeardAgoMs).toBe(1_234);
  });
});
