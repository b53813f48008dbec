import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Budget } from './budget.ts';
import { createLedger, openLedger } from './ledger.ts';
import type { Ledger } from './ledger-contract.ts';
import type { HoldingReport, QuotaRequest } from './messages.ts';

const START = 1_800_000_000_000;
const WINDOW_MS = 10_000;
const AGENTS = ['a', 'b', 'c'];

type Step =
  | { readonly type: 'ask'; readonly agent: number; readonly waiting: number; readonly demand: number }
  | { readonly type: 'use'; readonly agent: number; readonly hits: number }
  | { readonly type: 'return'; readonly agent: number; readonly hits: number }
  | { readonly type: 'crash'; readonly agent: number }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'restart' };

const agent = fc.nat({ max: AGENTS.length - 1 });
const hits = fc.integer({ min: 1, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('ask' as const),
      agent,
      waiting: fc.nat({ max: 12 }),
      demand: fc.nat({ max: 4 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('use' as const), agent, hits }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('return' as const), agent, hits }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const), agent }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
);

interface Process {
  session: string;
  sent: number;
  granted: Map<number, number>;
  returned: Map<number, number>;
  spent: Map<number, number>;
  leaseEndMs: number;
}

/** Plays steps to a ledger with agents whose clocks are right. @returns when each hit was admitted */
function play(budget: Budget, steps: readonly Step[]): readonly number[] {
  let nowMs = START;
  let ledger: Ledger = configured(createLedger({ epoch: 1, nowMs, newId: () => 'l' }), budget, nowMs);
  const pages = new Map<string, Uint8Array>();
  const admitted: number[] = [];
  let processes = 0;
  const process = (name: string): Process => {
    processes += 1;
    return {
      session: `${name}${processes}`,
      sent: 0,
      granted: new Map(),
      returned: new Map(),
      spent: new Map(),
      leaseEndMs: 0,
    };
  };
  const agents = AGENTS.map(process);
  const leased = budget.algorithm !== 'fixed-window';
  const place = () => (leased ? 0 : Math.floor(nowMs / WINDOW_MS) * WINDOW_MS);
  const unspent = (who: Process, startMs: number) =>
    (who.granted.get(startMs) ?? 0) - (who.returned.get(startMs) ?? 0) - (who.spent.get(startMs) ?? 0);
  for (const at of steps) {
    switch (at.type) {
      case 'wait':
        nowMs += at.ms;
        ledger.sweep(nowMs);
        break;
      case 'restart':
        ledger = configured(openLedger(pages, { epoch: 1, nowMs, newId: () => 'l' }), budget, nowMs);
        break;
      case 'crash':
        agents[at.agent] = process(AGENTS[at.agent] ?? '');
        break;
      case 'use':
      case 'return': {
        const who = agents[at.agent];
        if (who === undefined || (leased && nowMs > who.leaseEndMs)) break;
        const startMs = place();
        const count = Math.min(at.hits, Math.max(0, unspent(who, startMs)));
        const account = at.type === 'use' ? who.spent : who.returned;
        account.set(startMs, (account.get(startMs) ?? 0) + count);
        if (at.type === 'use') for (let hit = 0; hit < count; hit += 1) admitted.push(nowMs);
        break;
      }
      case 'ask': {
        const who = agents[at.agent];
        const name = AGENTS[at.agent];
        if (who === undefined || name === undefined) break;
        const reply = ledger.exchange(name, requestOf(who, budget, at, nowMs), nowMs);
        for (const { page, content } of ledger.takeChanges()) {
          if (content === undefined) pages.delete(page);
          else pages.set(page, content);
        }
        if (reply.closed) {
          agents[at.agent] = process(name);
          break;
        }
        who.leaseEndMs = nowMs + reply.leaseMs * 0.99;
        for (const { startMs, granted } of reply.entries.flatMap(({ holdings }) => holdings))
          who.granted.set(startMs, Math.max(who.granted.get(startMs) ?? 0, granted));
      }
    }
  }
  return admitted;
}

function requestOf(
  who: Process,
  budget: Budget,
  ask: { readonly waiting: number; readonly demand: number },
  nowMs: number,
): QuotaRequest {
  who.sent += 1;
  const holdings: HoldingReport[] = [...who.granted.keys()].map((startMs) => ({
    startMs,
    returned: who.returned.get(startMs) ?? 0,
    spent: who.spent.get(startMs) ?? 0,
  }));
  return {
    session: who.session,
    sentMs: nowMs + who.sent / 1_000,
    ledger: '',
    budgets: 1,
    shares: [],
    names: [{ id: 0, budget: budget.id, key: 'k' }],
    entries: [{ id: 0, demand: ask.demand, waiting: ask.waiting, holdings }],
  };
}

function configured(ledger: Ledger, budget: Budget, nowMs: number): Ledger {
  ledger.setBudgets(new Map([[budget.id, budget]]), 1, nowMs);
  ledger.setAgents(new Map(AGENTS.map((name) => [name, ['shop']])), nowMs);
  return ledger;
}

const budgetOf = (algorithm: Budget['algorithm']): Budget => ({
  id: `shop/p/l/${algorithm}`,
  scope: 'shop',
  algorithm,
  limit: 20,
  window: { type: 'length', ms: WINDOW_MS },
  floorShare: 0,
  allocation: 'proportional',
  waits: false,
});

const steps = fc.array(step, { minLength: 20, maxLength: 150 });

it('I20 a fixed window never admits more than its limit, whatever crashes and comes back', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const counts = new Map<number, number>();
      for (const at of play(budgetOf('fixed-window'), given)) {
        const window = Math.floor(at / WINDOW_MS);
        counts.set(window, (counts.get(window) ?? 0) + 1);
      }
      for (const count of counts.values()) expect(count).toBeLessThanOrEqual(20);
    }),
    { numRuns: 300 },
  );
});

it('I20 a sliding window never admits more than its limit in any stretch of its length', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const admitted = play(budgetOf('sliding-window'), given);
      for (const [at, later] of admitted.slice(20).entries())
        expect(later - (admitted[at] ?? 0)).toBeGreaterThanOrEqual(WINDOW_MS);
    }),
    { numRuns: 300 },
  );
});

it('I20 a token bucket never admits more than its burst and what came meanwhile', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const admitted = play({ ...budgetOf('token-bucket'), burst: 8 }, given);
      let level = 8;
      let before = START;
      for (const at of admitted) {
        level = Math.min(8, level + ((at - before) * 20) / WINDOW_MS) - 1;
        before = at;
        expect(level).toBeGreaterThan(-1e-6);
      }
    }),
    { numRuns: 300 },
  );
});

it('every limit is used up when somebody asks for it', () => {
  const asks: readonly Step[] = Array.from({ length: 60 }, () => [
    { type: 'ask' as const, agent: 0, waiting: 5, demand: 4 },
    { type: 'use' as const, agent: 0, hits: 12 },
    { type: 'wait' as const, ms: 500 },
  ]).flat();
  for (const algorithm of ['fixed-window', 'sliding-window', 'token-bucket'] as const)
    expect(play(budgetOf(algorithm), asks).length, algorithm).toBeGreaterThanOrEqual(55);
});
