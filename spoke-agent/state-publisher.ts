import type { DrainBook } from '../src/health/drain-book.ts';
import { NO_PENDING_CHANGE_MS } from '../src/health/types.ts';
import type { Ruling } from './decision.ts';
import { type DrainMessage, type StatesMessage, type TargetTuple, toTuple } from './messages.ts';

/** At most one message to the data process in this time; the first change goes at once. */
export const COALESCE_MS = 50;
/** Something is sent at least this often, so that the data process knows how fresh its states are. */
const HEARTBEAT_MS = 1_000;
/** Everything is sent this often, so that saved memories do not drift. */
const COMPLETE_MS = 10_000;
/** A pending change that moved by less than the time that passed is the same one. */
const SAME_CHANGE_MS = 1_000;
/** `NO_PENDING_CHANGE_MS`, also when a receiver has counted down from it for days. */
const NONE_IN_SIGHT_MS = NO_PENDING_CHANGE_MS / 2;

export interface StatePublisher {
  /** Offers the newest ruling; what it changes is sent now or when the current `COALESCE_MS` are over. */
  offer(ruling: Ruling): void;
  close(): void;
}

export interface StatePublisherOptions {
  readonly send: (message: StatesMessage) => void;
  readonly monotonicMs: () => number;
  /** Calls back once after that many milliseconds; the returned function cancels. */
  readonly after: (delayMs: number, run: () => void) => () => void;
}

interface Sent {
  readonly tuple: TargetTuple;
  readonly atMs: number;
}

/** Sends rulings to the data process as differences. */
export function createStatePublisher(options: StatePublisherOptions): StatePublisher {
  const sent = new Map<string, Sent>();
  let sentDrains: DrainBook | undefined;
  let sentSource: Ruling['source'] | undefined;
  let sentAtMs = Number.NEGATIVE_INFINITY;
  let completeAtMs = Number.NEGATIVE_INFINITY;
  let latest: Ruling | undefined;
  let cancel: (() => void) | undefined;

  const flush = (): void => {
    cancel = undefined;
    const ruling = latest;
    if (ruling === undefined) return;
    const now = options.monotonicMs();
    const gone = [...sent.keys()].some((id) => !ruling.targets.has(id));
    const complete = gone || now - completeAtMs >= COMPLETE_MS;
    const targets: TargetTuple[] = [];
    for (const [id, state] of ruling.targets) {
      const tuple = toTuple(id, state);
      const before = sent.get(id);
      if (!complete && before !== undefined && isSame(before, tuple, ruling.atMs)) continue;
      sent.set(id, { tuple, atMs: ruling.atMs });
      targets.push(tuple);
    }
    for (const id of sent.keys()) if (!ruling.targets.has(id)) sent.delete(id);
    const drainsChanged = ruling.drains !== sentDrains;
    const changed = targets.length > 0 || drainsChanged || ruling.source !== sentSource;
    if (!changed && !complete && now - sentAtMs < HEARTBEAT_MS) return;
    sentDrains = ruling.drains;
    sentSource = ruling.source;
    sentAtMs = now;
    if (complete) completeAtMs = now;
    options.send({
      type: 'states',
      complete,
      source: ruling.source,
      epoch: ruling.epoch,
      targets,
      hubHeardAgoMs: Math.max(0, Math.round(now - ruling.freshAtMs)),
      ...(drainsChanged || complete ? { drains: drainMessages(ruling.drains, now) } : {}),
    });
  };

  return {
    offer(ruling) {
      latest = ruling;
      if (cancel !== undefined) return;
      const waitMs = sentAtMs + COALESCE_MS - options.monotonicMs();
      if (waitMs <= 0) flush();
      else cancel = options.after(waitMs, flush);
    },
    close() {
      cancel?.();
    },
  };
}

/** Drains as durations from `nowMs`; one that has ended has a negative `endsInMs`. */
export function drainMessages(book: DrainBook, nowMs: number): readonly DrainMessage[] {
  return [...book].map(([cluster, drain]) => ({
    cluster,
    drainedForMs: Math.round(nowMs - drain.sinceMs),
    leased: drain.leased,
    ...(drain.endsAtMs === undefined ? {} : { endsInMs: Math.round(drain.endsAtMs - nowMs) }),
  }));
}

/** Equal but for time that passed. */
function isSame(before: Sent, tuple: TargetTuple, atMs: number): boolean {
  const [, state, degraded, earliest, , flaps, recovering, since] = before.tuple;
  const expected = Math.max(0, earliest - (atMs - before.atMs));
  const noneInSight = earliest > NONE_IN_SIGHT_MS && tuple[3] > NONE_IN_SIGHT_MS;
  return (
    state === tuple[1] &&
    degraded === tuple[2] &&
    flaps === tuple[5] &&
    recovering < 0 === tuple[6] < 0 &&
    Math.abs(since - tuple[7]) < SAME_CHANGE_MS &&
    (noneInSight || Math.abs(expected - tuple[3]) <= SAME_CHANGE_MS)
  );
}
