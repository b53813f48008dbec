import { type DomainName, isAtOrBelow } from '../dns/name.ts';
import { PortolanError } from '../errors/error.ts';
import { isChallenge } from './challenge.ts';
import { entitled } from './decided-types.ts';
import { withoutValues } from './external-dns.ts';
import type { Marker, MarkerSet } from './marker.ts';
import { markerSet } from './marker.ts';
import { belongsTo, GLUE_TYPES, markerName, type OwnedScope, pooledName } from './ownership.ts';
import { type ChangeGroup, type RecordSet, type SetChange, sameSet, setKey } from './record-set.ts';
import { claimOf } from './zone-claim.ts';
import { foreignConflict } from './zone-conflicts.ts';
import { guardNeverEmpty, guardProtected, hold, isProtected } from './zone-guards.ts';
import type { ZoneInventory } from './zone-inventory.ts';
import type { DesiredName, HeldName, ZonePlanInput } from './zone-plan.ts';
import { recordedValues, sharedSets, withoutShare } from './zone-sharing.ts';

export type NameDiff = { readonly group: ChangeGroup } | { readonly held: HeldName } | 'nothing';

/**
 * What has to change for one wanted name.
 *
 * | at the name now                          | then                                                      |
 * |------------------------------------------|-----------------------------------------------------------|
 * | nothing                                  | created, with the marker                                  |
 * | ours, by our marker                      | changed to what is wanted                                 |
 * | as we wrote it last, the marker gone     | as ours: the marker comes back                            |
 * | somebody's, and given to us as it stands | taken over: other markers go, ours comes                  |
 * | of other hubs, all sharing, and so do we | our values join theirs                                    |
 * | anything else                            | RECORDS_FOREIGN; not one byte changes                     |
 */
export function diffName(input: ZonePlanInput, zone: ZoneInventory, desired: DesiredName): NameDiff {
  const { name, sets: wanted } = desired;
  if (wanted === undefined) return 'nothing';
  const asked = wanted.filter((set) => set.name === name).map((set) => set.type);
  const types = [...new Set([...desired.types, ...asked])];
  try {
    return diffWanted(input, zone, { ...desired, types }, wanted);
  } catch (error) {
    // A name that cannot be published (too long) keeps no other one waiting.
    const { code, message, fix } = PortolanError.from(error);
    return { held: hold(desired.name, code, message, fix) };
  }
}

function diffWanted(
  input: ZonePlanInput,
  zone: ZoneInventory,
  desired: DesiredName,
  wanted: readonly RecordSet[],
): NameDiff {
  const { origin, owner } = input;
  const { name } = desired;
  const at = markerName(origin, name);
  const protectedOnes = guardProtected(origin, desired);
  if (protectedOnes !== undefined) return { held: protectedOnes };
  const claim = claimOf(input, zone, desired);
  if ('held' in claim) return claim;
  const below = glueOf(origin, name, wanted);
  const conflict = foreignConflict(owner, zone, desired, wanted, claim);
  if (conflict !== undefined) return { held: conflict };

  const scope: OwnedScope = {
    name,
    types: [...new Set([...desired.types, ...claim.types])].filter(
      (type) => !isProtected(origin, name, type),
    ),
    below: [...new Set([...below, ...(claim.own?.below ?? [])])],
  };
  const present = setsOf(zone, scope);
  const target = desired.shared ? sharedSets(wanted, present, claim) : wanted;
  const isPassing = claim.own !== undefined && isChallenge(claim.own) && !isChallenge(desired);
  const empty = guardNeverEmpty(
    desired,
    target,
    // A challenge that stood here is over: nobody publishes it.
    present.filter((set) => set.name === name && !(set.type === 'TXT' && isPassing)),
  );
  if (empty !== undefined) return { held: empty };

  const { writes, deletions } = diffSets(zone, target, present);
  const gone = deletions.map((change) => change.before);
  const keep = stillNeeded(zone, gone, writes);
  const dropped = deletions.filter((change) => !keep.has(setKey(change.before)));
  if (claim.own === undefined && target.length === 0 && dropped.length === 0) return 'nothing';

  // While sets of a type that is not wanted any more go, the marker still lists it: a writer that stops midway leaves nothing that looks foreign.
  const leaving = input.wholeGroups === true ? [] : dropped.map((change) => change.before);
  const marker: Marker = {
    owner,
    resource: desired.resource,
    types: [
      ...new Set([...desired.types, ...leaving.filter((set) => set.name === name).map((set) => set.type)]),
    ].sort(),
    below: [
      ...new Set([...below, ...leaving.map((set) => set.name).filter((glue) => scope.below.includes(glue))]),
    ].sort(),
    values: desired.shared
      ? recordedValues(wanted, input.wholeGroups === true ? [] : present, claim)
      : undefined,
  };
  const changes = [
    ...markerChange(zone, at, claim.markers, claim.others, marker),
    ...(claim.dropsHeritage ? heritageChanges(zone, name) : []),
    ...inOrder(name, origin, writes, dropped),
  ];
  return changes.length === 0 ? 'nothing' : { group: { name, changes } };
}

/** Names below the hostname that its sets stand at. @throws PortolanError INTERNAL for a set that is neither there, nor at the name, nor in its pools */
function glueOf(origin: DomainName, name: DomainName, wanted: readonly RecordSet[]): readonly DomainName[] {
  const below = new Set<DomainName>();
  for (const set of wanted) {
    if (set.name === name || pooledName(origin, set.name) === name) continue;
    if (!isAtOrBelow(set.name, name) || !GLUE_TYPES.includes(set.type)) {
      throw new PortolanError(
        'INTERNAL',
        `a ${set.type} set at ${set.name} has no place in what belongs to ${name}`,
      );
    }
    below.add(set.name);
  }
  return [...below];
}

