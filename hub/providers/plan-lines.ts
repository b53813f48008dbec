import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import type { ZonePlan } from '../../src/plan/zone-plan.ts';
import type { RecordChangeLine } from '../api/dns-services.ts';

/** The changes of a plan as people read them, in the order in which they are made. */
export function changeLines(plan: Pick<ZonePlan, 'groups'>): readonly RecordChangeLine[] {
  return plan.groups.flatMap((group) => group.changes.map(lineOf));
}

function lineOf(change: SetChange): RecordChangeLine {
  const { before, after } = change;
  const { name, type, setId } = after ?? before;
  return {
    change: before === undefined ? 'create' : after === undefined ? 'delete' : 'update',
    name,
    type,
    setId,
    ...(before === undefined ? {} : { before: textOf(before) }),
    ...(after === undefined ? {} : { after: textOf(after) }),
  };
}

/** `30 192.0.2.1, 192.0.2.2`; with the provider's own routing as JSON behind it. */
export function textOf(set: RecordSet): string {
  const parts = [
    ...(set.ttlSeconds === undefined ? [] : [String(set.ttlSeconds)]),
    ...(set.values.length === 0 ? [] : [set.values.join(', ')]),
    ...(set.native === undefined ? [] : [contentOfNative(set)]),
  ];
  return parts.join(' ');
}

function contentOfNative({ native }: RecordSet): string {
  return native === undefined ? '' : JSON.stringify(native);
}

const NAMED = 3;

/** `2 created, 1 changed: api.example.com., www.example.com.`, for a list of generations. */
export function summaryOf(plan: Pick<ZonePlan, 'groups'>): string {
  const lines = changeLines(plan);
  const count = (change: RecordChangeLine['change']): number =>
    lines.filter((l) => l.change === change).length;
  const parts = [
    [count('create'), 'created'],
    [count('update'), 'changed'],
    [count('delete'), 'deleted'],
  ].flatMap(([n, what]) => (n === 0 ? [] : [`${n} ${what}`]));
  const names = [...new Set(plan.groups.map((group) => group.name))].sort();
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${parts.join(', ')}: ${names.slice(0, NAMED).join(', ')}${more}`;
}
