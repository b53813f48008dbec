import type { DomainName } from '../../src/dns/name.ts';
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

/**
 * The plan with fixes that can be typed as they stand: `src/plan` knows no names of providers.
 * @param key of the zone: `namespace/provider/origin…`
 */
export function namingProvider(plan: ZonePlan, key: string): ZonePlan {
  const told = <T extends { readonly fix: string }>(held: T): T => ({
    ...held,
    fix: fixFor(held.fix, key, plan.origin),
  });
  const { waitsForApproval } = plan;
  return {
    ...plan,
    held: plan.held.map(told),
    waitsForApproval: waitsForApproval === undefined ? undefined : told(waitsForApproval),
  };
}

/**
 * A fix of the table with the provider as `namespace/name`, which commands about providers take as well as the name alone.
 * @param key of the zone
 */
export function fixFor(fix: string, key: string, origin: DomainName): string {
  const [namespace = '', name = ''] = key.split('/');
  return fix.replaceAll('<name>', `${namespace}/${name}`).replaceAll('<origin>', origin.slice(0, -1));
}

/** What goes once the removals that wait are approved; markers of the names included. */
export function removalLines(
  plan: Pick<ZonePlan, 'waitsForApproval'>,
  approved: Pick<ZonePlan, 'groups'>,
): readonly RecordChangeLine[] {
  const names = new Set(plan.waitsForApproval?.names);
  return changeLines({ groups: approved.groups.filter(({ name }) => names.has(name)) });
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
