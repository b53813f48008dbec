import type { StateView } from '../routing/model.ts';
import type { LastHealthy } from './last-healthy.ts';
import { lastHealthyKey } from './last-healthy.ts';
import { NO_PENDING_CHANGE_MS } from './types.ts';

/** A drain on the holder's own monotonic clock. `endsAtMs` in the past: the cluster is coming back since then. */
export interface DrainTimes {
  readonly sinceMs: number;
  /** Absent: until it is taken back. */
  readonly endsAtMs?: number;
}

export interface StateViewInput {
  /** Decided states; `earliestChangeMs` counts from `takenAtMs`. */
  readonly targets: ReadonlyMap<string, RuledTarget>;
  /** By `namespace/name` of the cluster. */
  readonly drains: ReadonlyMap<string, DrainTimes>;
  readonly lastHealthy: LastHealthy;
  /** Monotonic milliseconds at which `targets` was true. */
  readonly takenAtMs: number;
  /** Monotonic milliseconds at which the hub (the source of configuration) was last heard. */
  readonly freshAtMs: number;
}

export interface RuledTarget {
  readonly state: 'up' | 'down' | 'unknown';
  readonly earliestChangeMs: number;
  /** For explanations: who says so. */
  readonly reason?: string;
}

const UNKNOWN: RuledTarget = { state: 'unknown', earliestChangeMs: 0 };

/** A view with what it was made of, so that it can be made again elsewhere (in another thread). */
export interface HeldStateView extends StateView {
  readonly input: StateViewInput;
}

/**
 * The immutable view that routing reads, from states and drains. Times move on by themselves: a drain ramps, a lease ends
 * and the view grows stale on `monotonicMs`, even when nobody sends anything any more (I35).
 * @param content that of an earlier view, when only `freshAtMs` is another
 */
export function createStateView(
  input: StateViewInput,
  monotonicMs: () => number,
  content: object = {},
): HeldStateView {
  return {
    input,
    content,
    target(targetId) {
      const held = input.targets.get(targetId);
      if (held === undefined) return UNKNOWN;
      // "No change in sight" does not come nearer.
      const elapsed = held.earliestChangeMs >= NO_PENDING_CHANGE_MS ? 0 : monotonicMs() - input.takenAtMs;
      const earliestChangeMs = Math.max(0, held.earliestChangeMs - elapsed);
      return held.reason === undefined
        ? { state: held.state, earliestChangeMs }
        : { state: held.state, earliestChangeMs, reason: held.reason };
    },
    cluster(key) {
      const drain = input.drains.get(key);
      if (drain === undefined) return {};
      const now = monotonicMs();
      if (drain.endsAtMs === undefined) return { drainedForMs: Math.max(0, now - drain.sinceMs) };
      if (now >= drain.endsAtMs) {
        const wasDrainedForMs = Math.max(0, drain.endsAtMs - drain.sinceMs);
        return { undrainedForMs: now - drain.endsAtMs, wasDrainedForMs };
      }
      return { drainedForMs: Math.max(0, now - drain.sinceMs), drainEndsInMs: drain.endsAtMs - now };
    },
    monotonicMs,
    lastHealthy: (policyKey, region) => input.lastHealthy.get(lastHealthyKey(policyKey, region)) ?? [],
    get staleForMs() {
      // The source of configuration is never stale, and needs no clock to say so.
      return input.freshAtMs === Number.POSITIVE_INFINITY ? 0 : Math.max(0, monotonicMs() - input.freshAtMs);
    },
  };
}
