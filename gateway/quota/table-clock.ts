import { CLOCK_DRIFT } from '../../src/quota/budget.ts';
import { HEADER } from '../../src/quota/table-layout.ts';

/*
 * The monotonic clock stands still while a virtual machine is paused, and leases do not. The wall clock tells: the supervisor writes down how
 * far the two are apart, and whoever takes tokens compares. Apart by more than good clocks may go: nothing is taken until the supervisor
 * has dropped every grant.
 */

export interface TableClockSources {
  /** `performance.now`: monotonic, with an origin of each thread's own. */
  readonly monotonicMs: () => number;
  /** `process.hrtime` in milliseconds: the same clock with the machine's origin. */
  readonly machineMs: () => number;
  readonly wallMs: () => number;
}

/** Two good clocks are never further apart than this after a second; a shorter pause is within what leases allow for. */
const APART_MS = CLOCK_DRIFT * 1000;
/** Words 12 and 14 of the header, as doubles. */
const WALL_BASE = 6;
const WALL_BASE_AT = 7;
const REBASE_MS = 1000;
/** A thread that is stopped between reading the two clocks reads them again. */
const READINGS = 5;
const TOGETHER_MS = 1;

/** For a thread: milliseconds since the table was made. */
export class TableClock {
  readonly #sources: TableClockSources;
  protected readonly words: Int32Array;
  protected readonly doubles: Float64Array;
  readonly #offsetMs: number;

  constructor(memory: SharedArrayBuffer, sources: TableClockSources) {
    this.#sources = sources;
    this.words = new Int32Array(memory);
    this.doubles = new Float64Array(memory);
    const origin = this.doubles[HEADER.origin / 2] ?? 0;
    this.#offsetMs = offsetBetween(sources) - origin;
  }

  /** How often grants were dropped because of a pause. */
  get breaks(): number {
    return Atomics.load(this.words, HEADER.clockBreaks);
  }

  /** -1: the machine was paused, and no token may be taken. */
  now(): number {
    const now = this.#sources.monotonicMs() + this.#offsetMs;
    return this.#sources.wallMs() - now - this.base <= this.#allowed(now) || !this.paused(now) ? now : -1;
  }

  /** Without comparing. */
  protected read(): number {
    return this.#sources.monotonicMs() + this.#offsetMs;
  }

  protected get base(): number {
    return this.doubles[WALL_BASE] ?? 0;
  }

  #allowed(now: number): number {
    return APART_MS + Math.max(0, now - (this.doubles[WALL_BASE_AT] ?? 0)) * CLOCK_DRIFT;
  }

  /** The same with care: both clocks at one moment. */
  protected paused(_now: number): boolean {
    for (let reading = 0; reading < READINGS; reading += 1) {
      const before = this.read();
      const wall = this.#sources.wallMs();
      if (wall - before - this.base <= this.#allowed(before)) return false;
      if (this.read() - before < TOGETHER_MS) return true;
    }
    return true;
  }

  protected rebase(now: number): void {
    this.doubles[WALL_BASE] = this.#sources.wallMs() - now;
    this.doubles[WALL_BASE_AT] = now;
  }

  protected get basedAt(): number {
    return this.doubles[WALL_BASE_AT] ?? 0;
  }

  protected behind(now: number): boolean {
    return this.#sources.wallMs() - now - this.base < -APART_MS;
  }
}

/** For the supervisor, who writes how far the clocks are apart. */
export class SupervisorClock extends TableClock {
  constructor(memory: SharedArrayBuffer, sources: TableClockSources) {
    super(memory, sources);
    this.rebase(this.read());
  }

  /** Compares and goes after what good clocks do. @returns true: there was a pause; `mend` when every grant is dropped */
  check(): boolean {
    const now = this.read();
    if (this.now() < 0) return true;
    // Once a second at most: clocks that seem to go apart faster than good ones would not be noticed otherwise.
    if (now - this.basedAt >= REBASE_MS || this.behind(now)) this.rebase(now);
    return false;
  }

  mend(): void {
    this.rebase(this.read());
    Atomics.add(this.words, HEADER.clockBreaks, 1);
  }

  /** Without comparing. */
  override read(): number {
    return super.read();
  }
}

/** Right but for the time that reading takes: microseconds. */
function offsetBetween({ monotonicMs, machineMs }: TableClockSources): number {
  let best = Number.POSITIVE_INFINITY;
  let offset = 0;
  for (let reading = 0; reading < READINGS; reading += 1) {
    const before = monotonicMs();
    const machine = machineMs();
    const took = monotonicMs() - before;
    if (took < best) {
      best = took;
      offset = machine - before;
    }
  }
  return offset;
}

/** `process.hrtime` in milliseconds. */
export function machineMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
