import type { ProviderKind } from '../../providers/contract.ts';
import type { AidSpec } from '../../src/plan/aid.ts';
import { type Json, type RecordSet, type SetChange, setKey } from '../../src/plan/record-set.ts';
import type { ZonePlan } from '../../src/plan/zone-plan.ts';
import type { RecordChangeLine } from '../api/dns-services.ts';
import { changeLines } from './plan-lines.ts';
import type { WantedName } from './zone-worker.ts';

/**
 * `changeLines`, where what the sets lean on is said in words: a health check in place of the reference to it, a tree of profiles as lines below.
 * @param names what is wanted, as it was compiled: with references and without ids
 */
export function describedLines(
  plan: Pick<ZonePlan, 'groups'>,
  names: readonly WantedName[],
  kind: Pick<ProviderKind, 'describeAid'>,
): readonly RecordChangeLine[] {
  const { describeAid } = kind;
  const aids = new Map(names.flatMap((name) => name.aids.map((aid) => [aid.key, aid] as const)));
  if (describeAid === undefined || aids.size === 0) return changeLines(plan);
  const compiled = new Map(
    names.flatMap(({ desired }) => (desired.sets ?? []).map((set) => [setKey(set), set.native] as const)),
  );
  return plan.groups.flatMap(({ name, changes }) =>
    changes.flatMap((change) => {
      const { before, after } = change;
      if (after?.native === undefined) return changeLines({ groups: [{ name, changes: [change] }] });
      const told = describe(compiled.get(setKey(after)) ?? after.native, aids, describeAid);
      const shown: RecordSet = { ...after, native: told.native };
      const inWords: SetChange = before === undefined ? { after: shown } : { before, after: shown };
      const lines = changeLines({ groups: [{ name, changes: [inWords] }] });
      return told.details.length === 0 ? lines : lines.map((line) => ({ ...line, details: told.details }));
    }),
  );
}

type Native = NonNullable<RecordSet['native']>;

function describe(
  native: Native,
  aids: ReadonlyMap<string, AidSpec>,
  describeAid: NonNullable<ProviderKind['describeAid']>,
): { readonly native: Native; readonly details: readonly string[] } {
  const details: string[] = [];
  const inWords = (value: Json): Json => {
    if (typeof value !== 'object' || value === null) return value;
    if (isList(value)) return value.map(inWords);
    const aid = typeof value.$aid === 'string' ? aids.get(value.$aid) : undefined;
    if (aid === undefined) return mapped(value);
    const [headline = aid.kind, ...below] = describeAid(aid);
    details.push(...below);
    return headline;
  };
  const mapped = (object: { readonly [key: string]: Json }) =>
    Object.fromEntries(Object.entries(object).map(([key, value]) => [key, inWords(value)]));
  return { native: mapped(native), details };
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
