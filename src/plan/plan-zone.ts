import type { DomainName } from '../dns/name.ts';
import { canonicalJson } from '../identity/canonical-json.ts';
import { isChallenge } from './challenge.ts';
import type { ChangeGroup } from './record-set.ts';
import { setKey } from './record-set.ts';
import { diffName, diffRemoved, stillNeeded } from './zone-diff.ts';
import { guardRemovals, hold } from './zone-guards.ts';
import { digestOfOwn, readFence, shortHash, takeInventory, type ZoneInventory } from './zone-inventory.ts';
import type { DesiredName, HeldName, ZonePlan, ZonePlanInput } from './zone-plan.ts';

/** What has to be done so that a zone holds what is wanted, and nothing of anybody else changes. Pure. */
export function planZone(input: ZonePlanInput): ZonePlan {
  const zone = takeInventory(input.origin, input.current);
  const held: HeldName[] = [];
  const changed: ChangeGroup[] = [];
  const wanted = byName(input.desired, held);
  const ownedNow = new Set(
    [...zone.markers]
      .filter(([, { markers }]) => markers.some(({ owner }) => owner === input.owner))
      .map(([name]) => name),
  );
  const passingNow = passingNames(input, zone);
  const owned = new Set([...ownedNow].filter((name) => !passingNow.has(name)));
  const unchanged = asItShouldBe(input, zone);
  for (const desired of wanted.values()) {
    if (unchanged.has(desired) && !input.adopted.has(desired.name)) continue;
    const diff = diffName(input, zone, desired);
    if (diff === 'nothing') {
      // With our marker there, it follows from the zone and from what is wanted alone.
      if (ownedNow.has(desired.name)) unchanged.add(desired);
      continue;
    }
    if ('held' in diff) held.push(diff.held);
    else if (isChallenge(desired)) changed.push({ ...diff.group, passing: true });
    else {
      changed.push(diff.group);
      owned.add(desired.name);
    }
  }

  const unwanted = [...removable(input, zone, ownedNow)].filter((name) => !wanted.has(name)).sort();
  const removed = unwanted.filter((name) => !passingNow.has(name));
  const over = input.keepsPassing === true ? [] : unwanted.filter((name) => passingNow.has(name));
  // Nobody says that they are ours but their names: so they go, and count, as names that nothing wants.
  const left = input.deletions === 'allow' ? orphans(zone, new Set([...wanted.keys(), ...unwanted])) : [];
  const going = [...removed, ...left.map(({ name }) => name)].sort();
  const verdict = guardRemovals({
    ...input,
    removed: going,
    owned: new Set([...owned, ...going]).size,
  });
  held.push(...verdict.held);
  const removals: ChangeGroup[] = [];
  if (verdict.allowed) {
    for (const name of removed) {
      const group = diffRemoved(input, zone, name, zone.markers.get(name));
      if (group.changes.length > 0) removals.push(group);
      owned.delete(name);
    }
    removals.push(...left);
  }
  // Challenges end by themselves: no budget counts them, and nobody has to approve.
  if (input.deletions === 'never')
    held.push(...guardRemovals({ ...input, removed: over, owned: over.length }).held);
  else
    for (const name of over) {
      const group = diffRemoved(input, zone, name, zone.markers.get(name));
      if (group.changes.length > 0) removals.push({ ...group, passing: true });
    }

  const groups = [...sorted(changed), ...sorted(removals)];
  const fence = readFence(zone, input.owner);
  return {
    origin: input.origin,
    owner: input.owner,
    fence: input.fence,
    hash: verdict.waits === undefined ? shortHash(canonicalJson(groups)) : verdict.hash,
    groups,
    held: sorted(held),
    waitsForApproval: verdict.waits,
    names: owned.size,
    fenceSet: fence.set,
    foundStamp: fence.stamp,
  };
}

/** Names that our markers say are challenges of certificates. */
function passingNames({ owner }: ZonePlanInput, zone: ZoneInventory): ReadonlySet<DomainName> {
  const names = new Set<DomainName>();
  for (const [name, { markers }] of zone.markers)
    if (markers.some((marker) => marker.owner === owner && isChallenge(marker))) names.add(name);
  return names;
}

/** Names of which nothing has to be changed, as was found before: by zone content and owner. */
const settled = new WeakMap<ZoneInventory, Map<string, WeakSet<DesiredName>>>();

function asItShouldBe({ owner, wholeGroups }: ZonePlanInput, zone: ZoneInventory): WeakSet<DesiredName> {
  const ofZone = settled.get(zone) ?? new Map<string, WeakSet<DesiredName>>();
  settled.set(zone, ofZone);
  const key = `${owner} ${wholeGroups === true}`;
  const found = ofZone.get(key) ?? new WeakSet<DesiredName>();
  ofZone.set(key, found);
  return found;
}

/** Each name once: of two that want it the first one, by its resource, gets it. */
function byName(desired: readonly DesiredName[], held: HeldName[]): ReadonlyMap<DomainName, DesiredName> {
  const names = new Map<DomainName, DesiredName>();
  for (const candidate of [...desired].sort((a, b) => (a.resource < b.resource ? -1 : 1))) {
    const first = names.get(candidate.name);
    if (first === undefined) names.set(candidate.name, candidate);
    else {
      held.push(
        hold(
          candidate.name,
          'DNS_RECORD_CONFLICT',
          `${first.resource} and ${candidate.resource} both want it; ${first.resource} has it`,
          'Remove the hostname from one of them.',
        ),
      );
    }
  }
  return names;
}

/** Names with our marker, and those that stand exactly as we wrote them though the marker is gone. */
function removable(
  input: ZonePlanInput,
  zone: ZoneInventory,
  ownedNow: ReadonlySet<DomainName>,
): ReadonlySet<DomainName> {
  const names = new Set(ownedNow);
  for (const [name, digest] of input.remembered ?? []) {
    const present = zone.byName.get(name);
    if (present === undefined || (zone.markers.get(name)?.markers.length ?? 0) > 0) continue;
    if (digestOfOwn(name, present) === digest) names.add(name);
  }
  return names;
}

/** Pools whose hostname nobody owns and that nothing leads to: left by somebody who removed the marker. */
function orphans(zone: ZoneInventory, handled: ReadonlySet<DomainName>): readonly ChangeGroup[] {
  const groups: ChangeGroup[] = [];
  for (const [name, pools] of zone.pools) {
    if (handled.has(name) || (zone.markers.get(name)?.markers.length ?? 0) > 0) continue;
    const needed = stillNeeded(zone, pools, []);
    const changes = pools.filter((set) => !needed.has(setKey(set))).map((before) => ({ before }));
    if (changes.length > 0) groups.push({ name, changes });
  }
  return groups;
}

function sorted<T extends { readonly name: DomainName }>(items: readonly T[]): readonly T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
