import { create } from '@bufbuild/protobuf';
import { PortolanError } from '../../src/errors/error.ts';
import type { QuotaRequest as RequestMessage } from '../../src/protocol/generated/portolan_pb.js';
import { HubMessageSchema } from '../../src/protocol/generated/portolan_pb.js';
import { decodeQuotaRequest, encodeQuotaReply } from '../../src/protocol/quota-codec.ts';
import type { Budget } from '../../src/quota/budget.ts';
import { type ClockReading, type HubClock, startHubClock } from '../../src/quota/hub-clock.ts';
import type { Ledger } from '../../src/quota/ledger-contract.ts';
import type { QuotaRequest } from '../../src/quota/messages.ts';
import type { AgentSession } from '../agents/link-session.ts';
import type { AgentIdentity, Store } from '../store/contract.ts';
import { createBudgetVersions } from './budget-versions.ts';
import { readMark, writeMark } from './clock.ts';
import { type Asker, type CommitStats, createLedgerCommits, type LedgerCommits } from './commits.ts';

/** Opens the ledger that these pages are of; a new one when there are none. */
export type OpenLedger = (
  pages: ReadonlyMap<string, Uint8Array>,
  options: { readonly epoch: number; readonly nowMs: number; readonly newId: () => string },
) => Ledger;

