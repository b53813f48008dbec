import type { DomainName } from '../dns/name.ts';
import type { FenceStamp } from './fence.ts';
import { formatStamp } from './fence.ts';
import { fenceName, OWN_TTL_SECONDS } from './ownership.ts';
import type { ChangeGroup, RecordSet, SetChange } from './record-set.ts';
import { txtValue } from './txt-value.ts';
import { hold } from './zone-guards.ts';
import type { HeldName, PackedBatch, ZonePlan } from './zone-plan.ts';

/** What one request may hold; `Capabilities.batch` of a provider. */
export interface BatchLimits {
  readonly maxChanges: number;
  readonly cost: (change: SetChange) => { readonly changes: number; readonly octets: number };
  readonly maxOctets: number;
}

/** The fence's change for a batch: as it was read, to the batch's stamp. */
export function fenceChange(
  plan: Pick<ZonePlan, 'origin' | 'owner'>,
  before: RecordSet | undefined,
  stamp: FenceStamp,
): { readonly before?: RecordSet; readonly after: RecordSet } {
  const after: RecordSet = {
    name: fenceName(plan.origin, plan.owner),
    type: 'TXT',
    setId: '',
    ttlSeconds: OWN_TTL_SECONDS,
    values: [txtValue(formatStamp(stamp))],
  };
  return before === undefined ? { after } : { before, after };
}

/** Which step the next batch of a plan has: one after what the fence shows, when that is of the same generation. */
export function firstStep(plan: Pick<ZonePlan, 'fence' | 'foundStamp'>): number {
  const { foundStamp: found, fence } = plan;
  const same = found?.epoch === fence.epoch && found.generation === fence.generation;
  return same ? found.step + 1 : 0;
}

/**
 * Packs groups into as few requests as they fit in. A group is never split: its marker and its records stand in one request (I18). What does not fit into one
 * is held.
 */
export function packGroups(
  plan: Pick<ZonePlan, 'origin' | 'owner' | 'fence'>,
  groups: readonly ChangeGroup[],
  limits: BatchLimits,
): { readonly packs: readonly (readonly ChangeGroup[])[]; readonly held: readonly HeldName[] } {
  // Every request carries the fence; the longest stamp that a fence can hold is counted.
  const longest: FenceStamp = { ...plan.fence, step: 999_999, plan: 'f'.repeat(16) };
  const stamped = fenceChange(plan, undefined, longest).after;
  const fence = limits.cost({ before: stamped, after: stamped });
  const room = { changes: limits.maxChanges - fence.changes, octets: limits.maxOctets - fence.octets };
  const held: HeldName[] = [];
  const items: Item[] = [];
  groups.forEach((group, index) => {
    const cost = costOf(group.changes, limits);
    if (cost.changes <= room.changes && cost.octets <= room.octets) items.push({ group, index, cost });
    else held.push(tooBig(group.name, cost, room));
  });
  const inOrder = firstFit(items, room);
  const total = costSum(items.map((item) => item.cost));
  const fewest = Math.max(Math.ceil(total.changes / room.changes), Math.ceil(total.octets / room.octets));
  if (inOrder.length <= fewest) return { packs: inOrder, held };
  // Largest first leaves smaller gaps; it is worth the odd order only when it saves a request.
  const share = ({ cost }: Item): number => Math.max(cost.changes / room.changes, cost.octets / room.octets);
  const bySize = firstFit(
    [...items].sort((a, b) => share(b) - share(a) || a.index - b.index),
    room,
  );
  return { packs: bySize.length < inOrder.length ? bySize : inOrder, held };
}

/** The batches of a plan as they are sent when nothing goes wrong: each replaces the fence that the one before it wrote. */
export function packPlan(
  plan: ZonePlan,
  limits: BatchLimits,
): { readonly batches: readonly PackedBatch[]; readonly held: readonly HeldName[] } {
  const { packs, held } = packGroups(plan, plan.groups, limits);
  const first = firstStep(plan);
  let before = plan.fenceSet;
  const batches = packs.map((groups, index): PackedBatch => {
    const stamp = { ...plan.fence, step: first + index, plan: plan.hash };
    const fence = fenceChange(plan, before, stamp);
    before = fence.after;
    return { groups, fence, stamp };
  });
  return { batches, held };
}

interface Cost {
  readonly changes: number;
  readonly octets: number;
}

interface Item {
  readonly group: ChangeGroup;
  readonly index: number;
  readonly cost: Cost;
}

function costSum(costs: readonly Cost[]): Cost {
  return costs.reduce(
    (sum, cost) => ({ changes: sum.changes + cost.changes, octets: sum.octets + cost.octets }),
    { changes: 0, octets: 0 },
  );
}

function costOf(changes: readonly SetChange[], limits: BatchLimits): Cost {
  return costSum(changes.map((change) => limits.cost(change)));
}

/** Each item into the first request that has room; requests, and groups within one, in their first order. */
function firstFit(items: readonly Item[], room: Cost): readonly (readonly ChangeGroup[])[] {
  const bins: { items: Item[]; changes: number; octets: number }[] = [];
  // Full requests are not looked at again: 10,000 groups stay cheap.
  let open = 0;
  for (const item of items) {
    let bin = bins
      .slice(open)
      .find(
        ({ changes, octets }) =>
          changes + item.cost.changes <= room.changes && octets + item.cost.octets <= room.octets,
      );
    if (bin === undefined) {
      bin = { items: [], changes: 0, octets: 0 };
      bins.push(bin);
    }
    bin.items.push(item);
    bin.changes += item.cost.changes;
    bin.octets += item.cost.octets;
    while (open < bins.length && (bins[open]?.changes ?? 0) >= room.changes) open += 1;
  }
  return bins
    .map((bin) => bin.items.sort((a, b) => a.index - b.index))
    .sort((a, b) => (a[0]?.index ?? 0) - (b[0]?.index ?? 0))
    .map((bin) => bin.map(({ group }) => group));
}

function tooBig(name: DomainName, cost: Cost, room: Cost): HeldName {
  const [what, needs, has] =
    cost.changes > room.changes
      ? ['changes', cost.changes, room.changes]
      : ['octets', cost.octets, room.octets];
  return hold(
    name,
    'PROVIDER_UNSUPPORTED',
    `it needs ${needs} ${what} at once, and a request to this provider has room for ${has}`,
    'Publish it with fewer rules or endpoints, set `spec.dns.form: computed` in its policy, or delegate the name to the embedded name servers.',
  );
}
