import type { Change } from '@aws-sdk/client-route-53';
import { type RecordSet, setKey } from '../../src/plan/record-set.ts';
import type { Batch } from '../contract.ts';
import { aliasTargetOf, setToApi } from './records.ts';

/**
 * The changes of a batch as one request has them. Route 53 looks at them one after the other: what goes is deleted first, aliases before what
 * they lead to (a CNAME may then stand where an A was), and what comes is created after, targets before aliases that name them.
 *
 * Never UPSERT: it would overwrite whatever is there. A DELETE must match exactly what is there, so it is the compare of a compare-and-swap; CREATE
 * refuses what exists. https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
 */
export function changesOf(batch: Batch): Change[] {
  const all = [
    ...batch.groups.flatMap((group) => group.changes),
    ...(batch.fence === undefined ? [] : [batch.fence]),
  ];
  const gone = all.flatMap(({ before }) => (before === undefined ? [] : [before]));
  const made = all.flatMap(({ after }) => (after === undefined ? [] : [after]));
  return [
    ...targetsFirst(gone)
      .reverse()
      .map(
        (set): Change => ({
          Action: 'DELETE',
          ResourceRecordSet: setToApi(set, batch.tokens.get(setKey(set))),
        }),
      ),
    ...targetsFirst(made).map((set): Change => ({ Action: 'CREATE', ResourceRecordSet: setToApi(set) })),
  ];
}

/** Sets in an order in which every alias comes after the sets it leads to, as far as those are among them; else as they were. */
function targetsFirst(sets: readonly RecordSet[]): RecordSet[] {
  const depths = new Map<string, number>();
  const byName = new Map<string, RecordSet[]>();
  for (const set of sets) {
    const key = `${set.name} ${set.type}`;
    byName.set(key, [...(byName.get(key) ?? []), set]);
  }
  const depthOf = (set: RecordSet, above: number): number => {
    const key = setKey(set);
    const known = depths.get(key);
    if (known !== undefined) return known;
    const target = aliasTargetOf(set);
    // A chain longer than all sets is a circle, which Route 53 refuses itself.
    const below =
      target === undefined || above > sets.length ? [] : (byName.get(`${target} ${set.type}`) ?? []);
    const depth = below.reduce((deepest, next) => Math.max(deepest, 1 + depthOf(next, above + 1)), 0);
    depths.set(key, depth);
    return depth;
  };
  return [...sets].sort((a, b) => depthOf(a, 0) - depthOf(b, 0));
}
