import type { Budget } from './budget.ts';
import { createLedger, type LedgerOptions, openLedger } from './ledger.ts';
import type { Ledger } from './ledger-contract.ts';
import type { QuotaReply, QuotaRequest } from './messages.ts';

export const MINUTE = 60_000;
/** A full minute of the hub's clock. */
export const START = 1_800_000_000_000;

export const perMinute: Budget = {
  id: 'shop/customers/per-customer/60s',
  scope: 'shop',
  algorithm: 'fixed-window',
  limit: 100,
  window: { type: 'length', ms: MINUTE },
  floorShare: 0,
  allocation: 'proportional',
  waits: false,
};

export const opened = (
  budgets: readonly Budget[],
  agents = ['a', 'b', 'c'],
  options: Partial<LedgerOptions> = {},
) => {
  const ledger = createLedger({ epoch: 1, nowMs: START - 2 * MINUTE, newId: () => 'ledger', ...options });
  ledger.setBudgets(new Map(budgets.map((budget) => [budget.id, budget])), 1, START - 2 * MINUTE);
  ledger.setAgents(new Map(agents.map((agent) => [agent, ['shop']])), START - 2 * MINUTE);
  return ledger;
};

let sent = 0;
export const request = (given: Partial<QuotaRequest> = {}): QuotaRequest => {
  sent += 1;
  return {
    session: 'one',
    sentMs: sent,
    ledger: '',
    budgets: 1,
    shares: [],
    names: [],
    entries: [],
    ...given,
  };
};

/** Asks for one key: so many hits wait. */
export const ask = (
  ledger: Ledger,
  agent: string,
  nowMs: number,
  given: {
    readonly waiting?: number;
    readonly demand?: number;
    readonly returned?: number;
    readonly spent?: number;
    readonly startMs?: number;
    readonly session?: string;
    readonly budget?: Budget;
    readonly key?: string;
    readonly waiver?: QuotaRequest['waiver'];
    readonly ages?: QuotaRequest['entries'][number]['holdings'][number]['marks'];
  } = {},
): QuotaReply => {
  const { budget = perMinute, returned, spent, key = 'k' } = given;
  const startMs =
    given.startMs ?? (budget.algorithm === 'fixed-window' ? Math.floor(nowMs / MINUTE) * MINUTE : 0);
  return ledger.exchange(
    agent,
    request({
      session: given.session ?? `${agent}-1`,
      names: [{ id: 0, budget: budget.id, key }],
      ...(given.waiver === undefined ? {} : { waiver: given.waiver }),
      entries: [
        {
          id: 0,
          demand: given.demand ?? 0,
          waiting: given.waiting ?? 0,
          holdings:
            returned === undefined && spent === undefined
              ? []
              : [
                  {
                    startMs,
                    returned: returned ?? 0,
                    spent: spent ?? 0,
                    ...(given.ages === undefined ? {} : { marks: given.ages }),
                  },
                ],
        },
      ],
    }),
    nowMs,
  );
};

export const granted = (reply: QuotaReply) => reply.entries[0]?.holdings[0]?.granted;
export const left = (reply: QuotaReply) => reply.entries[0]?.holdings[0]?.left;

export const save = (pages: Map<string, Uint8Array>, ledger: Ledger) => {
  for (const { page, content } of ledger.takeChanges()) {
    if (content === undefined) pages.delete(page);
    else pages.set(page, content);
  }
};

export const reopened = (
  pages: ReadonlyMap<string, Uint8Array>,
  nowMs: number,
  budgets: readonly Budget[],
  agents = ['a', 'b', 'c'],
) => {
  const ledger = openLedger(pages, { epoch: 2, nowMs, newId: () => 'another' });
  ledger.setBudgets(new Map(budgets.map((budget) => [budget.id, budget])), 1, nowMs);
  ledger.setAgents(new Map(agents.map((agent) => [agent, ['shop']])), nowMs);
  return ledger;
};
