import { PortolanError } from '../../src/errors/error.ts';
import type { Ledger, PageChange } from '../../src/quota/ledger-contract.ts';
import type { QuotaReply, QuotaRequest } from '../../src/quota/messages.ts';
import type { QuotaAudit, Store } from '../store/contract.ts';

/** Somebody who asked, and how it is answered. */
export interface Asker {
  readonly agentUid: string;
  readonly reply: (reply: QuotaReply) => void;
}

export interface CommitStats {
  /** Requests that were answered, and the keys in them. */
  readonly exchanges: number;
  readonly entries: number;
  /** Holdings that answers told of. */
  readonly grants: number;
  /** Requests that a newer one of the same agent took the place of while they waited. */
  readonly overtaken: number;
  readonly commits: number;
  readonly commitFailures: number;
  /** Time that commits took, added up; milliseconds. */
  readonly commitMs: number;
  readonly pagesWritten: number;
}

/**
 * One writer of the ledger: what waits is taken together, saved together, and answered when it is durable (I20). While the store is slow or
 * away nothing of it is lost and nothing more is taken; of each agent the newest request waits, so what waits is bounded by the agents.
 */
export interface LedgerCommits {
  ask(asker: Asker, request: QuotaRequest): void;
  /** What this asker waits for is of no use any more. */
  forget(asker: Asker): void;
  /** Something else changed the ledger, or should: `change` runs when the writer is free, and its result is given when it is durable. */
  change<T>(change: (nowMs: number) => T, audit?: (result: T) => QuotaAudit): Promise<T>;
  readonly stats: CommitStats;
  readonly waiting: number;
  /** Nothing waits and nothing is under way. */
  readonly idle: boolean;
  /** Takes nothing more, and ends when what was taken is durable, or the store fails. */
  close(): Promise<void>;
}

