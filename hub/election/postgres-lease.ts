import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { Election, ElectionClock, ElectionEvents, LeaseQuery } from './contract.ts';
import { CHANNEL, type DatabaseSession } from './session.ts';

export interface PostgresLeaseOptions extends ElectionEvents {
  readonly session: Pick<DatabaseSession, 'query'>;
  /** Of this process, never used before: one that was started again is another holder. */
  readonly incarnation: string;
  readonly leaseMs: number;
  readonly clock: ElectionClock;
  readonly log: { warn(details: object, message: string): void };
}

/** A lease is renewed so often within its time. */
const RENEWALS = 5;
/**
 * Of the lease's time, how much a leader uses: it stops before anybody else may begin, though its clock may run slower than the
 * database's and a thread may be held up.
 */
const USED = 0.8;
const LONGEST_TRY_MS = 1_000;
/** How often a leader looks whether its time is over, whatever else is under way. */
const WATCH_MS = 200;

const TABLES = [
  // Two hubs that meet an empty database would both make them.
  'select pg_advisory_lock(7305810)',
  `create table if not exists hub_lease (
    id integer primary key check (id = 1), holder text not null, term bigint not null, lease_until timestamptz not null)`,
  `create table if not exists hub_members (
    incarnation text primary key, info text not null, seen_at timestamptz not null)`,
  'select pg_advisory_unlock(7305810)',
];

/** The tables of the election; not the store's, which only a leader changes. */
export async function makeElectionTables(session: Pick<DatabaseSession, 'query'>): Promise<void> {
  for (const statement of TABLES) await session.query(statement, []);
}

const termRow = z.array(z.object({ term: z.coerce.number() }));

/**
 * Leads while a row of the database says so. Only the database's clock decides when a lease ends, and only this process's monotonic
 * clock when this hub stops, counted from before its last renewal was sent: wall clocks of hubs do not matter. A process that was
 * stopped and wakes up, or whose connection hung, finds its time over before it does anything else; what was under way is refused by
 * the store, whose epoch is taken in a transaction that holds this row.
 */
export function createPostgresLease(options: PostgresLeaseOptions): Election {
  const { session, incarnation, leaseMs, clock, log } = options;
  const retryMs = Math.min(LONGEST_TRY_MS, leaseMs / RENEWALS);
  let state: 'seeking' | 'leading' | 'over' = 'seeking';
  let term = 0;
  /** When the last successful renewal was sent. */
  let renewedMs = 0;
  /** The epoch may be taken: from here on this hub acts. */
  let acts = false;
  let cancelNext: () => void = () => undefined;
  let cancelWatch: () => void = () => undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let started = false;

  async function acquire(): Promise<boolean> {
    const sentMs = clock.monotonicMs();
    const rows = termRow.parse(
      await session.query(
        `insert into hub_lease as held (id, holder, term, lease_until)
         values (1, $1, 1, clock_timestamp() + $2 * interval '1 millisecond')
         on conflict (id) do update set holder = excluded.holder, term = held.term + 1, lease_until = excluded.lease_until
         where held.lease_until < clock_timestamp() returning term`,
        [incarnation, leaseMs],
      ),
    );
    const taken = rows[0];
    if (taken === undefined || state !== 'seeking') return false;
    term = taken.term;
    renewedMs = sentMs;
    state = 'leading';
    watch();
    return true;
  }

  async function renew(): Promise<void> {
    const sentMs = clock.monotonicMs();
    const rows = termRow.parse(
      await session.query(
        `update hub_lease set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
         where id = 1 and holder = $1 and term = $2 returning term`,
        [incarnation, term, leaseMs],
      ),
    );
    if (rows.length > 0) renewedMs = sentMs;
    else lose('another hub has the lease');
  }

  function lose(reason: string): void {
    if (state !== 'leading') return;
    state = 'over';
    cancelNext();
    cancelWatch();
    options.onLost(reason);
  }

  function watch(): void {
    if (state !== 'leading') return;
    const usedMs = clock.monotonicMs() - renewedMs;
    // A hub that is still starting on a busy machine does nothing yet that a late renewal would make wrong: whoever took the lease
    // meanwhile is found by the renewal, and by the transaction of the epoch.
    if (acts && usedMs >= leaseMs * USED)
      lose(`the lease could not be renewed for ${Math.round(usedMs)} ms of its ${leaseMs}`);
    else cancelWatch = clock.after(WATCH_MS, watch);
  }

  /** One statement at a time: a renewal that hangs must not be overtaken by its successor. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  }

  function schedule(delayMs: number): void {
    if (state === 'over') return;
    cancelNext = clock.after(delayMs, () => {
      void inTurn(step).then(schedule);
    });
  }

  /** Resolves to when the next one is due. */
  async function step(): Promise<number> {
    try {
      if (state === 'leading') {
        await renew();
        return leaseMs / RENEWALS;
      }
      if (state === 'seeking' && (await acquire())) {
        options.onLead();
        return leaseMs / RENEWALS;
      }
    } catch (thrown) {
      log.warn(
        { err: PortolanError.from(thrown) },
        'the lease cannot be asked for: the database does not answer',
      );
    }
    return retryMs;
  }

  return {
    get leads() {
      return state === 'leading';
    },
    attempt: () => inTurn(acquire),
    start() {
      if (started) return;
      started = true;
      schedule(state === 'leading' ? leaseMs / RENEWALS : retryMs);
    },
    nudge() {
      if (!started || state !== 'seeking') return;
      cancelNext();
      schedule(0);
    },
    async mayLead(run: LeaseQuery) {
      // The row is held until the epoch is taken: whoever wants the lease waits for that, and then takes a higher one.
      const rows = await run(
        'select term from hub_lease where id = 1 and holder = $1 and term = $2 and lease_until > clock_timestamp() for share',
        [incarnation, term],
      );
      if (rows.length === 0)
        throw new PortolanError('NOT_LEADER', 'the lease ended before this hub could take over');
      acts = true;
    },
    async close() {
      const held = state === 'leading';
      state = 'over';
      cancelNext();
      cancelWatch();
      if (!held) return;
      await inTurn(() =>
        session.query(
          `with given as (
             update hub_lease set lease_until = '-infinity' where id = 1 and holder = $1 and term = $2 returning term)
           select pg_notify('${CHANNEL}', 'lease') from given`,
          [incarnation, term],
        ),
      ).catch((thrown: unknown) => {
        log.warn({ err: PortolanError.from(thrown) }, 'the lease could not be given back; it ends by itself');
      });
    },
  };
}
