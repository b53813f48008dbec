import type { AnswerTable } from '../src/dns/table.ts';
import type { StateViewInput } from '../src/health/state-view.ts';
import type { GeoLookup } from '../src/routing/model.ts';
import { familiesOf, type Metric } from '../src/telemetry/counters.ts';
import type { Batches } from './batches.ts';
import { createNotifier, type Notifier } from './notifier.ts';
import { QUERY_LOG_DROPPED, QUERY_LOG_RECORDS, queryLogBatches } from './query-log-batches.ts';
import type { ImageInput } from './routed-image.ts';
import { createNameServer, type ListenAddress, type NameServer } from './server.ts';
import type { NameServerSettings } from './settings.ts';
import { Statistics, statsOf } from './statistics.ts';
import type { TransferPlan } from './transfer-plan.ts';

export interface NameServiceOptions {
  readonly listen: readonly ListenAddress[];
  readonly settings: NameServerSettings;
  /** The states that hold now, on the clock of `monotonicMs`. */
  readonly states: () => StateViewInput;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  readonly log: { warn(details: object, message: string): void };
}

/** What is answered from. */
export interface ServedTable {
  readonly sequence: number;
  /** For the process's own thread. */
  readonly table: AnswerTable;
  readonly transfers: TransferPlan;
  readonly geo: GeoLookup | undefined;
  /** What it was made of, for other threads. */
  readonly input: ImageInput;
}

/** The name server of a process, in its own thread or in several (`settings.workers`). */
export interface NameService extends NameServer {
  /**
   * Answers from this table from now on; SERVFAIL before the first. A query keeps the table it began with. Resolves when nothing is
   * answered from an earlier table any more.
   */
  serve(next: ServedTable): Promise<void>;
  /** `states()` has changed. */
  statesChanged(): void;
}

const SEQUENCE: Metric = {
  name: 'portolan_dns_table_sequence',
  help: 'Content sequence of the table that is answered from: the SOA serial of its zones.',
  type: 'gauge',
};
const SWAPS: Metric = {
  name: 'portolan_dns_table_swaps_total',
  help: 'Tables that were swapped in.',
  type: 'counter',
};
const SWAPPED_AT: Metric = {
  name: 'portolan_dns_table_swap_timestamp_seconds',
  help: 'When every thread had the table that is answered from, in seconds since 1970.',
  type: 'gauge',
};
const SWAP_SECONDS: Metric = {
  name: 'portolan_dns_table_swap_seconds',
  help: 'How long the last swap took until every thread had the table.',
  type: 'gauge',
};

/** Threads and the query log are loaded only when the settings ask for them: each program would be some MB bigger. */
export async function createNameService(options: NameServiceOptions): Promise<NameService> {
  const { settings, log, wallMs, monotonicMs } = options;
  const own = new Statistics();
  const sequence = own.counters.counter(SEQUENCE);
  const swaps = own.counters.counter(SWAPS);
  const swappedAt = own.counters.counter(SWAPPED_AT);
  const swapSeconds = own.counters.counter(SWAP_SECONDS);
  const dropped = own.counters.counter(QUERY_LOG_DROPPED);
  let served: ServedTable | undefined;

  const queryLog =
    settings.queryLog === undefined
      ? undefined
      : (await import('./query-log-sink.ts')).openQueryLog({
          settings: settings.queryLog,
          written: own.counters.counter(QUERY_LOG_RECORDS),
          dropped,
          log,
        });
  const reopen = (): void => queryLog?.reopen();
  if (queryLog !== undefined) process.on('SIGHUP', reopen);
  // In its own thread, too, records are written in batches.
  const logged: Batches<Uint8Array> | undefined =
    queryLog === undefined
      ? undefined
      : queryLogBatches((octets, records) => {
          queryLog.write(octets, records);
          setImmediate(() => logged?.taken());
        }, dropped);
  /** What every thread answers from: a secondary must not be told of a version that some thread has not. */
  let announced: ServedTable | undefined;
  let notifier: Notifier | undefined;

  const threads = settings.workers === 0 ? undefined : await import('./service-threads.ts');
  const pool = threads?.createThreads({ ...options, workers: settings.workers, statistics: own, queryLog });
  const server: NameServer =
    pool ??
    createNameServer({
      listen: options.listen,
      settings,
      table: () => served?.table,
      transfers: () => served?.transfers,
      statistics: own,
      writeQueryLog: logged === undefined ? undefined : (record) => logged.push(record),
      log,
    });

  return {
    async start() {
      const bound = await server.start();
      notifier = createNotifier({
        table: () => announced?.table,
        plan: () => announced?.transfers,
        now: monotonicMs,
        wallMs,
        counters: own.counters,
        log,
        listen: bound.map(({ host }) => host),
      });
      return bound;
    },
    async close() {
      await Promise.all([notifier?.close(), server.close()]);
      process.off('SIGHUP', reopen);
      logged?.flush();
      await queryLog?.close();
    },
    stats: () => (pool === undefined ? statsOf(familiesOf([own.counters.samples])) : pool.stats()),

    async serve(next) {
      served = next;
      const beganMs = monotonicMs();
      await pool?.serveTable(next);
      if (served !== next) return; // another one came meanwhile
      announced = next;
      sequence.set(next.sequence);
      swaps.add();
      swappedAt.set(wallMs() / 1000);
      swapSeconds.set((monotonicMs() - beganMs) / 1000);
    },

    statesChanged: () => pool?.statesChanged(),
  };
}
