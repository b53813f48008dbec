import type { DrainTimes } from './state-view.ts';

/** One drain, and whether it is a lease that its sender has to renew. */
export interface BookedDrain extends DrainTimes {
  readonly leased: boolean;
}

/** Drains by cluster (`namespace/name`) on the holder's monotonic clock, those that ended not long ago included. */
export type DrainBook = ReadonlyMap<string, BookedDrain>;

/** A drain as it arrives: durations only, since the two clocks have nothing to do with each other. */
export interface StandingDrain {
  readonly cluster: string;
  readonly drainedForMs: number;
  /** How long it still lasts without being renewed. Absent: until it is taken back. */
  readonly remainingMs?: number;
  /** True for a lease: it ends on the holder's own clock when its sender falls silent (I35). */
  readonly leased: boolean;
}

/** The longest ramp a policy may ask for; an ended drain is forgotten after it. */
const LONGEST_RAMP_MS = 86_400_000;

export const EMPTY_DRAIN_BOOK: DrainBook = new Map();

/** Which drains a message speaks for: those it leaves out end now. */
export type DrainScope = 'all' | 'unleased' | 'named';

/**
 * Books what a message says. `all`: a hub's complete set; `unleased`: a snapshot, which knows no leases; `named`: only
 * the clusters it names change. The very same book comes back when nothing changed.
 */
export function bookDrains(
  book: DrainBook,
  said: readonly StandingDrain[],
  scope: DrainScope,
  nowMs: number,
): DrainBook {
  const next = new Map<string, BookedDrain>();
  const named = new Set(said.map((drain) => drain.cluster));
  let changed = false;
  for (const [cluster, drain] of book) {
    if (named.has(cluster)) continue;
    const active = drain.endsAtMs === undefined || drain.endsAtMs > nowMs;
    const speaksForIt = scope === 'all' || (scope === 'unleased' && !drain.leased);
    if (active && speaksForIt) {
      next.set(cluster, { ...drain, endsAtMs: nowMs });
      changed = true;
    } else if (!active && nowMs - (drain.endsAtMs ?? nowMs) > LONGEST_RAMP_MS) {
      changed = true;
    } else {
      next.set(cluster, drain);
    }
  }
  for (const drain of said) {
    const before = book.get(drain.cluster);
    const booked = bookOne(before, drain, nowMs);
    changed ||= booked !== before;
    next.set(drain.cluster, booked);
  }
  return changed ? next : book;
}

/** True while the cluster is drained at `nowMs`. */
export function isDrained(book: ReadonlyMap<string, DrainTimes>, cluster: string, nowMs: number): boolean {
  const drain = book.get(cluster);
  return drain !== undefined && (drain.endsAtMs === undefined || nowMs < drain.endsAtMs);
}

function bookOne(before: BookedDrain | undefined, said: StandingDrain, nowMs: number): BookedDrain {
  const sinceMs = nowMs - said.drainedForMs;
  const endsAtMs = said.remainingMs === undefined ? undefined : nowMs + said.remainingMs;
  const stillActive = before !== undefined && (before.endsAtMs === undefined || before.endsAtMs > nowMs);
  const booked: BookedDrain = {
    // The start of a drain that goes on does not wander with the delay of each message.
    sinceMs: stillActive && Math.abs(before.sinceMs - sinceMs) < 1_000 ? before.sinceMs : sinceMs,
    leased: said.leased,
    ...(endsAtMs === undefined ? {} : { endsAtMs }),
  };
  const same =
    before !== undefined &&
    before.sinceMs === booked.sinceMs &&
    before.leased === booked.leased &&
    before.endsAtMs === booked.endsAtMs;
  return same ? before : booked;
}
