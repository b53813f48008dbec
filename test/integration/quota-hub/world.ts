import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { QuotaServices } from '../../../hub/api/quota-services.ts';
import { createQuotaDesk } from '../../../hub/quota/desk.ts';
import { createQuotaService, type QuotaService } from '../../../hub/quota/service.ts';
import type { AgentIdentity, Store } from '../../../hub/store/contract.ts';
import { PortolanError } from '../../../src/errors/error.ts';
import type { HubMessage } from '../../../src/protocol/generated/portolan_pb.js';
import { decodeQuotaReply, encodeQuotaRequest } from '../../../src/protocol/quota-codec.ts';
import type { Budget } from '../../../src/quota/budget.ts';
import type { ClockReading } from '../../../src/quota/hub-clock.ts';
import { longestLeaseMs, openLedger } from '../../../src/quota/ledger.ts';
import type { QuotaReply } from '../../../src/quota/messages.ts';
import { until } from '../../support/until.ts';

export const MINUTE = 60_000;
/** A full minute. */
export const NOON = Date.UTC(2026, 5, 1, 12);

export const PER_CUSTOMER: Budget = {
  id: 'shop/customers/per-customer/60s',
  scope: 'shop',
  algorithm: 'fixed-window',
  limit: 100,
  window: { type: 'length', ms: MINUTE },
  floorShare: 0,
  allocation: 'proportional',
  waits: false,
};

export const budgetsOf = (...budgets: readonly Budget[]): ReadonlyMap<string, Budget> =>
  new Map(budgets.map((budget) => [budget.id, budget]));

/** A machine whose clocks a test moves. */
export function machine(bootId = 'boot-1') {
  const clocks = { wallMs: NOON + 1_000, monotonicMs: 1_000_000, bootMs: 1_000_000, bootId };
  return {
    clocks,
    pass(ms: number) {
      clocks.wallMs += ms;
      clocks.monotonicMs += ms;
      clocks.bootMs += ms;
    },
    read: (): ClockReading => ({
      wallMs: clocks.wallMs,
      monotonicMs: clocks.monotonicMs,
      boot: { id: clocks.bootId, ms: clocks.bootMs },
    }),
  };
}

export type Machine = ReturnType<typeof machine>;

/** The part of a hub that shares out limits, on a store; its clocks, and how often it sweeps, are a test's. */
export interface QuotaHub {
  readonly service: QuotaService;
  readonly desk: QuotaServices;
  readonly said: readonly string[];
  /** Timers that run. */
  readonly timers: ReadonlySet<() => void>;
  /** A second passes for it; ends when what that changed is durable. */
  second(): Promise<void>;
}

export function quotaHub(
  store: Pick<Store, 'loadQuota' | 'saveQuota' | 'getMeta' | 'putMeta' | 'epoch'>,
  here: Machine,
  agentUids: () => readonly string[],
): QuotaHub {
  const said: string[] = [];
  const timers = new Set<() => void>();
  const agents = (): readonly AgentIdentity[] =>
    agentUids().map((agentUid) => ({
      agentUid,
      clusterUid: `uid-${agentUid}`,
      cluster: { kind: 'Cluster', namespace: 'shop', name: agentUid },
      generation: 1,
      revoked: false,
      joinedAt: '2026-01-01T00:00:00Z',
      spkiSha256: '',
      certificateChainPem: '',
    }));
  let ids = 0;
  const service = createQuotaService({
    store,
    openLedger,
    leaseMs: longestLeaseMs(),
    agents,
    readClocks: here.read,
    monotonicMs: () => performance.now(),
    newId: () => `ledger-${store.epoch}-${++ids}`,
    breathe: () => setImmediate(),
    wait: (_ms, signal) => delay(1, undefined, { signal }).catch(() => undefined),
    every(_ms, task) {
      timers.add(task);
      return () => void timers.delete(task);
    },
    log: { info: (_, text) => void said.push(text), warn: (_, text) => void said.push(text) },
  });
  const desk = createQuotaDesk({
    quota: service,
    agents,
    wallMs: () => here.clocks.wallMs,
    late(ms, error) {
      const { promise, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(error()), ms / 50);
      return { rejects: promise, cancel: () => clearTimeout(timer) };
    },
  });
  return {
    service,
    desk,
    said,
    timers,
    async second() {
      here.pass(1_000);
      for (const task of [...timers]) task();
      await until(
        'the sweep is saved',
        async () => service.stats.ledger === undefined || (await idle(service)),
        5_000,
        1,
      );
    },
  };
}