export interface CommitOptions {
  readonly ledger: Pick<Ledger, 'exchange' | 'takeChanges'>;
  readonly store: Pick<Store, 'saveQuota' | 'epoch'>;
  /** The hub's clock. */
  readonly nowMs: () => number;
  /** What the clock needs to go on. */
  readonly mark: () => string;
  readonly monotonicMs: () => number;
  /** Lets others run. */
  readonly breathe: () => Promise<void>;
  /** Resolves early when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onPages: (changes: readonly PageChange[]) => void;
  /** Another hub has the store; nothing is taken or answered any more. */
  readonly onFenced: (error: PortolanError) => void;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** Taking requests goes on for so long before what was taken is saved. */
const TAKE_MS = 25;
/** At most so long at a stretch, for votes are judged in between. */
const STRETCH_MS = 5;
const RETRY_MS = { first: 50, most: 2_000 } as const;

interface Waiting {
  readonly asker: Asker;
  readonly request: QuotaRequest;
}

interface Wish {
  run(nowMs: number): QuotaAudit | undefined;
  done(): void;
  failed(error: PortolanError): void;
}

export function createLedgerCommits(options: CommitOptions): LedgerCommits {
  const { ledger, store, log, monotonicMs } = options;
  const waiting = new Map<string, Waiting>();
  let wishes: Wish[] = [];
  let running: Promise<void> | undefined;
  let over: PortolanError | undefined;
  const closing = new AbortController();
  const stats = {
    exchanges: 0,
    entries: 0,
    grants: 0,
    overtaken: 0,
    commits: 0,
    commitFailures: 0,
    commitMs: 0,
    pagesWritten: 0,
  };

  function kick(): void {
    running ??= run().finally(() => {
      running = undefined;
    });
  }

  async function run(): Promise<void> {
    // What comes in the same moment goes together.
    await options.breathe();
    while (over === undefined && (waiting.size > 0 || wishes.length > 0)) {
      await turn();
      await options.breathe();
    }
  }

  async function turn(): Promise<void> {
    const answers: { readonly asker: Asker; readonly reply: QuotaReply }[] = [];
    const granted: Wish[] = [];
    const audit: QuotaAudit[] = [];
    const wanted = wishes;
    wishes = [];
    for (const wish of wanted) {
      try {
        const fact = wish.run(options.nowMs());
        if (fact !== undefined) audit.push(fact);
        granted.push(wish);
      } catch (thrown) {
        wish.failed(PortolanError.from(thrown));
      }
    }
    await take(answers);
    const changes = ledger.takeChanges();
    const due = answers.length > 0 || changes.length > 0 || audit.length > 0;
    const error = due ? await save(changes, audit) : undefined;
    if (error !== undefined) {
      for (const wish of granted) wish.failed(error);
      return;
    }
    for (const { asker, reply } of answers) {
      stats.exchanges += 1;
      for (const { holdings } of reply.entries) stats.grants += holdings.length;
      asker.reply(reply);
    }
    for (const wish of granted) wish.done();
  }

  async function take(answers: { readonly asker: Asker; readonly reply: QuotaReply }[]): Promise<void> {
    const began = monotonicMs();
    let stretch = began;
    let nowMs = options.nowMs();
    for (const [agentUid, { asker, request }] of waiting) {
      const at = monotonicMs();
      if (at - began > TAKE_MS) return;
      if (at - stretch > STRETCH_MS) {
        await options.breathe();
        stretch = monotonicMs();
        nowMs = options.nowMs();
        // Meanwhile a newer request may have come, or the asker may have gone: its turn comes again.
        if (waiting.get(agentUid)?.request !== request) continue;
      }
      waiting.delete(agentUid);
      try {
        answers.push({ asker, reply: ledger.exchange(agentUid, request, nowMs) });
        stats.entries += request.entries.length;
      } catch (thrown) {
        log.warn({ agent: agentUid, err: PortolanError.from(thrown) }, 'a quota request was not understood');
      }
    }
  }

  /** @returns why what was taken will never be durable here */
  async function save(
    changes: readonly PageChange[],
    audit: readonly QuotaAudit[],
  ): Promise<PortolanError | undefined> {
    const began = monotonicMs();
    for (let waitMs: number = RETRY_MS.first; ; waitMs = Math.min(RETRY_MS.most, waitMs * 2)) {
      try {
        await store.saveQuota(store.epoch, changes, options.mark(), audit);
        if (waitMs > RETRY_MS.first)
          log.info({ lateMs: Math.round(monotonicMs() - began) }, 'the store takes grants of quota again');
        stats.commits += 1;
        stats.commitMs += monotonicMs() - began;
        stats.pagesWritten += changes.length;
        options.onPages(changes);
        return undefined;
      } catch (thrown) {
        const error = PortolanError.from(thrown);
        if (error.code === 'CONFLICT') {
          end(error);
          options.onFenced(error);
          return error;
        }
        stats.commitFailures += 1;
        if (waitMs === RETRY_MS.first)
          log.warn(
            { err: error },
            'grants of quota wait for the store; agents use what they hold, then their floors',
          );
        if (closing.signal.aborted) return error;
        await options.wait(waitMs, closing.signal);
      }
    }
  }

  function end(error: PortolanError): void {
    over = error;
    waiting.clear();
    for (const wish of wishes.splice(0)) wish.failed(error);
  }

  return {
    ask(asker, request) {
      if (over !== undefined || closing.signal.aborted) return;
      if (waiting.has(asker.agentUid)) stats.overtaken += 1;
      waiting.set(asker.agentUid, { asker, request });
      kick();
    },
    forget(asker) {
      if (waiting.get(asker.agentUid)?.asker === asker) waiting.delete(asker.agentUid);
    },
    change(run, audit) {
      return new Promise((resolve, reject) => {
        const refusal =
          over ??
          (closing.signal.aborted ? new PortolanError('NOT_READY', 'the hub is stopping') : undefined);
        if (refusal !== undefined) {
          reject(refusal);
          return;
        }
        let settle: () => void = () => undefined;
        wishes.push({
          run(nowMs) {
            const result = run(nowMs);
            settle = () => resolve(result);
            return audit?.(result);
          },
          done: () => settle(),
          failed: reject,
        });
        kick();
      });
    },
    stats,
    get waiting() {
      return waiting.size;
    },
    get idle() {
      return running === undefined && waiting.size === 0 && wishes.length === 0;
    },
    async close() {
      closing.abort();
      waiting.clear();
      await running;
    },
  };
}
