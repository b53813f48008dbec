import {
  bookDrains,
  type DrainBook,
  EMPTY_DRAIN_BOOK,
  isDrained,
  type StandingDrain,
} from '../src/health/drain-book.ts';
import { type LastHealthy, trackLastHealthy } from '../src/health/last-healthy.ts';
import {
  createStateView,
  type DrainTimes,
  type HeldStateView,
  type RuledTarget,
} from '../src/health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../src/health/types.ts';
import type { RoutingPart } from '../src/protocol/snapshot.ts';
import {
  type DrainMessage,
  memoryOfTuple,
  type SavedStates,
  type StatesMessage,
  stateOfTuple,
  type TargetTuple,
  toTuple,
} from './messages.ts';

/** What routing needs of a snapshot to follow its states. */
export type RoutedContent = Pick<RoutingPart, 'policies' | 'regions' | 'drains' | 'issuedAtMs'>;

/** The states the data process answers by. Changes make a new immutable view; the holder swaps it whole. */
export interface ServedStates {
  /** A snapshot is served now; before the first message its drains count. */
  setContent(content: RoutedContent, clock: ServedClock): void;
  apply(message: StatesMessage, nowMs: number): void;
  /** A new view whenever one of the above was called; times in it move on by themselves. */
  view(): HeldStateView;
  /** True since the last `save` when something is worth writing. */
  readonly dirty: boolean;
  save(clock: ServedClock): SavedStates;
  readonly source: StatesMessage['source'] | 'saved';
}

