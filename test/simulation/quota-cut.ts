import { createLedger } from '../../src/quota/ledger.ts';
import { createSpoke } from '../../src/quota/spoke.ts';
import type { SpokeBudget } from '../../src/quota/spoke-contract.ts';
import { createQuotaMemory, createTableWriter, createTaker } from '../../src/quota/table.ts';
import { BANKS } from '../../src/quota/table-contract.ts';
import { seededRandom } from '../support/random.ts';
import { Agenda } from './agenda.ts';

export interface Cut {
  readonly algorithm: SpokeBudget['algorithm'];
  readonly windowMs: number;
  readonly limit: number;
  /** Customers, each with a limit of its own, whose hits keep coming everywhere. */
  readonly keys: number;
  readonly roundTripMs: number;
  /** From then on nobody reaches the hub. */
  readonly cutMs: number;
  readonly seed: number;
}

const EPOCH_MS = 1_800_000_000_000;
const AGENTS = ['a', 'b', 'c'];

/** Three agents lose the hub at one time: how long after that each of them first admits from its floor, of any key, milliseconds. */
export function floorsAfterCut(cut: Cut): readonly number[] {
  const random = seededRandom(cut.seed);
  const agenda = new Agenda();
  const budget: SpokeBudget = {
    id: 'shop/p/l/w',
    scope: 'shop',
    algorithm: cut.algorithm,
    limit: cut.limit,
    window: { type: 'length', ms: cut.windowMs },
    floorShare: 0.5,
    allocation: 'proportional',
    waits: true,
    onHubLoss: 'floor',
  };
  const ledger = createLedger({ epoch: 1, nowMs: EPOCH_MS, newId: () => 'ledger', random });
  ledger.setAgents(new Map(AGENTS.map((name) => [name, ['shop']])), EPOCH_MS);
  ledger.setBudgets(new Map([[budget.id, budget]]), 1, EPOCH_MS);
  const first = new Map<string, number>();
  const again = (atMs: number, everyMs: () => number, action: (atMs: number) => void): void => {
    agenda.add(atMs, () => {
      action(atMs);
      again(atMs + everyMs(), everyMs, action);
    });
  };
  for (const name of AGENTS) {
    const memory = createQuotaMemory({ capacity: 64, seeds: [1, 2] });
    const taker = createTaker(memory);
    const spoke = createSpoke({
      table: createTableWriter(memory),
      newSession: () => `${name}-1`,
      wallMs: () => EPOCH_MS,
      nowMs: 0,
    });
    spoke.configure([budget], 1, 0);
    let tickets = 0;
    again(
      random() * 20,
      () => 20,
      (atMs) => {
        spoke.tick(atMs);
        spoke.remembered(spoke.memory);
        spoke.settled();
        const request = atMs >= spoke.dueMs() ? spoke.request(atMs) : undefined;
        const oneWayMs = cut.roundTripMs / 2;
        if (request === undefined || atMs + oneWayMs >= cut.cutMs) return;
        agenda.add(atMs + oneWayMs, () => {
          const reply = ledger.exchange(name, request, EPOCH_MS + atMs + oneWayMs);
          ledger.takeChanges();
          const backMs = atMs + cut.roundTripMs;
          if (backMs < cut.cutMs) agenda.add(backMs, () => spoke.accept(reply, backMs));
        });
      },
    );
    // Twice the limit of each key, over the three together.
    const everyMs = () =>
      (-Math.log(1 - random()) * cut.windowMs * AGENTS.length) / (2 * cut.limit * cut.keys);
    again(100, everyMs, (atMs) => {
      const key = `k${Math.floor(random() * cut.keys)}`;
      const slot = taker.find(0, key);
      const verdict = slot < 0 ? 2 : taker.take(slot, 1, atMs);
      tickets += 1;
      if (verdict === 2) spoke.want(tickets, 0, key, 1, 300, atMs);
      if (verdict === 0 && (taker.receipt & 3) === BANKS.floor && atMs > cut.cutMs && !first.has(name))
        first.set(name, atMs - cut.cutMs);
    });
  }
  again(
    500,
    () => 1_000,
    (atMs) => ledger.sweep(EPOCH_MS + atMs),
  );
  const endMs = cut.cutMs + 60_000;
  for (let next = agenda.take(endMs); next !== undefined; next = agenda.take(endMs)) {
    next.action();
    if (first.size === AGENTS.length) break;
  }
  return AGENTS.map((name) => first.get(name) ?? Number.POSITIVE_INFINITY);
}