export interface QuotaServiceOptions {
  readonly store: Pick<Store, 'loadQuota' | 'saveQuota' | 'getMeta' | 'putMeta' | 'epoch'>;
  readonly openLedger: OpenLedger;
  /** The longest that a reply of any ledger promised to agents; milliseconds. */
  readonly leaseMs: number;
  /** Agents that have joined and are not revoked. */
  readonly agents: () => readonly AgentIdentity[];
  /** Namespaces besides its own whose Gateways a cluster (`namespace/name`) serves: what agents found. */
  readonly alsoServes?: (cluster: string) => readonly string[];
  readonly readClocks: () => ClockReading;
  readonly monotonicMs: () => number;
  readonly newId: () => string;
  readonly breathe: () => Promise<void>;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Calls every so often until the result is called. */
  readonly every: (ms: number, task: () => void) => () => void;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** What stands on the hub's side of the quota while there are limits. */
export interface OpenQuota {
  readonly ledger: Ledger;
  readonly commits: LedgerCommits;
  readonly clock: HubClock;
  /** The hub's clock now. */
  readonly nowMs: () => number;
  /** Grants nothing before, for its clock could not be shown to go on; 0: it could. */
  readonly pausedUntilMs: number;
}

export interface QuotaStats extends CommitStats {
  readonly ledger: Ledger['sizes'] | undefined;
  readonly pages: number;
  readonly waiting: number;
  readonly budgets: number;
  readonly version: number;
  /** Wall clock minus the hub's clock of quota, milliseconds; undefined: it does not run. */
  readonly clockOffsetMs: number | undefined;
  /** Requests that were not answered, by why. */
  readonly refused: { readonly stopped: number; readonly malformed: number; readonly idle: number };
  /** Nothing is granted any more: another hub has the store, or the ledger in it cannot be read. */
  readonly stopped?: 'fenced' | 'damaged';
}

/**
 * The hub's side of the quota. There is a ledger, and a timer, only while there are limits, or grants of limits that were.
 */
export interface QuotaService {
  /** Limits that hold from now on. @returns their version, durable; given to the clusters with what is compiled from the same objects */
  follow(budgets: ReadonlyMap<string, Budget>): Promise<number>;
  onQuota(session: QuotaSession, message: RequestMessage): void;
  onClosed(session: QuotaSession): void;
  /** Undefined: nothing is limited. @throws PortolanError CONFLICT when another hub has the store, STORE_CORRUPT */
  readonly open: OpenQuota | undefined;
  readonly budgets: ReadonlyMap<string, Budget>;
  readonly stats: QuotaStats;
  close(): Promise<void>;
}

export type QuotaSession = Pick<AgentSession, 'agentUid' | 'clusterKey' | 'send'>;

const SWEEP_MS = 1_000;
const NO_COMMITS: CommitStats = {
  exchanges: 0,
  entries: 0,
  grants: 0,
  overtaken: 0,
  commits: 0,
  commitFailures: 0,
  commitMs: 0,
  pagesWritten: 0,
};

export function createQuotaService(options: QuotaServiceOptions): QuotaService {
  const { store, log } = options;
  const versions = createBudgetVersions(store);
  const refused = { stopped: 0, malformed: 0, idle: 0 };
  const askers = new WeakMap<QuotaSession, Asker>();
  const pages = new Set<string>();
  let open: OpenQuota | undefined;
  let opening: Promise<OpenQuota> | undefined;
  let before = NO_COMMITS;
  let budgets: ReadonlyMap<string, Budget> = new Map();
  let version = 0;
  let agents = '';
  let knownAgents: ReadonlyMap<string, readonly string[]> = new Map();
  let endTimer: () => void = () => undefined;
  let sweeping = false;
  /** Why nothing is granted by this hub any more. */
  let over: PortolanError | undefined;
  let closed = false;

  async function openNow(): Promise<OpenQuota> {
    const stored = await store.loadQuota();
    for (const page of stored.pages.keys()) pages.add(page);
    const mark = readMark(stored.clock);
    const { clock, goesOn } = startHubClock(mark, options.readClocks());
    const nowMs = (): number => clock.read(options.readClocks());
    const ledger = options.openLedger(stored.pages, {
      epoch: store.epoch,
      nowMs: nowMs(),
      newId: options.newId,
    });
    let pausedUntilMs = 0;
    if (!goesOn && stored.pages.size > 0) {
      pausedUntilMs = nowMs() + options.leaseMs;
      ledger.pauseUntil(pausedUntilMs);
      log.warn(
        { stoodAt: mark?.hubMs, pausedMs: options.leaseMs },
        'the machine was started anew, or is another one: what was granted before may still be in use, so for a lease nothing of a limit is granted',
      );
    }
    const commits = createLedgerCommits({
      ledger,
      store,
      nowMs,
      mark: () => writeMark(clock.mark(options.readClocks())),
      monotonicMs: options.monotonicMs,
      breathe: options.breathe,
      wait: options.wait,
      onPages: (changes) => {
        for (const { page, content } of changes) {
          if (content === undefined) pages.delete(page);
          else pages.add(page);
        }
      },
      onFenced,
      log,
    });
    return { ledger, commits, clock, nowMs, pausedUntilMs };
  }

  function onFenced(error: PortolanError): void {
    over = error;
    release();
    log.warn(
      { epoch: store.epoch, err: error },
      'another hub has taken over the store: this one grants nothing of any limit any more',
    );
  }

  /** What was granted is not known, so nothing may be. All else that the hub does goes on. */
  function onDamaged(error: PortolanError): void {
    over = error;
    log.warn(
      { err: error },
      'the book of limits is damaged: nothing of any limit is granted, and agents use their floors; restore the store from a backup',
    );
  }

  /** The memory of the ledger; what is in the store stays. */
  function release(): void {
    endTimer();
    endTimer = () => undefined;
    if (open !== undefined) before = sum(before, open.commits.stats);
    open = undefined;
    opening = undefined;
    pages.clear();
    agents = '';
    knownAgents = new Map();
  }

  async function ensureOpen(): Promise<OpenQuota> {
    if (open !== undefined) return open;
    opening ??= openNow();
    try {
      open = await opening;
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      if (error.code === 'STORE_CORRUPT') onDamaged(error);
      throw error;
    } finally {
      opening = undefined;
    }
    endTimer = options.every(SWEEP_MS, sweep);
    return open;
  }

  function giveAgents({ ledger, nowMs }: OpenQuota): void {
    const scopes = new Map(
      options
        .agents()
        .map(({ agentUid, cluster }) => {
          const also = options.alsoServes?.(`${cluster.namespace}/${cluster.name}`) ?? [];
          return [agentUid, [...new Set([cluster.namespace, ALL_CLUSTERS, ...also])]] as const;
        })
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
    const text = JSON.stringify([...scopes]);
    if (text === agents) return;
    agents = text;
    knownAgents = scopes;
    ledger.setAgents(scopes, nowMs());
  }

  /** Every second: sessions that are over, agents that came or went; and the end of the ledger when nothing is left of it. */
  function sweep(): void {
    const now = open;
    if (now === undefined || sweeping) return;
    const { ledger, commits } = now;
    if (budgets.size === 0 && ledger.sizes.entries === 0 && commits.idle) {
      release();
      return;
    }
    sweeping = true;
    touched(now, (nowMs) => {
      giveAgents(now);
      ledger.sweep(nowMs);
    });
  }

  /** What it changed is saved soon; nobody waits for it. */
  function touched({ commits }: OpenQuota, change: (nowMs: number) => void): void {
    const done = (): void => {
      sweeping = false;
    };
    commits.change(change).then(done, done);
  }

  return {
    async follow(next) {
      if (closed || over !== undefined) return version;
      const nextVersion = await versions.of(next);
      if (next.size > 0)
        await ensureOpen().catch((thrown: unknown) => {
          if (over === undefined) throw thrown;
        });
      if (open !== undefined && (next !== budgets || nextVersion !== version)) {
        giveAgents(open);
        open.ledger.setBudgets(next, nextVersion, open.nowMs());
        touched(open, () => undefined);
      }
      budgets = next;
      version = nextVersion;
      return version;
    },
    onQuota(session, message) {
      if (open === undefined) {
        if (over === undefined) refused.idle += 1;
        else refused.stopped += 1;
        return;
      }
      let request: QuotaRequest;
      try {
        request = decodeQuotaRequest(message);
      } catch (thrown) {
        refused.malformed += 1;
        throw thrown;
      }
      // One that has just joined.
      if (!knownAgents.has(session.agentUid)) giveAgents(open);
      let asker = askers.get(session);
      if (asker === undefined) {
        asker = {
          agentUid: session.agentUid,
          reply: (reply) =>
            session.send(
              create(HubMessageSchema, { kind: { case: 'quota', value: encodeQuotaReply(reply) } }),
            ),
        };
        askers.set(session, asker);
      }
      open.commits.ask(asker, request);
    },
    onClosed(session) {
      const asker = askers.get(session);
      if (asker !== undefined) open?.commits.forget(asker);
    },
    get open() {
      if (over !== undefined) throw over;
      return open;
    },
    get budgets() {
      return budgets;
    },
    get stats() {
      return {
        ...(open === undefined ? before : sum(before, open.commits.stats)),
        ledger: open?.ledger.sizes,
        pages: pages.size,
        waiting: open?.commits.waiting ?? 0,
        budgets: budgets.size,
        version,
        clockOffsetMs: open?.clock.offsetMs,
        refused,
        ...(over === undefined
          ? {}
          : { stopped: over.code === 'CONFLICT' ? ('fenced' as const) : ('damaged' as const) }),
      };
    },
    async close() {
      closed = true;
      endTimer();
      await open?.commits.close();
    },
  };
}

/** Scope of limits that the agents of all clusters share. */
const ALL_CLUSTERS = '*';

function sum(a: CommitStats, b: CommitStats): CommitStats {
  return {
    exchanges: a.exchanges + b.exchanges,
    entries: a.entries + b.entries,
    grants: a.grants + b.grants,
    overtaken: a.overtaken + b.overtaken,
    commits: a.commits + b.commits,
    commitFailures: a.commitFailures + b.commitFailures,
    commitMs: a.commitMs + b.commitMs,
    pagesWritten: a.pagesWritten + b.pagesWritten,
  };
}