export interface ServedClock {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** Changes in sight that differ by less are one. */
const SAME_CHANGE_MS = 1_000;

interface Held {
  readonly tuple: TargetTuple;
  readonly atMs: number;
}

/**
 * @param saved what the last run left on disk; durations are moved on by the wall clock, never backwards
 * @param monotonicMs read by the views at every query
 */
export function createServedStates(
  saved: SavedStates | undefined,
  start: ServedClock,
  monotonicMs: () => number,
): ServedStates {
  const held = new Map<string, Held>();
  let drains: DrainBook = EMPTY_DRAIN_BOOK;
  let lastHealthy: LastHealthy = new Map(saved?.lastHealthy ?? []);
  let epoch = saved?.epoch ?? 0;
  let source: ServedStates['source'] = 'saved';
  let freshAtMs = start.nowMs;
  let content: RoutedContent | undefined;
  let dirty = false;
  let view: HeldStateView | undefined;

  if (saved !== undefined) {
    const elapsed = Math.max(0, start.wallMs - saved.savedAtWallMs);
    for (const tuple of saved.targets) held.set(tuple[0], { tuple, atMs: start.nowMs - elapsed });
    drains = bookFrom(saved.drains, start.nowMs - elapsed);
    freshAtMs = start.nowMs - elapsed - saved.hubHeardAgoMs;
  }

  const makeView = (nowMs: number): HeldStateView => {
    if (content !== undefined) {
      const before = lastHealthy;
      lastHealthy = trackLastHealthy(before, {
        policies: content.policies,
        regions: content.regions,
        targetState: (id) => {
          const one = held.get(id);
          return one === undefined ? 'unknown' : stateOfTuple(one.tuple);
        },
        isDrained: (cluster) => isDrained(drains, cluster, nowMs),
      });
      dirty ||= lastHealthy !== before;
    }
    const targets = new Map<string, RuledTarget>();
    for (const [id, { tuple, atMs }] of held) {
      targets.set(id, {
        state: stateOfTuple(tuple),
        earliestChangeMs: Math.max(0, tuple[3] - (nowMs - atMs)),
      });
    }
    const times: ReadonlyMap<string, DrainTimes> = drains;
    return createStateView({ targets, drains: times, lastHealthy, takenAtMs: nowMs, freshAtMs }, monotonicMs);
  };

  return {
    get dirty() {
      return dirty;
    },
    get source() {
      return source;
    },

    setContent(next, clock) {
      content = next;
      // Saved states are newer than the snapshot unless it came after the last save.
      if (source === 'saved' && (saved === undefined || saved.savedAtWallMs < next.issuedAtMs)) {
        drains = bookDrains(drains, snapshotDrains(next, clock.wallMs), 'unleased', clock.nowMs);
        if (saved === undefined) freshAtMs = clock.nowMs - Math.max(0, clock.wallMs - next.issuedAtMs);
      }
      view = undefined;
      dirty = true;
    },

    apply(message, nowMs) {
      const same = view !== undefined && drains.size === 0 && saysTheSame(message, held, nowMs);
      if (message.complete) held.clear();
      for (const tuple of message.targets) held.set(tuple[0], { tuple, atMs: nowMs });
      if (message.drains !== undefined) drains = bookFrom(message.drains, nowMs);
      dirty ||= message.complete || message.targets.length > 0 || message.drains !== undefined;
      epoch = message.epoch;
      source = message.source;
      freshAtMs = nowMs - message.hubHeardAgoMs;
      // What routing has worked out by the view before holds on.
      view =
        same && view !== undefined
          ? createStateView({ ...view.input, freshAtMs }, monotonicMs, view.content)
          : undefined;
    },

    view() {
      view ??= makeView(monotonicMs());
      return view;
    },

    save(clock) {
      dirty = false;
      return {
        savedAtWallMs: clock.wallMs,
        epoch,
        targets: [...held].map(([id, { tuple, atMs }]) => {
          const elapsed = clock.nowMs - atMs;
          return toTuple(id, {
            degraded: tuple[2] === 1,
            earliestChangeMs: Math.max(0, tuple[3] - elapsed),
            memory: memoryOfTuple(tuple, elapsed),
          });
        }),
        drains: [...drains].map(([cluster, drain]) => ({
          cluster,
          drainedForMs: Math.round(clock.nowMs - drain.sinceMs),
          leased: drain.leased,
          ...(drain.endsAtMs === undefined ? {} : { endsInMs: Math.round(drain.endsAtMs - clock.nowMs) }),
        })),
        hubHeardAgoMs: Math.max(0, Math.round(clock.nowMs - freshAtMs)),
        lastHealthy: [...lastHealthy],
      };
    },
  };
}

/** A message that brings nothing new to routing: every second there is one, and every ten seconds one with everything in it. */
function saysTheSame(message: StatesMessage, held: ReadonlyMap<string, Held>, nowMs: number): boolean {
  if ((message.drains?.length ?? 0) > 0) return false;
  if (message.complete && message.targets.length !== held.size) return false;
  return message.targets.every((tuple) => {
    const before = held.get(tuple[0]);
    if (before === undefined || stateOfTuple(before.tuple) !== stateOfTuple(tuple)) return false;
    const [was, is] = [before.tuple[3], tuple[3]];
    if (was >= NO_PENDING_CHANGE_MS || is >= NO_PENDING_CHANGE_MS) return was === is;
    return Math.abs(Math.max(0, was - (nowMs - before.atMs)) - is) < SAME_CHANGE_MS;
  });
}

/** The drains of a snapshot as durations from now; a clock that runs behind the hub's makes none of them longer. */
export function snapshotDrains(
  part: Pick<RoutingPart, 'drains' | 'issuedAtMs'>,
  wallMs: number,
): readonly StandingDrain[] {
  const age = Math.max(0, wallMs - part.issuedAtMs);
  return part.drains
    .filter((drain) => drain.remainingMs === undefined || drain.remainingMs > age)
    .map((drain) => ({
      cluster: drain.cluster,
      drainedForMs: Math.max(0, part.issuedAtMs - drain.sinceMs) + age,
      leased: false,
      ...(drain.remainingMs === undefined ? {} : { remainingMs: drain.remainingMs - age }),
    }));
}

/** Drains of a message or a file as a book, those that ended included. */
function bookFrom(messages: readonly DrainMessage[], atMs: number): DrainBook {
  return new Map(
    messages.map((drain) => [
      drain.cluster,
      {
        sinceMs: atMs - drain.drainedForMs,
        leased: drain.leased,
        ...(drain.endsInMs === undefined ? {} : { endsAtMs: atMs + drain.endsInMs }),
      },
    ]),
  );
}
