import { CLOCK_DRIFT } from './budget.ts';

/** The machine's clocks, read together. */
export interface ClockReading {
  /** Milliseconds since 1970; may jump. */
  readonly wallMs: number;
  /** The same in every process since the machine was started; stands still while it is suspended. */
  readonly monotonicMs: number;
  /** Absent: the system does not tell. */
  readonly boot?: BootReading;
}

export interface BootReading {
  /** Another one after each start of the machine. */
  readonly id: string;
  /** Milliseconds since that start, also those that it was suspended for; exact to 10 ms. */
  readonly ms: number;
}

/** What must be kept to go on after a restart of the hub. */
export interface ClockMark {
  /** The hub's clock at the reading. */
  readonly hubMs: number;
  readonly monotonicMs: number;
  readonly boot?: BootReading;
}

/**
 * The hub's clock, milliseconds since 1970: what the windows of limits are counted by. It goes like a good monotonic clock, whatever
 * happens to the wall clock, which it follows so slowly that agents cannot tell (docs/adr/0025).
 */
export interface HubClock {
  /** Never less than before. */
  read(now: ClockReading): number;
  mark(now: ClockReading): ClockMark;
  /** How far the wall clock was ahead of it at the last reading, milliseconds. */
  readonly offsetMs: number;
}

/** Of the time that passes, what the clock is moved by to come nearer to the wall clock: below half of what two clocks may differ by. */
const SLEW = CLOCK_DRIFT * 0.4;
/** More than the boot clock's resolution and two readings can make: the machine was suspended for the difference. */
const SUSPENDED_MS = 100;

/**
 * @param mark of the last run; absent: there was none
 * @returns `goesOn`: the clock is the one of the mark, gone on by the time that truly passed. False: it cannot be shown, and it is at the
 * wall clock, or at the mark where that would be going back
 */
export function startHubClock(
  mark: ClockMark | undefined,
  now: ClockReading,
): { readonly clock: HubClock; readonly goesOn: boolean } {
  if (mark === undefined) return { clock: createClock(now.wallMs, now), goesOn: false };
  const passedMs = passed(mark, now);
  if (passedMs === undefined)
    return { clock: createClock(Math.max(now.wallMs, mark.hubMs), now), goesOn: false };
  return { clock: createClock(mark.hubMs + passedMs, now), goesOn: true };
}

/** True time between two readings of one machine since one start of it; undefined: they are not, or not to be believed. */
function passed(mark: ClockMark, now: ClockReading): number | undefined {
  if (mark.boot === undefined || now.boot === undefined || mark.boot.id !== now.boot.id) return undefined;
  const monotonic = now.monotonicMs - mark.monotonicMs;
  const suspended = now.boot.ms - mark.boot.ms - monotonic;
  // A boot clock that went less than the monotonic one is that of a container that began anew.
  if (monotonic < 0 || suspended < -SUSPENDED_MS) return undefined;
  return monotonic + (suspended > SUSPENDED_MS ? suspended : 0);
}

function createClock(startMs: number, start: ClockReading): HubClock {
  let hubMs = startMs;
  let lastMs = start.monotonicMs;
  let offsetMs = start.wallMs - startMs;
  /** How far the boot clock is ahead of the monotonic one: grows when the machine sleeps. */
  let sleptMs = sleepOf(start);

  function read(now: ClockReading): number {
    let stepMs = Math.max(0, now.monotonicMs - lastMs);
    lastMs = Math.max(lastMs, now.monotonicMs);
    const slept = sleepOf(now);
    if (slept !== undefined && sleptMs !== undefined && slept - sleptMs > SUSPENDED_MS) {
      stepMs += slept - sleptMs;
      sleptMs = slept;
    } else sleptMs ??= slept;
    const most = stepMs * SLEW;
    hubMs += stepMs + Math.max(-most, Math.min(most, now.wallMs - hubMs - stepMs));
    offsetMs = now.wallMs - hubMs;
    return hubMs;
  }

  return {
    read,
    mark: (now) => ({
      hubMs: read(now),
      monotonicMs: now.monotonicMs,
      ...(now.boot === undefined ? {} : { boot: now.boot }),
    }),
    get offsetMs() {
      return offsetMs;
    },
  };
}

function sleepOf({ boot, monotonicMs }: ClockReading): number | undefined {
  return boot === undefined ? undefined : boot.ms - monotonicMs;
}
