import type { LastHealthy } from '../src/health/last-healthy.ts';
import {
  createStateView,
  type DrainTimes,
  type RuledTarget,
  type StateViewInput,
} from '../src/health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../src/health/types.ts';
import type { StateView } from '../src/routing/model.ts';

/** One target: id, state, milliseconds until a change in sight (-1: none), and who says so. */
type TargetState = readonly [
  id: string,
  state: RuledTarget['state'],
  earliestChangeMs: number,
  reason?: string | undefined,
];

/** One drain: cluster, drained for, ends in (below zero: ended so long ago; absent: until it is taken back). */
type DrainState = readonly [cluster: string, drainedForMs: number, endsInMs?: number | undefined];

/**
 * What changed of the states since the message before; durations, because each thread has a monotonic clock of its own.
 */
export interface StatesUpdate {
  readonly targets: readonly TargetState[];
  readonly removed: readonly string[];
  /** The whole set, when it changed. */
  readonly drains?: readonly DrainState[];
  /** The whole map, when it changed. */
  readonly lastHealthy?: LastHealthy;
  /** Milliseconds since the hub was heard; -Infinity at the hub itself. */
  readonly heardAgoMs: number;
}

/** The clocks of two messages about one instant differ by the time between looking and sending. */
const SAME_INSTANT_MS = 250;

interface Sent {
  readonly target: RuledTarget;
  /** Monotonic milliseconds of the change in sight. */
  readonly changeAtMs: number | undefined;
}

/** Knows what one thread was told of the states, and says what is new. */
export class StatesFeed {
  readonly #sent = new Map<string, Sent>();
  #drains: ReadonlyMap<string, DrainTimes> | undefined;
  #lastHealthy: LastHealthy | undefined;

  /** @param nowMs monotonic, on the clock of `input` */
  update(input: StateViewInput, nowMs: number): StatesUpdate {
    const targets: TargetState[] = [];
    for (const [id, target] of input.targets) {
      const changeAtMs =
        target.earliestChangeMs >= NO_PENDING_CHANGE_MS
          ? undefined
          : input.takenAtMs + target.earliestChangeMs;
      const before = this.#sent.get(id);
      if (before !== undefined && sameTarget(before, target, changeAtMs)) continue;
      this.#sent.set(id, { target, changeAtMs });
      targets.push([
        id,
        target.state,
        changeAtMs === undefined ? -1 : Math.max(0, changeAtMs - nowMs),
        target.reason,
      ]);
    }
    const removed: string[] = [];
    if (this.#sent.size > input.targets.size) {
      for (const id of this.#sent.keys()) if (!input.targets.has(id)) removed.push(id);
      for (const id of removed) this.#sent.delete(id);
    }
    const drains = input.drains === this.#drains ? undefined : input.drains;
    const lastHealthy = input.lastHealthy === this.#lastHealthy ? undefined : input.lastHealthy;
    this.#drains = input.drains;
    this.#lastHealthy = input.lastHealthy;
    return {
      targets,
      removed,
      ...(drains === undefined
        ? {}
        : {
            drains: [...drains].map(
              ([cluster, { sinceMs, endsAtMs }]): DrainState =>
                endsAtMs === undefined
                  ? [cluster, nowMs - sinceMs]
                  : [cluster, nowMs - sinceMs, endsAtMs - nowMs],
            ),
          }),
      ...(lastHealthy === undefined ? {} : { lastHealthy }),
      heardAgoMs: nowMs - input.freshAtMs,
    };
  }
}

function sameTarget(before: Sent, target: RuledTarget, changeAtMs: number | undefined): boolean {
  if (before.target.state !== target.state || before.target.reason !== target.reason) return false;
  if (before.changeAtMs === undefined || changeAtMs === undefined) return before.changeAtMs === changeAtMs;
  return Math.abs(before.changeAtMs - changeAtMs) < SAME_INSTANT_MS;
}

/** It only says that the hub was heard. */
function saysNothing({ targets, removed, drains, lastHealthy }: StatesUpdate): boolean {
  return targets.length === 0 && removed.length === 0 && drains === undefined && lastHealthy === undefined;
}

interface Held {
  readonly target: RuledTarget;
  readonly changeAtMs: number | undefined;
}

const UNKNOWN: RuledTarget = { state: 'unknown', earliestChangeMs: 0 };

/**
 * The states as a thread knows them from updates. Each update makes a new view; between updates ramps, staleness and changes
 * in sight move on by the thread's own clock.
 */
export class StatesReplica {
  readonly #monotonicMs: () => number;
  readonly #targets = new Map<string, Held>();
  #drains: ReadonlyMap<string, DrainTimes> = new Map();
  #lastHealthy: LastHealthy = new Map();
  #view: StateView;
  #content = {};

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#view = this.#makeView(0);
  }

  get view(): StateView {
    return this.#view;
  }

  apply(update: StatesUpdate): void {
    const nowMs = this.#monotonicMs();
    for (const [id, state, earliestChangeMs, reason] of update.targets) {
      const steady = earliestChangeMs < 0;
      this.#targets.set(id, {
        target: {
          state,
          earliestChangeMs: steady ? NO_PENDING_CHANGE_MS : earliestChangeMs,
          ...(reason === undefined ? {} : { reason }),
        },
        changeAtMs: steady ? undefined : nowMs + earliestChangeMs,
      });
    }
    for (const id of update.removed) this.#targets.delete(id);
    if (update.drains !== undefined) {
      this.#drains = new Map(
        update.drains.map(([cluster, drainedForMs, endsInMs]) => [
          cluster,
          endsInMs === undefined
            ? { sinceMs: nowMs - drainedForMs }
            : { sinceMs: nowMs - drainedForMs, endsAtMs: nowMs + endsInMs },
        ]),
      );
    }
    if (update.lastHealthy !== undefined) this.#lastHealthy = update.lastHealthy;
    if (!saysNothing(update)) this.#content = {};
    this.#view = this.#makeView(nowMs - update.heardAgoMs);
  }

  #makeView(freshAtMs: number): StateView {
    const monotonicMs = this.#monotonicMs;
    const targets = this.#targets;
    const content = this.#content;
    const { drains, lastHealthy } = { drains: this.#drains, lastHealthy: this.#lastHealthy };
    const times = createStateView(
      { targets: new Map(), drains, lastHealthy, takenAtMs: 0, freshAtMs },
      monotonicMs,
    );
    return {
      target(id) {
        const held = targets.get(id);
        if (held === undefined) return UNKNOWN;
        if (held.changeAtMs === undefined) return held.target;
        return { ...held.target, earliestChangeMs: Math.max(0, held.changeAtMs - monotonicMs()) };
      },
      cluster: times.cluster,
      content,
      monotonicMs,
      lastHealthy: times.lastHealthy,
      get staleForMs() {
        return times.staleForMs;
      },
    };
  }
}
