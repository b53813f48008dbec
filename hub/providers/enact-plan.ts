import { ProviderError, type ZoneContent } from '../../providers/contract.ts';
import { packPlan } from '../../src/plan/batches.ts';
import { type RecordSet, setKey } from '../../src/plan/record-set.ts';
import type { Enacted, EnactJob } from './zone-worker.ts';

export async function enactPlan(job: EnactJob): Promise<Enacted> {
  const { plan, provider, kind, zone } = job;
  const { batches, held } = packPlan(plan, kind.capabilities.batch);
  const sets = new Map<string, RecordSet>(job.content.sets.map((set) => [setKey(set), set]));
  for (const batch of batches) {
    if (!job.mayGoOn()) return { content: contentOf(sets), refused: held, complete: false };
    try {
      await provider.apply(
        zone,
        { groups: batch.groups, fence: batch.fence, tokens: job.content.tokens },
        job.signal,
      );
    } catch (failure) {
      const isKnown = failure instanceof ProviderError && failure.failure !== 'ambiguous';
      return { content: isKnown ? contentOf(sets) : undefined, refused: held, complete: false, failure };
    }
    for (const change of [...batch.groups.flatMap((group) => group.changes), batch.fence]) {
      if (change.before !== undefined) sets.delete(setKey(change.before));
      if (change.after !== undefined) sets.set(setKey(change.after), change.after);
    }
  }
  return { content: contentOf(sets), refused: held, complete: true };
}

function contentOf(sets: ReadonlyMap<string, RecordSet>): ZoneContent {
  return { sets: [...sets.values()], tokens: new Map() };
}