/** Every set in the zone that belongs to an owned name. */
export function setsOf(zone: ZoneInventory, scope: OwnedScope): readonly RecordSet[] {
  const candidates = [
    ...(zone.byName.get(scope.name) ?? []),
    ...scope.below.flatMap((name) => zone.byName.get(name) ?? []),
    ...(zone.pools.get(scope.name) ?? []),
  ];
  // A damaged marker may name a set twice.
  return [...new Set(candidates)].filter((set) => belongsTo(zone.origin, set, scope));
}

type Deletion = SetChange & { readonly before: RecordSet; readonly after?: undefined };

function diffSets(
  zone: ZoneInventory,
  target: readonly RecordSet[],
  present: readonly RecordSet[],
): { readonly writes: readonly SetChange[]; readonly deletions: readonly Deletion[] } {
  const wantedKeys = new Set(target.map(setKey));
  const writes: SetChange[] = [];
  for (const after of target) {
    const before = zone.byKey.get(setKey(after));
    if (before === undefined) writes.push({ after });
    else if (!sameSet(before, after)) writes.push({ before, after });
  }
  const deletions = present.filter((set) => !wantedKeys.has(setKey(set))).map((before) => ({ before }));
  return { writes, deletions };
}

/** Of the sets to go, those that something else in the zone still leads to. */
export function stillNeeded(
  zone: ZoneInventory,
  gone: readonly RecordSet[],
  writes: readonly SetChange[],
): ReadonlySet<string> {
  const needed = new Set<string>();
  const replaced = new Set([
    ...gone.map(setKey),
    ...writes.flatMap((change) => (change.before === undefined ? [] : [setKey(change.before)])),
  ]);
  for (const set of gone) {
    if (pooledName(zone.origin, set.name) === undefined) continue;
    const referrers = zone.references.get(set.name) ?? [];
    if (referrers.some((referrer) => !replaced.has(setKey(referrer)))) needed.add(setKey(set));
  }
  return needed;
}

/** What changes at the marker's name: nothing, if it says what it has to. */
export function markerChange(
  zone: ZoneInventory,
  at: DomainName,
  kept: readonly Marker[],
  others: readonly string[],
  own: Marker | undefined,
): readonly SetChange[] {
  const before = zone.byKey.get(`${at} TXT `);
  const after = markerSet(at, own === undefined ? kept : [...kept, own], others);
  if (after === undefined) return before === undefined ? [] : [{ before }];
  if (before === undefined) return [{ after }];
  return sameSet(before, after) ? [] : [{ before, after }];
}

/** external-dns lets go of a name that was given to us: its markers go, whatever else stands in those TXT sets stays. */
function heritageChanges(zone: ZoneInventory, name: DomainName): readonly SetChange[] {
  const bySet = new Map<RecordSet, Set<string>>();
  for (const { set, value } of zone.heritage.get(name) ?? []) {
    const values = bySet.get(set);
    if (values === undefined) bySet.set(set, new Set([value]));
    else values.add(value);
  }
  return [...bySet].map(([before, values]) => {
    const after = withoutValues(before, values);
    return after === undefined ? { before } : { before, after };
  });
}

/**
 * The order for a provider that does one after the other: what would be in the way goes first, then targets before the aliases that name them (`writes` are in
 * that order), then what is left over, the hostname before its pools.
 */
function inOrder(
  name: DomainName,
  origin: DomainName,
  writes: readonly SetChange[],
  deletions: readonly Deletion[],
): readonly SetChange[] {
  const isInTheWay = ({ before }: Deletion): boolean =>
    writes.some(
      ({ after }) =>
        after?.name === before.name &&
        (after.type === 'CNAME' ||
          before.type === 'CNAME' ||
          (after.type === before.type && (after.setId === '') !== (before.setId === ''))),
    );
  const rank = ({ before }: Deletion): number =>
    before.name === name ? 0 : pooledName(origin, before.name) === undefined ? 1 : 2;
  const rest = deletions.filter((change) => !isInTheWay(change));
  return [
    ...deletions.filter(isInTheWay),
    ...writes,
    ...rest.sort((a, b) => rank(a) - rank(b) || (setKey(a.before) < setKey(b.before) ? 1 : -1)),
  ];
}

/** Takes a name away that nothing wants: its sets, its pools, our marker last. What other owners claim stays. */
export function diffRemoved(
  input: ZonePlanInput,
  zone: ZoneInventory,
  name: DomainName,
  found: MarkerSet | undefined,
): ChangeGroup {
  const { origin, owner } = input;
  const ours = found?.markers.find((marker) => marker.owner === owner);
  const own = ours === undefined ? undefined : entitled(input, ours);
  const kept = found?.markers.filter((marker) => marker.owner !== owner) ?? [];
  const types = own?.types ?? (zone.byName.get(name) ?? []).map((set) => set.type);
  const scope: OwnedScope = {
    name,
    types: types.filter((type) => !isProtected(origin, name, type)),
    below: own?.below ?? [],
  };
  const present = setsOf(zone, scope);
  const { writes, deletions } =
    own?.values !== undefined
      ? diffSets(zone, withoutShare(present, own, kept), present)
      : // The last reference takes the records with it; while another owner claims them they stay.
        { writes: [], deletions: kept.length > 0 ? [] : present.map((before) => ({ before })) };
  const needed = stillNeeded(
    zone,
    deletions.map((change) => change.before),
    writes,
  );
  const changes = [
    ...inOrder(
      name,
      origin,
      writes,
      deletions.filter((change) => !needed.has(setKey(change.before))),
    ),
    ...markerChange(zone, markerName(origin, name), kept, found?.others ?? [], undefined),
  ];
  return { name, changes };
}
