import { type DomainName, parseName } from '../../dns/name.ts';
import type { RecordSet } from '../record-set.ts';
import { txtValue } from '../txt-value.ts';
import type { DesiredName, ZonePlan, ZonePlanInput } from '../zone-plan.ts';

export const ORIGIN = parseName('example.com.');
export const OWNER = 'hub-1';

/** A plain set; the name without a dot at the end is relative to `example.com.`, empty for the apex. */
export function set(label: string, type: string, ...values: readonly string[]): RecordSet {
  return { name: at(label), type, setId: '', ttlSeconds: 60, values: [...values].sort() };
}

export function at(label: string): DomainName {
  return label.endsWith('.') ? parseName(label) : parseName(label === '' ? ORIGIN : `${label}.${ORIGIN}`);
}

export function txt(label: string, text: string): RecordSet {
  return { ...set(label, 'TXT', txtValue(text)), ttlSeconds: 300 };
}

/** What every zone has. */
export const APEX: readonly RecordSet[] = [
  set('', 'SOA', 'ns1.example.com. root.example.com. 1 7200 900 1209600 300'),
  set('', 'NS', 'ns1.example.com.'),
];

export function wanted(
  label: string,
  sets: readonly RecordSet[] | undefined,
  more: Partial<DesiredName> = {},
): DesiredName {
  return {
    name: at(label),
    resource: 'trafficpolicy/shop/web',
    sets,
    types: ['A', 'AAAA', 'CNAME'],
    shared: false,
    ...more,
  };
}

export function input(
  current: readonly RecordSet[],
  desired: readonly DesiredName[],
  more: Partial<ZonePlanInput> = {},
): ZonePlanInput {
  return {
    origin: ORIGIN,
    owner: OWNER,
    fence: { epoch: 3, generation: 7 },
    current,
    desired,
    adopted: new Map(),
    deletions: 'allow',
    maxRemovedPercent: 30,
    approved: new Set(),
    ...more,
  };
}

/** The zone after the plan was carried out. */
export function carriedOut(
  current: readonly RecordSet[],
  plan: Pick<ZonePlan, 'groups'>,
): readonly RecordSet[] {
  const key = (of: RecordSet): string => `${of.name} ${of.type} ${of.setId}`;
  const sets = new Map(current.map((one) => [key(one), one]));
  for (const { before, after } of plan.groups.flatMap((group) => group.changes)) {
    if (before !== undefined) sets.delete(key(before));
    if (after !== undefined) sets.set(key(after), after);
  }
  return [...sets.values()];
}

/** `+ www.example.com. A`, in the plan's order. */
export function lines(plan: Pick<ZonePlan, 'groups'>): readonly string[] {
  return plan.groups
    .flatMap((group) => group.changes)
    .map(({ before, after }) => {
      const one = after ?? before;
      return `${before === undefined ? '+' : after === undefined ? '-' : '~'} ${one.name} ${one.type}${one.setId === '' ? '' : ` ${one.setId}`}`;
    });
}
