import type { QuotaPart } from '../../../src/policy/model.ts';
import { createQuotaMemory, createTableWriter } from '../../../src/quota/table.ts';
import { BANKS } from '../../../src/quota/table-contract.ts';
import { Counters } from '../../../src/telemetry/counters.ts';
import type { QuotaGate, QuotaWant } from '../../quota/contract.ts';
import { machineMs, SupervisorClock } from '../../quota/table-clock.ts';
import { createThreadQuota } from '../../quota/thread-quota.ts';
import type { UsageHit } from '../../usage/contract.ts';
import { createQuotaDesk, type QuotaDesk } from '../quota-desk.ts';

/** A gate over a real table, whose tokens come from a book in the place of the hub: each key once has its limit, in one window. */
export interface QuotaWorld {
  readonly gate: QuotaGate;
  readonly desk: QuotaDesk;
  readonly policies: ReturnType<QuotaGate['open']>;
  /** Keys that were asked for, in their order. */
  readonly wanted: readonly string[];
  /** What the desk accounted. */
  readonly usage: readonly UsageHit[];
}

const LONG_MS = 3_600_000;

export function quotaWorld(part: QuotaPart): QuotaWorld {
  const memory = createQuotaMemory({ capacity: 1024, seeds: [1, 2], originMs: machineMs() });
  const writer = createTableWriter(memory);
  const clock = {
    monotonicMs: () => performance.now(),
    machineMs,
    wallMs: () => performance.timeOrigin + performance.now(),
  };
  // As the supervisor does: from now on the clocks go together.
  new SupervisorClock(memory, clock);
  const wanted: string[] = [];
  const granted = new Set<string>();
  const grant = ({ budget, key, ticket }: QuotaWant): void => {
    wanted.push(key);
    if (!granted.has(`${budget} ${key}`)) {
      granted.add(`${budget} ${key}`);
      const limit = part.budgets[budget]?.limit ?? 0;
      const slot = writer.insert(budget, key);
      writer.fill(slot, BANKS.even, limit, 0, LONG_MS);
      writer.report(slot, { refuseUntilMs: LONG_MS, left: 0, limit, resetMs: LONG_MS });
    }
    gate.settled([{ ticket, outcome: 'try' }]);
  };
  const gate = createThreadQuota({
    counters: new Counters(),
    ...clock,
    ask: (wants) => setImmediate(() => wants.forEach(grant)),
    paused: () => undefined,
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    soon: setImmediate,
  });
  const usage: UsageHit[] = [];
  const desk = createQuotaDesk({ gate, usage: { count: (hit) => usage.push(hit) }, wallMs: clock.wallMs });
  const policies = gate.open(part, { memory, numbers: part.budgets.map((_, number) => number) });
  desk.serve(part, policies);
  return { gate, desk, policies, wanted, usage };
}
