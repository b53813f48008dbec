import { Worker } from 'node:worker_threads';
import { PortolanError } from '../src/errors/error.ts';
import type { StateViewInput } from '../src/health/state-view.ts';
import { backoffDelayMs } from '../src/protocol/backoff.ts';
import { CounterReader, familiesOf, type Metric } from '../src/telemetry/counters.ts';
import { type ChosenAddresses, chooseAddresses } from './port-choice.ts';
import { createSharedProtection } from './protection.ts';
import type { QueryLogSink } from './query-log-sink.ts';
import type { ListenAddress, NameServer } from './server.ts';
import type { NameServerSettings } from './settings.ts';
import { StatesFeed } from './state-replica.ts';
import { RESPONSES, Statistics, statsOf } from './statistics.ts';
import type { TableImage } from './table-image.ts';
import type { FromThread, TableMessage, ThreadStart, ToThread } from './thread-messages.ts';
import { workerFile } from './worker-file.ts';

export interface NameServerPoolOptions {
  readonly listen: readonly ListenAddress[];
  /** Threads, at least 1. */
  readonly workers: number;
  readonly settings: NameServerSettings;
  /** The states that hold now, on the clock of `monotonicMs`. */
  readonly states: () => StateViewInput;
  readonly monotonicMs: () => number;
  /** Where records of the query log go, when the settings ask for one. */
  readonly queryLog?: QueryLogSink | undefined;
  readonly log: PoolLog;
  /** Where the pool itself counts; a new one when left out. */
  readonly statistics?: Statistics | undefined;
  /** The program of a thread; that of this release when left out. */
  readonly entry?: string | URL | undefined;
}

interface PoolLog {
  warn(details: object, message: string): void;
}

/** Name server threads that share their ports. */
export interface NameServerPool extends NameServer {
  /**
   * Answers from this table from now on; `undefined`: SERVFAIL. Each query keeps the table it began with. Resolves when no thread
   * answers from an earlier one any more, but for one that cannot use it: that keeps what it has, and says so in the log.
   */
  serve(image: TableImage | undefined): Promise<void>;
  /** `states()` has changed. Cheap: a burst of calls is one message a thread. */
  statesChanged(): void;
  /** Of the threads that run. */
  readonly threadIds: readonly number[];
}

const WORKERS: Metric = {
  name: 'portolan_dns_workers',
  help: 'Name server threads that answer; 0: the process answers in its own thread.',
  type: 'gauge',
};
const RESTARTS: Metric = {
  name: 'portolan_dns_worker_restarts_total',
  help: 'Name server threads that ended and were started again.',
  type: 'counter',
};

const WORKER_RESPONSES: Metric = {
  name: 'portolan_dns_worker_responses_total',
  help: 'Responses by thread: the system spreads clients over them.',
  type: 'counter',
};

const BACKOFF = { baseMs: 100, capMs: 10_000 };
/** A thread that ran this long starts again without memory of earlier failures. */
const HEALTHY_MS = 30_000;
/** A thread that does not take a table for this long hangs, and is ended. */
const ACKNOWLEDGE_MS = 30_000;
const CLOSE_MS = 3000;
/** Between choosing a free port and sharing it, another program may take it. */
const PORT_ATTEMPTS = 5;

interface Thread {
  readonly worker: Worker;
  readonly feed: StatesFeed;
  readonly reader: CounterReader;
  readonly startedMs: number;
  readonly exited: Promise<void>;
  listening: boolean;
  /** Version of the table it answers from. */
  served: number;
  /** A states message that it has not acknowledged. */
  statesInFlight: boolean;
  statesDirty: boolean;
  failure: PortolanError | undefined;
}

/**
 * A name server of several threads. Tables and the GeoIP database are shared memory; changes of states are told to each thread. A
 * thread that ends is started again, and the others go on.
 */
