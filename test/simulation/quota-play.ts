import type { Mutant } from './quota-mutants.ts';
import { type Happened, QuotaWorld } from './quota-world.ts';

/** One seed, from its beginning to the first harm or to its end. The same seed plays the same each time. */
export function playQuota(
  seed: number,
  options: { readonly mutant?: Mutant; readonly trace?: (line: string) => void } = {},
): { readonly harm: string | undefined; readonly happened: Happened } {
  const world = new QuotaWorld(seed, options.mutant);
  world.trace = options.trace;
  try {
    return { harm: world.run(), happened: world.happened };
  } catch (thrown) {
    // A ledger that finds its own books wrong says so, too.
    return {
      harm: `I20 ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      happened: world.happened,
    };
  }
}
