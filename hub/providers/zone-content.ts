import type { ZoneContent } from '../../providers/contract.ts';
import type { DomainName } from '../../src/dns/name.ts';
import {
  type ChangeGroup,
  type RecordSet,
  type SetChange,
  sameSet,
  setKey,
} from '../../src/plan/record-set.ts';

/** A zone after changes that were applied to it. Tokens of what was written are not known: they are left out. */
export function contentAfter(
  content: ZoneContent | undefined,
  groups: readonly ChangeGroup[],
  fence: RecordSet,
): ZoneContent | undefined {
  if (content === undefined) return undefined;
  const changes: readonly SetChange[] = [...groups.flatMap((group) => group.changes), { after: fence }];
  const sets = new Map(content.sets.map((set) => [setKey(set), set]));
  const tokens = new Map(content.tokens);
  for (const { before, after } of changes) {
    if (before !== undefined) {
      sets.delete(setKey(before));
      tokens.delete(setKey(before));
    }
    if (after !== undefined) {
      sets.set(setKey(after), after);
      tokens.delete(setKey(after));
    }
  }
  return { sets: [...sets.values()], tokens };
}

/**
 * What of the groups is still to be done in a zone where some of it may have happened; names that need nothing more are left out. `conflict` when a set is neither
 * as it was nor as it should be.
 */
export function leftOf(
  groups: readonly ChangeGroup[],
  content: ZoneContent | undefined,
): readonly ChangeGroup[] | 'conflict' {
  if (content === undefined) return 'conflict';
  const sets = new Map(content.sets.map((set) => [setKey(set), set]));
  const left: ChangeGroup[] = [];
  for (const group of groups) {
    const changes: SetChange[] = [];
    for (const change of group.changes) {
      if (isDone(change, sets)) continue;
      if (!isAsBefore(change, sets)) return 'conflict';
      changes.push(change);
    }
    if (changes.length > 0) left.push({ name: group.name, changes });
  }
  return left;
}

/**
 * What takes back the beginning of names that somebody else took meanwhile: our marker and pools are there already, but another record stands where ours was to be
 * created. Left like this, the marker would call that record ours.
 */
export function withdrawal(
  groups: readonly ChangeGroup[],
  content: ZoneContent | undefined,
): readonly ChangeGroup[] {
  const sets = new Map((content?.sets ?? []).map((set) => [setKey(set), set]));
  return groups.flatMap(({ name, changes }) => {
    const taken = changes.some(
      ({ before, after }) =>
        before === undefined && after?.name === name && !sameOrAbsent(sets.get(setKey(after)), after),
    );
    const begun = changes.flatMap((change) =>
      change.before === undefined && change.after !== undefined && isDone(change, sets) ? [change.after] : [],
    );
    if (!taken || begun.length === 0) return [];
    return [{ name, changes: begun.reverse().map((before) => ({ before })) }];
  });
}

function sameOrAbsent(there: RecordSet | undefined, wanted: RecordSet): boolean {
  return there === undefined || sameSet(there, wanted);
}

/** Names of groups that are not in the zone as they were written. */
export function misses(
  groups: readonly ChangeGroup[],
  content: ZoneContent | undefined,
): readonly DomainName[] {
  const sets = new Map((content?.sets ?? []).map((set) => [setKey(set), set]));
  return groups
    .filter((group) => !group.changes.every((change) => isDone(change, sets)))
    .map((group) => group.name);
}

function isDone({ before, after }: SetChange, sets: ReadonlyMap<string, RecordSet>): boolean {
  if (after === undefined) return before === undefined || !sets.has(setKey(before));
  const there = sets.get(setKey(after));
  return there !== undefined && sameSet(there, after);
}

function isAsBefore({ before, after }: SetChange, sets: ReadonlyMap<string, RecordSet>): boolean {
  if (before === undefined) return after !== undefined && !sets.has(setKey(after));
  const there = sets.get(setKey(before));
  return there !== undefined && sameSet(there, before);
}