export function createNameServerPool(options: NameServerPoolOptions): NameServerPool {
  const { log, monotonicMs } = options;
  const statistics = options.statistics ?? new Statistics();
  const running = statistics.counters.counter(WORKERS);
  const restarts = statistics.counters.counter(RESTARTS);
  const slots: (Thread | undefined)[] = [];
  const protection = createSharedProtection(options.settings.rateLimit);
  /** Responses of earlier threads of each slot. */
  const answeredBefore: number[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let bound: ChosenAddresses = { listen: [], tls: undefined };
  let table: TableMessage = { type: 'table', version: 0 };
  /** The last that a thread could answer from. */
  let proven = table;
  let waiting: { readonly version: number; readonly resolve: () => void }[] = [];
  let statesQueued = false;
  let started = false;
  let closed = false;

  const post = (thread: Thread, message: ToThread): void => thread.worker.postMessage(message);

  const later = (delayMs: number, task: () => void): NodeJS.Timeout => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      task();
    }, delayMs);
    timers.add(timer);
    return timer;
  };

  /** Tells those who wait for a table that every thread there is has it; one that starts later begins with it. */
  const settle = (): void => {
    const oldest = Math.min(...slots.map((thread) => thread?.served ?? Number.POSITIVE_INFINITY));
    const done = waiting.filter(({ version }) => version <= oldest);
    waiting = waiting.filter(({ version }) => version > oldest);
    for (const { resolve } of done) resolve();
  };

  const sendStates = (thread: Thread): void => {
    if (thread.statesInFlight) {
      thread.statesDirty = true;
      return;
    }
    thread.statesInFlight = true;
    thread.statesDirty = false;
    post(thread, { type: 'states', update: thread.feed.update(options.states(), monotonicMs()) });
  };

  const hear = (thread: Thread, message: FromThread): void => {
    switch (message.type) {
      case 'listening':
        thread.listening = true;
        running.add();
        return;
      case 'failed':
        thread.failure = new PortolanError(message.error.code, message.error.message, {
          fix: message.error.fix,
        });
        return;
      case 'tableServed':
        thread.served = message.version;
        if (message.version === table.version) proven = table;
        settle();
        return;
      case 'tableFailed':
        log.warn(
          { err: message.message },
          'a name server thread cannot use a table; it keeps the last good one',
        );
        thread.served = message.version;
        // So that threads that start from now on begin with a good one, too.
        if (message.version === table.version && proven !== table)
          table = { ...proven, version: table.version };
        settle();
        return;
      case 'statesHeld':
        thread.statesInFlight = false;
        if (thread.statesDirty) sendStates(thread);
        return;
      case 'counters':
        thread.reader.hear(message.news);
        return;
      case 'queryLog':
        options.queryLog?.write(message.octets, message.records);
        post(thread, { type: 'queryLogTaken' });
        return;
      case 'warning':
        log.warn(message.details === '' ? {} : { err: message.details }, message.message);
        return;
    }
  };

  const launch = (slot: number, failures: number): Thread => {
    const feed = new StatesFeed();
    const start: ThreadStart = {
      listen: bound.listen,
      settings: { ...options.settings, tls: bound.tls },
      protection,
      table,
      states: feed.update(options.states(), monotonicMs()),
    };
    const worker = new Worker(options.entry ?? workerFile(), { workerData: start, name: `dns-${slot}` });
    const reader = new CounterReader();
    const thread: Thread = {
      worker,
      feed,
      reader,
      startedMs: monotonicMs(),
      exited: new Promise((resolve) => worker.once('exit', () => resolve())),
      listening: false,
      served: -1,
      statesInFlight: false,
      statesDirty: false,
      failure: undefined,
    };
    slots[slot] = thread;
    worker.on('message', (message: FromThread) => hear(thread, message));
    let thrown: unknown;
    worker.on('error', (error) => {
      thrown = error;
    });
    worker.once('exit', (code) => {
      slots[slot] = undefined;
      if (thread.listening) running.add(-1);
      answeredBefore[slot] = (answeredBefore[slot] ?? 0) + responsesOf(reader);
      statistics.counters.absorb(reader.samples);
      settle();
      if (closed || !started) return;
      const again = monotonicMs() - thread.startedMs >= HEALTHY_MS ? 1 : failures + 1;
      const delayMs = backoffDelayMs(again, Math.random, BACKOFF);
      log.warn(
        { err: thrown ?? thread.failure, code, slot, delayMs },
        'a name server thread ended; it is started again and the others go on',
      );
      later(delayMs, () => {
        restarts.add();
        launch(slot, again);
      });
    });
    return thread;
  };

  /** Starts every thread, or none. */
  const launchAll = async (): Promise<void> => {
    const threads = Array.from({ length: options.workers }, (_, slot) => launch(slot, 0));
    const outcomes = await Promise.all(
      threads.map(
        (thread) =>
          new Promise<PortolanError | undefined>((resolve) => {
            thread.worker.on('message', () => {
              if (thread.listening) resolve(undefined);
            });
            thread.worker.once('error', (error) => resolve(PortolanError.from(error)));
            thread.worker.once('exit', () =>
              resolve(
                thread.failure ?? new PortolanError('INTERNAL', 'a name server thread ended before it began'),
              ),
            );
          }),
      ),
    );
    const failure = outcomes.find((outcome) => outcome !== undefined);
    if (failure === undefined) return;
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
    throw failure;
  };

  return {
    async start() {
      for (let attempt = 1; ; attempt += 1) {
        bound = await chooseAddresses(options.listen, options.settings.tls);
        try {
          await launchAll();
          break;
        } catch (thrown) {
          const free = options.listen.some(({ port }) => port === 0);
          const taken = PortolanError.from(thrown).code === 'PORT_IN_USE';
          if (!free || !taken || attempt >= PORT_ATTEMPTS) throw thrown;
        }
      }
      started = true;
      // One that ended while the others began.
      for (let slot = 0; slot < options.workers; slot += 1) if (slots[slot] === undefined) launch(slot, 1);
      return bound.listen;
    },

    async close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      const threads = slots.filter((thread) => thread !== undefined);
      for (const thread of threads) post(thread, { type: 'close' });
      const force = setTimeout(() => {
        for (const { worker } of threads) void worker.terminate();
      }, CLOSE_MS);
      await Promise.all(threads.map(({ exited }) => exited));
      clearTimeout(force);
      for (const { resolve } of waiting.splice(0)) resolve();
    },

    get threadIds() {
      return slots.flatMap((thread) => (thread === undefined ? [] : [thread.worker.threadId]));
    },

    stats() {
      for (const [slot, thread] of slots.entries()) {
        const now = thread === undefined ? 0 : responsesOf(thread.reader);
        statistics.counters
          .counter(WORKER_RESPONSES, { worker: String(slot) })
          .set((answeredBefore[slot] ?? 0) + now);
      }
      return statsOf(
        familiesOf([statistics.counters.samples, ...slots.map((thread) => thread?.reader.samples ?? [])]),
      );
    },

    serve(image) {
      const { version } = table;
      table = { type: 'table', version: version + 1, ...(image === undefined ? {} : { image }) };
      const asked = slots.filter((thread) => thread !== undefined);
      for (const thread of asked) post(thread, table);
      const wanted = table.version;
      const watch = later(ACKNOWLEDGE_MS, () => {
        for (const thread of asked) {
          if (thread.served >= wanted) continue;
          log.warn({ version: wanted }, 'a name server thread does not take its table and is ended');
          void thread.worker.terminate();
        }
      });
      watch.unref();
      return new Promise((resolve) => {
        waiting.push({
          version: wanted,
          resolve() {
            clearTimeout(watch);
            timers.delete(watch);
            resolve();
          },
        });
        settle();
      });
    },

    statesChanged() {
      if (statesQueued) return;
      statesQueued = true;
      setImmediate(() => {
        statesQueued = false;
        for (const thread of slots) if (thread !== undefined) sendStates(thread);
      });
    },
  };
}

function responsesOf(reader: CounterReader): number {
  return reader.samples.reduce(
    (sum, { metric, counter }) => (metric.name === RESPONSES.name ? sum + counter.value : sum),
    0,
  );
}
