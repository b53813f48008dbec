import type { DomainName } from '../dns/name.ts';
import { entitled } from './decided-types.ts';
import type { Marker } from './marker.ts';
import type { RecordSet } from './record-set.ts';
import { hold, spoken } from './zone-guards.ts';
import { digestOfName, digestOfOwn, type ZoneInventory } from './zone-inventory.ts';
import type { DesiredName, HeldName, ZonePlanInput } from './zone-plan.ts';

/** By what right we write at a name. */
export interface Claim {
  /** Our marker as it stands. */
  readonly own: Marker | undefined;
  /** Markers of other owners that stay. */
  readonly markers: readonly Marker[];
  /** Values at the marker's name that are no markers; they stay. */
  readonly others: readonly string[];
  /** Types at the name that are ours now. */
  readonly types: readonly string[];
  /** All values at the name are ours to replace, whoever put them there. */
  readonly takesOver: boolean;
  readonly dropsHeritage: boolean;
}

/** Whether the name is ours, or may become ours. */
export function claimOf(
  input: ZonePlanInput,
  zone: ZoneInventory,
  desired: DesiredName,
): Claim | { readonly held: HeldName } {
  const { name, types } = desired;
  const found = zone.markers.get(name);
  const ours = found?.markers.find((marker) => marker.owner === input.owner);
  const own = ours === undefined ? undefined : entitled(input, ours, types);
  const strangers = found?.markers.filter((marker) => marker.owner !== input.owner) ?? [];
  const others = found?.others ?? [];
  const digest = input.adopted.get(name);
  const adopted = digest !== undefined && digest === digestOfName(zone, zone.origin, name);
  if (adopted) {
    return {
      own,
      markers: [],
      others,
      types: [...types, ...(own?.types ?? [])],
      takesOver: true,
      dropsHeritage: true,
    };
  }
  // A take-over that was interrupted is finished: the content is not as it was seen any more, but our marker is there.
  const dropsHeritage = digest !== undefined && own !== undefined;
  if (strangers.length > 0) {
    const sharing = desired.shared && strangers.every((marker) => marker.values !== undefined);
    if (!sharing) return { held: heldByOwners(name, strangers, desired.shared) };
    const ownTypes = own?.types ?? strangers.flatMap((marker) => marker.types);
    const unclaimed = foreignSets(zone, desired, [...ownTypes, ...strangers.flatMap((m) => m.types)]);
    if (unclaimed.length > 0) return { held: heldByRecords(zone, name, unclaimed) };
    return { own, markers: strangers, others, types: own?.types ?? [], takesOver: false, dropsHeritage };
  }
  if (own === undefined && isRemembered(input, zone, desired)) {
    return { own, markers: [], others, types: [...types], takesOver: true, dropsHeritage };
  }
  const foreign = [
    ...foreignSets(zone, desired, own?.types ?? []),
    ...(desired.shared ? [] : unclaimedSets(zone, desired.name, own)),
  ];
  if (foreign.length > 0) return { held: heldByRecords(zone, name, foreign) };
  return {
    own,
    markers: [],
    others,
    types: own?.types ?? [],
    takesOver: own !== undefined && own.values === undefined,
    dropsHeritage,
  };
}

/** Sets at the name that we would decide but that are not ours. */
function foreignSets(
  zone: ZoneInventory,
  desired: DesiredName,
  ours: readonly string[],
): readonly RecordSet[] {
  const wanted = new Set([...desired.types, ...(desired.sets ?? []).map((set) => set.type)]);
  return (zone.byName.get(desired.name) ?? []).filter(
    (set) => wanted.has(set.type) && !ours.includes(set.type),
  );
}

/** Sets of a name that was shared, with values that we did not put there: they would go with the sharing. */
function unclaimedSets(zone: ZoneInventory, name: DomainName, own: Marker | undefined): readonly RecordSet[] {
  const values = own?.values;
  if (values === undefined) return [];
  const ours = new Set(values.map(({ type, value }) => `${type} ${value}`));
  return (zone.byName.get(name) ?? []).filter(
    (set) =>
      own?.types.includes(set.type) === true && set.values.some((value) => !ours.has(`${set.type} ${value}`)),
  );
}

/** Exactly what we wrote last stands there, only our marker is gone. */
function isRemembered(input: ZonePlanInput, zone: ZoneInventory, desired: DesiredName): boolean {
  const digest = input.remembered?.get(desired.name);
  if (digest === undefined) return false;
  const present = (zone.byName.get(desired.name) ?? []).filter((set) => desired.types.includes(set.type));
  return present.length > 0 && digest === digestOfOwn(desired.name, present);
}

function heldByOwners(name: DomainName, strangers: readonly Marker[], shared: boolean): HeldName {
  const list = strangers.map((marker) => `${marker.owner} (${marker.resource})`).join(', ');
  const alone = strangers.filter((marker) => marker.values === undefined).length;
  const why = shared
    ? `and ${alone} of ${strangers.length} of them ${alone === 1 ? 'does' : 'do'} not share it`
    : 'and this policy does not share it';
  return hold(
    name,
    'RECORDS_FOREIGN',
    `${spoken(name)} is owned by ${list}, ${why}`,
    `Set \`spec.dns.shared: true\` in the policies of all of them, remove the hostname from one, or take it over with \`portolan adopt ${spoken(name)}\`.`,
  );
}

function heldByRecords(zone: ZoneInventory, name: DomainName, foreign: readonly RecordSet[]): HeldName {
  const types = [...new Set(foreign.map((set) => set.type))].join(' and ');
  const externalDns = [...new Set((zone.heritage.get(name) ?? []).map((marker) => marker.owner))];
  const whose =
    externalDns.length === 0 ? 'not made by this hub' : `made by external-dns (${externalDns.join(', ')})`;
  return hold(
    name,
    'RECORDS_FOREIGN',
    `${foreign.length} record set${foreign.length === 1 ? '' : 's'} (${types}) at ${spoken(name)} ${foreign.length === 1 ? 'was' : 'were'} ${whose}, so ${foreign.length === 1 ? 'it is' : 'they are'} not touched`,
    `Look at them and take them over with \`portolan adopt ${spoken(name)}\`, or remove them or the hostname.`,
  );
}
