import { PortolanError } from '../../src/errors/error.ts';

export interface ReconcileLoopOptions {
  /** Makes the world follow the stored objects; calls `published` once their content is live. Safe to run again. */
  readonly reconcile: (published: () => void) => Promise<void>;
  /** Revision of the objects that a reconcile starting now would see. */
  readonly revision: () => number;
  readonly log: { warn(details: object, message: string): void };
}

/** Runs reconciles one at a time, coalesces what asks for them, and tells who waits how far it has come. */
export interface ReconcileLoop {
  /** The first run, once the objects have been read; what fails here fails the start. */
  first(): Promise<void>;
  /** Before the first run it does nothing: without objects there is an empty world, and that would be published. */
  schedule(): void;
  /** See `Engine.caughtUp`. */
  caughtUp(revision: number): Promise<void>;
  /** Resolves when the run that is under way, or about to begin, is over, however it ends; at once when there is none. */
  idle(): Promise<void>;
  /** Why the last run did not finish. */
  readonly failure: PortolanError | undefined;
  close(): Promise<void>;
}

/** Changes within this time make one run. */
const SETTLE_MS = 10;
const RETRY_MS = 1_000;
/** Longer than any healthy run; a request must not hold the write lane for ever. */
const CATCH_UP_LIMIT_MS = 10_000;

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
  readonly reject: (error: PortolanError) => void;
}

export function createReconcileLoop(options: ReconcileLoopOptions): ReconcileLoop {
  let reached = -1;
  let failure: PortolanError | undefined;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let begun = false;
  let closed = false;
  const waiters = new Set<Waiter>();
  const idlers = new Set<() => void>();

  /**
   * Always starts from a timer, never from a promise: the events of one commit arrive in one turn, so a run sees all of them or
   * none.
   */
  function schedule(delayMs = SETTLE_MS): void {
    if (closed || !begun) return;
    if (running !== undefined) again = true;
    else
      timer ??= setTimeout(() => {
        timer = undefined;
        running = run().then(ended);
      }, delayMs);
  }

  function ended(retry: boolean): void {
    running = undefined;
    for (const resolve of idlers) resolve();
    idlers.clear();
    if (retry || again || [...waiters].some((w) => w.revision <= options.revision()))
      schedule(retry ? RETRY_MS : SETTLE_MS);
    again = false;
  }

  async function run(): Promise<boolean> {
    try {
      await once();
      failure = undefined;
      return false;
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      // Another hub took over: trying again changes nothing.
      const final = error.code === 'CONFLICT';
      if (!closed && failure?.message !== error.message)
        options.log.warn({ err: error }, final ? 'reconcile stopped' : 'reconcile failed; it is tried again');
      failure = error;
      for (const waiter of waiters) waiter.reject(error);
      return !final;
    }
  }

  function once(): Promise<void> {
    const upTo = options.revision();
    return options.reconcile(() => {
      reached = upTo;
      for (const waiter of waiters) if (waiter.revision <= upTo) waiter.resolve();
    });
  }

  return {
    first() {
      begun = true;
      const done = once();
      // Whatever comes meanwhile is for the run after it.
      running = done.then(
        () => ended(false),
        () => undefined,
      );
      return done;
    },
    schedule: () => schedule(),
    caughtUp(revision) {
      if (failure?.code === 'CONFLICT') return Promise.reject(failure);
      if (revision <= reached) return Promise.resolve();
      if (closed) return Promise.reject(new PortolanError('NOT_READY', 'the hub is stopping'));
      return new Promise((resolve, reject) => {
        const limit = setTimeout(() => {
          waiter.reject(
            new PortolanError(
              'NOT_READY',
              `the hub has not caught up with revision ${revision} of its store yet`,
            ),
          );
        }, CATCH_UP_LIMIT_MS);
        const leave = (): void => {
          clearTimeout(limit);
          waiters.delete(waiter);
        };
        const waiter: Waiter = {
          revision,
          resolve() {
            leave();
            resolve();
          },
          reject(error) {
            leave();
            reject(error);
          },
        };
        waiters.add(waiter);
        schedule();
      });
    },
    idle() {
      if (closed || (timer === undefined && running === undefined)) return Promise.resolve();
      return new Promise((resolve) => idlers.add(resolve));
    },
    get failure() {
      return failure;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      for (const resolve of idlers) resolve();
      for (const waiter of waiters) waiter.reject(new PortolanError('NOT_READY', 'the hub is stopping'));
      await running;
    },
  };
}
