import { randomBytes } from 'node:crypto';
import type { CompiledLimit, QuotaPart } from '../../../src/policy/model.ts';
import { createLedger } from '../../../src/quota/ledger.ts';
import type { SpokeBudget } from '../../../src/quota/spoke-contract.ts';
import { Counters } from '../../../src/telemetry/counters.ts';
import type { QuotaGate } from '../contract.ts';
import type { PreparedQuota } from '../limits.ts';
import { createQuotaSupervisor, type QuotaSupervisor } from '../supervisor.ts';
import { machineMs } from '../table-clock.ts';
import { createThreadQuota } from '../thread-quota.ts';

export function budgetOf(id: string, limit: number, changes: Partial<SpokeBudget> = {}): SpokeBudget {
  return {
    id,
    scope: 'default',
    algorithm: 'fixed-window',
    limit,
    // Long enough for no test to see its end.
    window: { type: 'calendar', unit: 'year', timeZone: 'UTC' },
    floorShare: 0,
    allocation: 'proportional',
    waits: true,
    onHubLoss: 'floor',
    ...changes,
  };
}

export function limitOf(
  name: string,
  rates: readonly number[],
  changes: Partial<CompiledLimit> = {},
): CompiledLimit {
  return {
    name,
    source: { kind: 'RateLimitPolicy', name: 'default/policy' },
    when: [],
    counters: [],
    rates,
    plans: {},
    cost: { most: 1000 },
    shadow: false,
    waitMs: 2000,
    onHubLoss: 'floor',
    ...changes,
  };
}

export function quotaPartOf(budgets: readonly SpokeBudget[], limits: readonly CompiledLimit[]): QuotaPart {
  return { version: 1, budgets, policies: { policy: { source: [], limits } }, domains: {} };
}

export interface QuotaWorld extends Disposable {
  readonly supervisor: QuotaSupervisor;
  readonly gate: QuotaGate;
  readonly policy: PreparedQuota;
  readonly policies: ReadonlyMap<string, PreparedQuota>;
  readonly counters: Counters;
  /** Requests reach the hub, and are answered. */
  reachable: boolean;
  exchanges: number;
  /** Value of a counter of one limit. */
  count(outcome: string, limit?: string): number;
}

/** A hub's ledger, the supervisor and one thread's gate, together in this thread. */
export function startQuota(
  part: QuotaPart,
  options: { readonly maxKeys?: number; readonly wallMs?: () => number } = {},
): QuotaWorld {
  const counters = new Counters();
  const newId = (): string => randomBytes(16).toString('hex');
  // With fractions, as the hub's own: a clock that goes by whole milliseconds seems to jump.
  const hubMs = (): number => performance.timeOrigin + performance.now();
  const ledger = createLedger({ epoch: 1, nowMs: hubMs(), newId });
  ledger.setAgents(new Map([['agent', ['default', '*']]]), hubMs());
  ledger.setBudgets(new Map(part.budgets.map((budget) => [budget.id, budget])), part.version, hubMs());
  const timers = new Set<NodeJS.Timeout>();
  const after = (delayMs: number, task: () => void): (() => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      task();
    }, delayMs);
    timers.add(timer);
    return () => clearTimeout(timer);
  };
  const clocks = { monotonicMs: () => performance.now(), machineMs, wallMs: options.wallMs ?? Date.now };
  const supervisor = createQuotaSupervisor({
    ...clocks,
    maxKeys: options.maxKeys ?? 100,
    after,
    newSession: newId,
    seed: () => randomBytes(4).readInt32LE(),
    counters,
    log: { warn: () => undefined },
    exchange(request) {
      world.exchanges += 1;
      if (!world.reachable) return;
      const reply = ledger.exchange('agent', request, hubMs());
      ledger.takeChanges();
      setImmediate(() => supervisor.reply(reply));
    },
  });
  const gate = createThreadQuota({
    ...clocks,
    counters,
    after,
    soon: setImmediate,
    ask: (wants) => setImmediate(() => supervisor.want(wants, (settled) => gate.settled(settled))),
    paused: (breaks) => supervisor.paused(breaks),
  });
  const policies = gate.open(part, supervisor.configure(part));
  supervisor.applied();
  const policy = policies.get('policy');
  if (policy === undefined) throw new Error('the part has no policy of the name "policy"');
  const world: QuotaWorld = {
    supervisor,
    gate,
    policy,
    policies,
    counters,
    reachable: true,
    exchanges: 0,
    count: (outcome, limit) =>
      counters.samples
        .filter(({ labels }) => labels.outcome === outcome && (limit === undefined || labels.limit === limit))
        .reduce((sum, { counter }) => sum + counter.value, 0),
    [Symbol.dispose]() {
      supervisor.close();
      for (const timer of timers) clearTimeout(timer);
    },
  };
  return world;
}
