/** At most one exchange in so long. */
export const LEAST_APART_MS = 20;
/** As often as hubs like it, for the shortest windows. */
const SHORT_INTERVAL_MS = 200;
/** Before a reply has said something else. */
const FIRST_INTERVAL_MS = 1_000;
const FIRST_LEASE_MS = 5_000;
const FIRST_ROUND_TRIP_MS = 200;
/** Longer ones are not a way there and back but a fault. */
const LONGEST_ROUND_TRIP_MS = 1_000;

/**
 * When an agent speaks to its hub, of which keys, and for how long it waits for an answer. All by the machine's monotonic clock, in
 * milliseconds.
 */
export class Pace {
  /** Slots that cannot wait for the next regular exchange. */
  readonly urgent = new Set<number>();
  /** Slots that are expected to run out before it. */
  readonly #soon = new Set<number>();
  readonly #startedMs: number;
  #intervalMs = FIRST_INTERVAL_MS;
  #leaseMs = FIRST_LEASE_MS;
  #roundTripMs = FIRST_ROUND_TRIP_MS;
  #heardMs: number | undefined;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #sentMs = Number.NEGATIVE_INFINITY;
  #regularMs = Number.NEGATIVE_INFINITY;
  /** How often keys should be spoken of that the last regular exchange had nothing to say of. */
  #unsaidMs = Number.POSITIVE_INFINITY;
  #inFlight = false;
  /** Since when the hub owes an answer. */
  #unansweredMs: number | undefined;
  /** When the first key is expected to run out that could get more. */
  #runsOutMs = Number.POSITIVE_INFINITY;

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  get leaseMs(): number {
    return this.#leaseMs;
  }

  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** When the newest request was made. */
  get sentMs(): number {
    return this.#sentMs;
  }

  /** `sentMs` of the newest reply that was taken. */
  get answeredMs(): number {
    return this.#answeredMs;
  }

  /** The hub answered, and owes nothing now. */
  get isHeard(): boolean {
    return this.#heardMs !== undefined && this.#unansweredMs === undefined;
  }

  lastReplyAgoMs(nowMs: number): number | undefined {
    return this.#heardMs === undefined ? undefined : nowMs - this.#heardMs;
  }

  silentFor(nowMs: number): number {
    return nowMs - (this.#heardMs ?? this.#startedMs);
  }

  /** No reply for longer than a lease. */
  away(nowMs: number): boolean {
    // Whom nobody asked is not away: without keys nothing is said for long.
    const unanswered = this.#unansweredMs !== undefined && nowMs - this.#unansweredMs > this.#patienceMs();
    return unanswered && this.silentFor(nowMs) > this.#leaseMs;
  }

  /** When the next request should be made. @param idle there is nothing to say but of urgent keys */
  dueMs(idle: boolean): number {
    const patient = this.#inFlight ? this.#sentMs + this.#patienceMs() : Number.NEGATIVE_INFINITY;
    const soonest = Math.max(this.#sentMs + LEAST_APART_MS, patient);
    if (this.urgent.size > 0) return soonest;
    if (idle) return Number.POSITIVE_INFINITY;
    return Math.max(soonest, Math.min(this.#nextRegularMs(), this.#runsOutMs));
  }

  /** An answer is due and may still come. */
  waits(nowMs: number): boolean {
    return this.#inFlight && nowMs < this.#sentMs + this.#patienceMs();
  }

  tick(nowMs: number): void {
    if (!this.waits(nowMs)) this.#inFlight = false;
  }

  /** @returns the slots to speak of; undefined: of all, in a regular exchange. One that comes early for some keys says nothing of the others. */
  begin(nowMs: number): ReadonlySet<number> | undefined {
    if (nowMs < this.#regularMs + this.#intervalMs * 0.9) {
      for (const slot of this.#soon) this.urgent.add(slot);
      return this.urgent;
    }
    this.#regularMs = nowMs;
    this.#unsaidMs = Number.POSITIVE_INFINITY;
    return undefined;
  }

  /** The keys were spoken of. @param next slots that must be in the next request */
  said(next: readonly number[]): void {
    this.urgent.clear();
    this.#soon.clear();
    for (const slot of next) this.urgent.add(slot);
    this.#runsOutMs = Number.POSITIVE_INFINITY;
  }

  sent(nowMs: number): void {
    this.#sentMs = nowMs;
    this.#inFlight = true;
    this.#unansweredMs ??= nowMs;
  }

  /** Nothing is said of a key this time; with a window of that length it wants to be spoken of so often. */
  unsaid(windowMs: number): void {
    this.#unsaidMs = Math.max(SHORT_INTERVAL_MS, Math.min(this.#unsaidMs, windowMs / 8));
  }

  /** A key is expected to need more from then on. */
  expect(slot: number, askMs: number): void {
    if (askMs >= this.#nextRegularMs()) return;
    this.#runsOutMs = Math.min(this.#runsOutMs, askMs);
    this.#soon.add(slot);
  }

  forget(slot: number): void {
    this.#soon.delete(slot);
    this.urgent.delete(slot);
  }

  /** The hub answered something, taken or not. */
  answered(sentMs: number): void {
    this.#unansweredMs = undefined;
    if (sentMs === this.#sentMs) this.#inFlight = false;
  }

  /** A reply is taken. */
  taken(
    reply: { readonly sentMs: number; readonly intervalMs: number; readonly leaseMs: number },
    nowMs: number,
  ): void {
    const { sentMs } = reply;
    this.#heardMs = Math.max(this.#heardMs ?? sentMs, sentMs);
    this.#answeredMs = Math.max(this.#answeredMs, sentMs);
    this.#roundTripMs += (Math.min(nowMs - sentMs, LONGEST_ROUND_TRIP_MS) - this.#roundTripMs) / 4;
    // The hub says it for the keys of this exchange: the others want theirs all the same.
    const intervalMs = Math.max(LEAST_APART_MS, Math.min(reply.intervalMs, this.#unsaidMs));
    this.#intervalMs = sentMs === this.#regularMs ? intervalMs : Math.min(this.#intervalMs, intervalMs);
    this.#leaseMs = reply.leaseMs;
  }

  /** Another session: everything is to be said again. */
  restart(): void {
    this.#inFlight = false;
    this.#regularMs = Number.NEGATIVE_INFINITY;
  }

  #nextRegularMs(): number {
    return this.#regularMs + this.#intervalMs;
  }

  /** How long a reply is waited for before the next request. */
  #patienceMs(): number {
    return Math.max(100, Math.min(3 * this.#roundTripMs + 50, Math.max(2 * this.#intervalMs, 1_000)));
  }
}
