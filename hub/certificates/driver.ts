import { afterFailure, standing } from '../../src/certificates/failures.ts';
import { issuerOrder } from '../../src/certificates/fallback.ts';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { CertificateBook } from './book.ts';
import type { AgentKeys, ChallengePresenter } from './contract.ts';
import { createAriChecks, dueAt, rankOf } from './due.ts';
import { createErrands } from './errands.ts';
import { REAL_KEYS } from './key-work.ts';
import { createNameClaims } from './name-claims.ts';
import { OrderOver } from './order-end.ts';
import { failureOf } from './order-failure.ts';
import type { RunEnd } from './order-ports.ts';
import { emptyRecord, withEntry, withoutOrder, withoutOrderKey } from './order-record.ts';
import { createOrderRun, type OrderRun } from './order-run.ts';
import type { Activity, CertificateNews, Issuers, KeyWork, OrderForecast } from './parts.ts';

export interface CertificateDriverOptions {
  readonly book: CertificateBook;
  readonly issuers: Pick<Issuers, 'open'>;
  readonly presenters: readonly ChallengePresenter[];
  readonly agentKeys: Pick<AgentKeys, 'request'>;
  readonly forecast: OrderForecast;
  readonly keys?: KeyWork;
  readonly news: CertificateNews;
  readonly wallMs: () => number;
  /** Rejects when `signal` aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** @returns takes it off again */
  readonly after: (ms: number, task: () => void) => () => void;
  /** Orders at one Issuer at a time. */
  readonly parallel?: number;
  /** How long what no policy wants any more is kept, so that one that is deleted and created again has its certificates. */
  readonly graceMs?: number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** Gets certificates that are due: at any time one order a record, and one a set of names. Level-based: it starts from records alone. */
export interface CertificateDriver {
  /** What is wanted now, all of it. */
  follow(wanted: readonly WantedCertificate[]): void;
  /** Looks what is due, and starts it. Cheap; anybody may call it at any time. */
  pass(): void;
  /** What is done just now, by certificate. */
  readonly activity: ReadonlyMap<string, Activity>;
  readonly wanted: ReadonlyMap<string, WantedCertificate>;
  /** Why nothing is done for any certificate: the store fails, or another hub has it. */
  readonly stopped: PortolanError | undefined;
  /** How a CA would count an order for it. */
  expected: OrderRun['expected'];
  /** Ends what is under way where its record says it is. */
  close(): Promise<void>;
}

const PARALLEL = 8;
const GRACE_MS = 86_400_000;
/** Clocks of machines are set: what is due is looked at so often even when nothing should be. */
const LONGEST_REST_MS = 60_000;
/** After the store failed. Nothing is asked of a CA meanwhile: what it answers could not be kept. */
const STORE_REST_MS = 5_000;

export function createCertificateDriver(options: CertificateDriverOptions): CertificateDriver {
  const { book, presenters, forecast, news, wallMs, after, log } = options;
  const { parallel = PARALLEL, graceMs = GRACE_MS } = options;
  const closing = new AbortController();
  let wanted: ReadonlyMap<string, WantedCertificate> = new Map();
  let followed = false;
  const running = new Map<string, { readonly issuer: ObjectKey; readonly ended: Promise<void> }>();
  const activity = new Map<string, Activity>();
  const ariChecks = createAriChecks();
  const claims = createNameClaims(book, (id) => wanted.get(id));
  let stopped: PortolanError | undefined;
  let restsUntilMs = 0;
  let disarm: (() => void) | undefined;
  let armed = { fromMs: 0, untilMs: 0 };

  const run = createOrderRun({
    records: book,
    open: (issuer) => options.issuers.open(issuer),
    presenters,
    agentKeys: options.agentKeys,
    forecast,
    keys: options.keys ?? REAL_KEYS,
    wallMs,
    wait: options.wait,
    claim: (id, names) => claims.claim(id, names),
    say,
    wanted: (id) => wanted.get(id),
  });
  const errands = createErrands({
    book,
    open: (issuer) => options.issuers.open(issuer),
    wallMs,
    news,
    log,
    onDone: () => arm(0),
    onStoreFailed: (error) => rest(error),
  });

  function say(id: string, doing: string): void {
    activity.set(id, { doing, sinceMs: wallMs() });
  }

  /** Orders of an earlier process count as much as those of this one. */
  function resumeCounting(): void {
    for (const id of book.underWay) {
      const order = book.get(id)?.order;
      if (order !== undefined && (order.url !== undefined || order.askedAtMs !== undefined))
        forecast.resumed(run.asking(id, order), wallMs());
    }
  }

  // --- what is due

  interface Due {
    readonly id: string;
    readonly issuer: ObjectKey;
    /** Smaller is more urgent. */
    readonly rank: number;
  }

  function issuerFor(certificate: WantedCertificate, record: CertificateRecord | undefined, nowMs: number) {
    return issuerOrder(
      certificate,
      record?.current,
      standing(certificate, record?.failures, nowMs),
      nowMs,
      (issuer) => {
        if (record?.order?.issuer === issuer || record?.forced?.overLimits === true) return 0;
        const { id, names } = certificate;
        const may = forecast.mayOrder(run.expected(id, { issuer, names }), nowMs);
        return may.ok ? 0 : may.atMs;
      },
    );
  }

  function pass(): void {
    disarm?.();
    disarm = undefined;
    if (closing.signal.aborted || !followed) return;
    const nowMs = wallMs();
    if (restsUntilMs > nowMs && restsUntilMs - nowMs <= STORE_REST_MS) {
      arm(restsUntilMs - nowMs);
      return;
    }
    let nextMs = nowMs + LONGEST_REST_MS;
    const due: Due[] = [];
    for (const [id, certificate] of wanted) {
      if (running.has(id)) continue;
      const record = book.all.get(id);
      if (record?.unwantedSinceMs !== undefined) {
        startMark(id, undefined);
        continue;
      }
      const atMs = dueAt(certificate, record, nowMs);
      if (atMs > nowMs) {
        nextMs = Math.min(nextMs, atMs);
        continue;
      }
      const chosen = issuerFor(certificate, record, nowMs);
      // An order under way is ended before another Issuer is asked, so its run may begin at any time.
      if (chosen.atMs > nowMs && record?.order === undefined) {
        nextMs = Math.min(nextMs, chosen.atMs);
        say(id, `waits for ${chosen.issuer} until ${new Date(chosen.atMs).toISOString()}`);
        continue;
      }
      due.push({ id, issuer: chosen.issuer, rank: rankOf(record) });
    }
    due.sort((a, b) => a.rank - b.rank);
    const heldUp = due.length === 0 ? undefined : claims.look();
    const busy = new Map<ObjectKey, number>();
    for (const { issuer } of running.values()) busy.set(issuer, (busy.get(issuer) ?? 0) + 1);
    for (const { id, issuer } of due) {
      const held = heldUp?.(id, wanted.get(id)?.names ?? []);
      if (held !== undefined) {
        say(id, held);
        continue;
      }
      const count = busy.get(issuer) ?? 0;
      if (count >= parallel) {
        if (!activity.has(id)) say(id, `waits for its turn at ${issuer}`);
        continue;
      }
      busy.set(issuer, count + 1);
      start(id, issuer);
    }
    nextMs = Math.min(nextMs, leaveUnwanted(nowMs), lookAtErrands(nowMs));
    arm(nextMs - wallMs());
  }

  function lookAtErrands(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const record of book.all.values()) {
      const certificate = wanted.get(record.id);
      const checkAtMs = certificate === undefined ? undefined : ariChecks.at(certificate, record);
      const atMs = errands.consider(record, certificate, checkAtMs, nowMs);
      if (atMs < nextMs) nextMs = atMs;
    }
    return nextMs;
  }