async function idle(service: QuotaService): Promise<boolean> {
  await setImmediate();
  return service.open?.commits.idle ?? true;
}

/** A data process of an agent, as far as the hub sees it: asks, keeps what it is granted, says what it spent. */
export class TestAgent {
  readonly replies: QuotaReply[] = [];
  readonly session: { agentUid: string; clusterKey: string; send: (message: HubMessage) => void };
  readonly #here: Machine;
  readonly #name: string;
  #spent = new Map<number, number>();

  constructor(agentUid: string, here: Machine, incarnation = '1') {
    this.#here = here;
    this.#name = `${agentUid}-${incarnation}`;
    this.session = {
      agentUid,
      clusterKey: `shop/${agentUid}`,
      send: ({ kind }) => {
        if (kind.case === 'quota') this.replies.push(decodeQuotaReply(kind.value));
      },
    };
  }

  /** Sends a request for so many hits of a key that wait, and says what was spent. */
  say(hub: QuotaHub, waiting: number, key = 'acme', budget: Budget = PER_CUSTOMER): void {
    this.#here.pass(1);
    const holdings = [...this.#spent].map(([startMs, spent]) => ({ startMs, returned: 0, spent }));
    hub.service.onQuota(
      this.session,
      encodeQuotaRequest({
        session: this.#name,
        sentMs: this.#here.clocks.monotonicMs,
        ledger: this.last?.ledger ?? '',
        budgets: 1,
        shares: [],
        names: [{ id: 0, budget: budget.id, key }],
        entries: [{ id: 0, demand: 0, waiting, holdings }],
      }),
    );
  }

  /** And waits for the answer. */
  async ask(
    hub: QuotaHub,
    waiting: number,
    key = 'acme',
    budget: Budget = PER_CUSTOMER,
  ): Promise<QuotaReply> {
    const before = this.replies.length;
    this.say(hub, waiting, key, budget);
    return (await until('an answer', async () => this.replies[before], 10_000, 1)).value;
  }

  /** It admitted so many in the window that starts then. */
  spend(startMs: number, hits: number): void {
    this.#spent.set(startMs, (this.#spent.get(startMs) ?? 0) + hits);
  }

  get last(): QuotaReply | undefined {
    return this.replies.at(-1);
  }

  /** All that it was ever granted in the window that starts then; 0 is for windows without a start. */
  granted(startMs: number): number {
    return Math.max(
      0,
      ...this.replies
        .flatMap(({ entries }) => entries)
        .flatMap(({ holdings }) => holdings)
        .filter((holding) => holding.startMs === startMs)
        .map(({ granted }) => granted),
    );
  }
}

/** A store whose saves a test can make slow, or fail. */
export function troubled<S extends Pick<Store, 'loadQuota' | 'saveQuota' | 'getMeta' | 'putMeta' | 'epoch'>>(
  store: S,
) {
  const trouble = { before: async (): Promise<void> => undefined, saves: 0 };
  const wrapped: Pick<Store, 'loadQuota' | 'saveQuota' | 'getMeta' | 'putMeta' | 'epoch'> = {
    epoch: store.epoch,
    loadQuota: () => store.loadQuota(),
    getMeta: (key) => store.getMeta(key),
    putMeta: (key, value) => store.putMeta(key, value),
    async saveQuota(...args) {
      trouble.saves += 1;
      await trouble.before();
      await store.saveQuota(...args);
    },
  };
  return { store: wrapped, trouble };
}

export const away = (): PortolanError => new PortolanError('STORE_UNAVAILABLE', 'the store is away');
