import { setImmediate as breath } from 'node:timers/promises';
import { PortolanError } from '../../src/errors/error.ts';
import type { Change, Store } from '../store/contract.ts';
import { type Leadership, RECONCILE_ACTOR } from './leadership.ts';

/** Writes due statuses beside the publication and never in its way: what people read may be late, answers may not. */
export interface StatusWriter {
  /** Statuses may be due: looks soon, but at most once per `STATUS_SPACING_MS`. */
  touch(): void;
  /** Looks now; resolves when it is written, or could not be (which is tried again). */
  flush(): Promise<void>;
  /** Ends after the batch under way. */
  close(): Promise<void>;
}

export interface StatusWriterOptions {
  readonly store: Pick<Store, 'commit' | 'epoch'>;
  readonly leadership: Leadership;
  /** Resolves when nothing is under way that agents and name servers wait for; default: at once. */
  readonly idle?: () => Promise<void>;
  /** What differs now from what is stored. */
  readonly due: () => readonly Change[];
  /** True of a change whose object is so big that writing it is a step of its own. */
  readonly isBig: (change: Change) => boolean;
  readonly log: { warn(details: object, message: string): void };
}

/** Between two looks: an endpoint that flaps must not wear the disk. */
export const STATUS_SPACING_MS = 1_000;
const SOON_MS = 10;
/** One transaction, and so one fsync, for this many objects. */
const BATCH = 100;
const RETRY_MS = 5_000;

export function createStatusWriter(options: StatusWriterOptions): StatusWriter {
  const { store, leadership } = options;
  /** Runs until the next look; looks asked for meanwhile are made then. */
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let wanted = false;
  let closed = false;

  function lookIn(delayMs: number): void {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (wanted) void flush();
    }, delayMs);
  }

  function flush(): Promise<void> {
    if (running !== undefined) {
      wanted = true;
      return running;
    }
    wanted = false;
    clearTimeout(timer);
    timer = undefined;
    running = pass()
      .then(
        () => STATUS_SPACING_MS,
        (thrown: unknown) => {
          wanted = true;
          options.log.warn(
            { err: PortolanError.from(thrown) },
            'statuses are not written; it is tried again',
          );
          return RETRY_MS;
        },
      )
      .then((delayMs) => {
        running = undefined;
        lookIn(delayMs);
      });
    return running;
  }

  async function pass(): Promise<void> {
    await options.idle?.();
    if (leadership.lost !== undefined || closed) return;
    for (const batch of batchesOf(options.due(), options.isBig)) {
      if (closed) return;
      await write(batch);
      // A store on the local disk never waits for anything: agents and callers are heard between two transactions.
      await breath();
    }
  }

  async function write(batch: readonly Change[]): Promise<void> {
    try {
      await commit(batch);
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      if (error.code === 'CONFLICT' && !(await leadership.confirm())) return;
      if (error.code !== 'NOT_FOUND') throw error;
      // An object that was deleted meanwhile must not hold up the others.
      for (const change of batch) {
        await commit([change]).catch((each: unknown) => {
          if (PortolanError.from(each).code !== 'NOT_FOUND') throw each;
        });
      }
    }
  }

  const commit = (changes: readonly Change[]): Promise<unknown> =>
    store.commit(changes, { actor: RECONCILE_ACTOR, epoch: store.epoch });

  return {
    touch() {
      wanted = true;
      if (running === undefined) lookIn(SOON_MS);
    },
    flush,
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** In order of `changes`, but the big ones last, each by itself. */
function batchesOf(
  changes: readonly Change[],
  isBig: (change: Change) => boolean,
): readonly (readonly Change[])[] {
  const [small, big] = [changes.filter((change) => !isBig(change)), changes.filter(isBig)];
  const batches: (readonly Change[])[] = [];
  for (let i = 0; i < small.length; i += BATCH) batches.push(small.slice(i, i + BATCH));
  return [...batches, ...big.map((change) => [change])];
}
