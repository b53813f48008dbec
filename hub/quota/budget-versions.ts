import { z } from 'zod';
import type { Budget } from '../../src/quota/budget.ts';
import { digestOf } from '../reconcile/canonical-text.ts';
import type { Store } from '../store/contract.ts';

/** Which set of budgets holds: agents say which one their configuration has. */
export interface BudgetVersions {
  /** The version of this set, durable. Grows by one when it is not the set before, also over a restart. */
  of(budgets: ReadonlyMap<string, Budget>): Promise<number>;
}

const META = 'quota/budgets';
const stored = z.object({ version: z.int().min(0), digest: z.string() });

export function createBudgetVersions(store: Pick<Store, 'getMeta' | 'putMeta'>): BudgetVersions {
  let last: z.output<typeof stored> | undefined;
  let lastBudgets: ReadonlyMap<string, Budget> | undefined;
  return {
    async of(budgets) {
      if (last !== undefined && lastBudgets === budgets) return last.version;
      last ??= await read();
      const digest = budgets.size === 0 ? '' : digestOf([...budgets.values()]);
      if (last.digest !== digest) {
        const next = { version: last.version + 1, digest };
        await store.putMeta(META, JSON.stringify(next));
        last = next;
      }
      lastBudgets = budgets;
      return last.version;
    },
  };

  async function read(): Promise<z.output<typeof stored>> {
    const text = await store.getMeta(META);
    return text === undefined ? { version: 0, digest: '' } : stored.parse(JSON.parse(text));
  }
}
