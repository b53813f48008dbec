import { longestMs } from './calendar.ts';
import type { QuotaReply, QuotaRequest } from './messages.ts';
import { createSpoke } from './spoke.ts';
import type { SpokeBudget, SpokeMemory } from './spoke-contract.ts';
import { createQuotaMemory, createTableWriter, createTaker } from './table.ts';

export const HUB_MS = 1_700_000_000_000;
export const LEASE_MS = 2_000;
export const ROUND_TRIP_MS = 20;
export const FIXED: SpokeBudget = {
  id: 'shop/customers/all/1s',
  scope: 'shop',
  algorithm: 'fixed-window',
  limit: 100,
  window: { type: 'length', ms: 1_000 },
  floorShare: 0.5,
  allocation: 'proportional',
  waits: true,
  onHubLoss: 'floor',
};
export const SLIDING: SpokeBudget = {
  ...FIXED,
  id: 'shop/customers/all/1s-sliding',
  algorithm: 'sliding-window',
};
export const BUCKET: SpokeBudget = {
  ...FIXED,
  id: 'shop/customers/all/1s-bucket',
  algorithm: 'token-bucket',
};

interface Options {
  readonly memory?: SpokeMemory;
  readonly capacity?: number;
  readonly nowMs?: number;
  /** Nothing that is to be kept is ever written. */
  readonly diskless?: boolean;
}

/** A spoke with one budget, one thread, and a hub whose words the test chooses. True time is the agent's clock. */
export function station(budget: SpokeBudget, options: Options = {}) {
  let nowMs = options.nowMs ?? 0;
  let sessions = 0;
  const memory = createQuotaMemory({ capacity: options.capacity ?? 1_000, seeds: [3, 4] });
  const taker = createTaker(memory);
  const spoke = createSpoke({
    table: createTableWriter(memory),
    newSession: () => {
      sessions += 1;
      return `session ${sessions}`;
    },
    wallMs: () => HUB_MS + nowMs,
    nowMs,
    ...(options.memory === undefined ? {} : { memory: options.memory }),
  });
  spoke.configure([budget], 1, nowMs);
  let asked: QuotaRequest | undefined;
  const me = {
    spoke,
    now: () => nowMs,
    /** Time goes on, tick by tick. */
    pass(ms: number) {
      for (const end = nowMs + ms; nowMs < end; ) {
        nowMs = Math.min(end, nowMs + 20);
        spoke.tick(nowMs);
        if (options.diskless !== true) spoke.remembered(spoke.memory);
      }
    },
    ask(): QuotaRequest {
      const request = spoke.request(nowMs);
      if (request === undefined) throw new Error('there was nothing to say');
      asked = request;
      return request;
    },
    /** The hub answers the last request. @param granted by name of the key: start of the window → tokens in all */
    answer(
      granted: Readonly<Record<number, readonly [startMs: number, tokens: number][]>> = {},
      change: Partial<QuotaReply> = {},
      left = 50,
    ) {
      if (asked === undefined) throw new Error('nothing was asked');
      const request = asked;
      nowMs += ROUND_TRIP_MS;
      spoke.accept(
        {
          session: request.session,
          ledger: 'ledger',
          epoch: 1,
          hubMs: HUB_MS + nowMs - ROUND_TRIP_MS / 2,
          sentMs: request.sentMs,
          closed: false,
          leaseMs: LEASE_MS,
          intervalMs: 200,
          shares: [{ scope: 'shop', millionths: 500_000 }],
          entries: Object.entries(granted).map(([id, holdings]) => ({
            id: Number(id),
            limit: budget.limit,
            horizonMs: 500,
            holdings: holdings.map(([startMs, tokens]) => ({
              startMs,
              endMs: budget.algorithm === 'fixed-window' ? startMs + longestMs(budget.window) : 0,
              granted: tokens,
              left,
            })),
          })),
          unknown: [],
          ...change,
        },
        nowMs,
      );
    },
    exchange(
      granted: Readonly<Record<number, readonly [startMs: number, tokens: number][]>> = {},
      change: Partial<QuotaReply> = {},
      left = 50,
    ) {
      const request = me.ask();
      me.answer(granted, change, left);
      return request;
    },
    want: (key: string, ticket = 1, hits = 1, waitMs = 300) =>
      spoke.want(ticket, 0, key, hits, waitMs, nowMs),
    /** How many of so many hits are admitted. */
    take(key: string, times: number, hits = 1): number {
      let admitted = 0;
      for (let time = 0; time < times; time += 1) {
        const slot = taker.find(0, key);
        if (slot >= 0 && taker.take(slot, hits, nowMs) === 0) admitted += 1;
      }
      return admitted;
    },
    taker,
  };
  return me;
}

/** Start of the window that an instant of the agent's clock lies in. */
export const windowOf = (nowMs: number): number => Math.floor((HUB_MS + nowMs) / 1_000) * 1_000;