  /** What nothing wants: its order is given up, and after a while it goes with its keys. */
  function leaveUnwanted(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [id, { order, current, unwantedSinceMs }] of book.all) {
      if (wanted.has(id) || running.has(id)) continue;
      // A clock that was ahead when it was written must not keep it for ever.
      const sinceMs = Math.min(unwantedSinceMs ?? nowMs, nowMs);
      // One that ran out, or never was, is of no use to anybody who wants it again.
      const goesAtMs = Math.min(sinceMs + graceMs, current?.notAfterMs ?? sinceMs);
      if (order !== undefined) start(id, order.issuer);
      else if (nowMs >= goesAtMs) startRemoval(id);
      else if (unwantedSinceMs !== sinceMs) startMark(id, sinceMs);
      else nextMs = Math.min(nextMs, goesAtMs);
    }
    return nextMs;
  }

  /** A pass after this, or sooner if one is coming. */
  function arm(ms: number): void {
    if (closing.signal.aborted) return;
    const nowMs = wallMs();
    const delayMs = Math.max(0, Math.min(ms, LONGEST_REST_MS));
    if (disarm !== undefined && armed.fromMs <= nowMs && armed.untilMs <= nowMs + delayMs) return;
    disarm?.();
    armed = { fromMs: nowMs, untilMs: nowMs + delayMs };
    disarm = after(delayMs, pass);
  }

  // --- one certificate

  function track(id: string, issuer: ObjectKey, work: () => Promise<number>): void {
    const ended = work()
      .catch((thrown: unknown) => {
        log.warn({ err: thrown, certificate: id }, 'driving a certificate');
        return LONGEST_REST_MS;
      })
      .then((againMs) => {
        running.delete(id);
        claims.release(id);
        arm(againMs);
      });
    running.set(id, { issuer, ended });
  }

  function start(id: string, issuer: ObjectKey): void {
    track(id, issuer, async () => {
      try {
        return settled(id, await run.drive(id, issuer, closing.signal));
      } catch (thrown) {
        return await onFailed(id, issuer, thrown);
      }
    });
  }

  function settled(id: string, end: RunEnd): number {
    if (end.end === 'rests') {
      if (wanted.has(id)) say(id, end.why);
      else activity.delete(id);
      return LONGEST_REST_MS;
    }
    storeWorks();
    activity.delete(id);
    const certificate = wanted.get(id);
    log.info(
      {
        certificate: id,
        policy: end.record.policy,
        issuer: end.record.current?.issuer,
        names: end.record.current?.names,
      },
      'a certificate was issued',
    );
    if (certificate !== undefined) news.issued?.(certificate, end.record, end.tookMs);
    return 0;
  }

  function startRemoval(id: string): void {
    keep(id, async () => {
      await book.remove(id);
      activity.delete(id);
    });
  }

  /** @param unwantedSinceMs undefined: it is wanted again */
  function startMark(id: string, unwantedSinceMs: number | undefined): void {
    keep(id, async () => {
      await book.write(id, (record) => {
        if (record === undefined || record.unwantedSinceMs === unwantedSinceMs) return record;
        const { unwantedSinceMs: _since, ...rest } = record;
        return { ...rest, ...(unwantedSinceMs === undefined ? {} : { unwantedSinceMs }) };
      });
    });
  }

  /** A write by itself; no order of it is driven meanwhile. */
  function keep(id: string, write: () => Promise<void>): void {
    track(id, '', async () => {
      try {
        await write();
        storeWorks();
        return 0;
      } catch (thrown) {
        rest(PortolanError.from(thrown));
        return STORE_REST_MS;
      }
    });
  }

  async function onFailed(id: string, issuer: ObjectKey, thrown: unknown): Promise<number> {
    if (closing.signal.aborted) return 0;
    const error = PortolanError.from(thrown);
    if (isOfStore(error)) {
      rest(error);
      return STORE_REST_MS;
    }
    const certificate = wanted.get(id);
    if (certificate === undefined) return LONGEST_REST_MS;
    try {
      await keepFailure(certificate, issuer, thrown);
      return 0;
    } catch (again) {
      if (closing.signal.aborted) return 0;
      rest(PortolanError.from(again));
      return STORE_REST_MS;
    }
  }

  async function keepFailure(
    certificate: WantedCertificate,
    issuer: ObjectKey,
    thrown: unknown,
  ): Promise<void> {
    const { id } = certificate;
    const nowMs = wallMs();
    const failure = failureOf(thrown, issuer, nowMs);
    const order = book.get(id)?.order;
    const over = thrown instanceof OrderOver && order !== undefined;
    // First the CA, then the record: after a crash in between it is told again.
    if (over) {
      await run.cleanUp(order, closing.signal);
      const { issued, failedNames } = thrown;
      forecast.ended(run.asking(id, order), issued ? { issued } : { issued, failed: failedNames }, nowMs);
    }
    const record = await book.write(
      id,
      (before = emptyRecord(certificate)) => ({
        ...(over ? withoutOrder(before) : before),
        failures: afterFailure(certificate, before, failure),
        history: over
          ? withEntry(before.history, {
              atMs: nowMs,
              event: 'failed',
              issuer,
              names: order.names,
              detail: `${failure.code}: ${failure.message}`,
            })
          : before.history,
      }),
      { values: over ? withoutOrderKey : undefined },
    );
    storeWorks();
    activity.delete(id);
    log.warn({ certificate: id, policy: certificate.policy, issuer, code: failure.code }, failure.message);
    if (record !== undefined) news.failed?.(certificate, record, failure);
  }

  function storeWorks(): void {
    if (stopped === undefined) return;
    log.info({}, 'certificates are driven again');
    stopped = undefined;
  }

  /** The store does not take what is to be kept: nothing is asked of anybody until it does. */
  function rest(error: PortolanError): void {
    if (stopped === undefined)
      log.warn({ err: error }, 'certificates rest: nothing can be kept in the store');
    stopped = error;
    restsUntilMs = wallMs() + STORE_REST_MS;
    // For good: another hub has it.
    if (error.code === 'CONFLICT') closing.abort(error);
  }

  return {
    follow(list) {
      wanted = new Map(list.map((certificate) => [certificate.id, certificate]));
      if (!followed) resumeCounting();
      followed = true;
      ariChecks.keep(wanted);
      for (const id of activity.keys()) if (!wanted.has(id) && !running.has(id)) activity.delete(id);
      book.serve(list);
      pass();
    },
    pass,
    expected: run.expected,
    activity,
    get wanted() {
      return wanted;
    },
    get stopped() {
      return stopped;
    },
    async close() {
      closing.abort(new PortolanError('INTERNAL', 'the hub stops'));
      disarm?.();
      await Promise.all([...[...running.values()].map(({ ended }) => ended), errands.close()]);
    },
  };
}

const STORE_CODES: ReadonlySet<string> = new Set(['CONFLICT', 'DISK_FULL', 'STORE_UNAVAILABLE', 'KEY_WRONG']);
const isOfStore = (error: PortolanError): boolean => STORE_CODES.has(error.code);
