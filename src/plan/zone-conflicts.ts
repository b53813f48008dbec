import { type DomainName, isAtOrBelow, parentOf } from '../dns/name.ts';
import { pooledName, spaceOf } from './ownership.ts';
import { type RecordSet, sameSet, setKey } from './record-set.ts';
import type { Claim } from './zone-claim.ts';
import { hold, spoken } from './zone-guards.ts';
import type { ZoneInventory } from './zone-inventory.ts';
import type { DesiredName, HeldName } from './zone-plan.ts';

/** May stand beside a CNAME (RFC 4034 section 2.5, RFC 4035 section 2.5). */
const BESIDE_CNAME: ReadonlySet<string> = new Set(['RRSIG', 'NSEC', 'NSEC3']);

/** Why records of others make it impossible to publish a name, if they do: they would be hidden, or would hide it. */
export function foreignConflict(
  owner: string,
  zone: ZoneInventory,
  desired: DesiredName,
  wanted: readonly RecordSet[],
  claim: Claim,
): HeldName | undefined {
  const { name } = desired;
  return (
    conflictAbove(zone, name) ??
    conflictAt(zone, desired, wanted, claim) ??
    conflictBelow(owner, zone, name, wanted, claim) ??
    conflictInPools(zone, name, wanted)
  );
}

/** A delegation or DNAME between the apex and the name: nothing below it is answered from this zone (RFC 1034 section 4.2.1, RFC 6672 section 2.4). */
function conflictAbove(zone: ZoneInventory, name: DomainName): HeldName | undefined {
  for (let above = parentOf(name); above !== undefined; above = parentOf(above)) {
    if (!isAtOrBelow(above, zone.origin)) return undefined;
    const inTheWay = (zone.byName.get(above) ?? []).find(
      (set) => set.type === 'DNAME' || (set.type === 'NS' && set.name !== zone.origin),
    );
    if (inTheWay !== undefined) {
      return hold(
        name,
        'DNS_RECORD_CONFLICT',
        `${spoken(name)} lies below the ${inTheWay.type} record of ${spoken(above)}: nothing there is answered from this zone`,
        `Publish it in the zone that ${spoken(above)} leads to, or remove the ${inTheWay.type} record.`,
      );
    }
  }
  return undefined;
}

function conflictAt(
  zone: ZoneInventory,
  desired: DesiredName,
  wanted: readonly RecordSet[],
  claim: Claim,
): HeldName | undefined {
  const { name } = desired;
  const ours = new Set([...desired.types, ...claim.types]);
  const leaving = new Set(
    claim.dropsHeritage ? (zone.heritage.get(name) ?? []).map((marker) => marker.value) : [],
  );
  const staying = (zone.byName.get(name) ?? []).filter(
    (set) =>
      !ours.has(set.type) &&
      !BESIDE_CNAME.has(set.type) &&
      !(set.type === 'TXT' && set.values.every((value) => leaving.has(value))),
  );
  const types = new Set(wanted.filter((set) => set.name === name).map((set) => set.type));
  if (types.has('CNAME') && types.size > 1) {
    return hold(
      name,
      'DNS_RECORD_CONFLICT',
      `a CNAME of ${spoken(name)} cannot stand beside its ${[...types].filter((type) => type !== 'CNAME').join(', ')} records`,
    );
  }
  const delegates = types.has('NS') && name !== zone.origin;
  const clash = staying.filter(
    (set) =>
      types.size > 0 &&
      (types.has('CNAME') ||
        delegates ||
        set.type === 'CNAME' ||
        (set.type === 'NS' && name !== zone.origin)),
  );
  if (clash.length === 0) return undefined;
  const list = clash.map((set) => set.type).join(', ');
  return hold(
    name,
    'RECORDS_FOREIGN',
    `${clash.length} record set${clash.length === 1 ? '' : 's'} of others (${list}) at ${spoken(name)} cannot stand beside its ${[...types].join(', ')} records`,
    types.has('CNAME')
      ? `Remove them, or use another hostname: a CNAME stands alone.`
      : `Remove them, or use another hostname.`,
  );
}

/** A delegation hides what is below it in this zone: nobody's records are to vanish so. */
function conflictBelow(
  owner: string,
  zone: ZoneInventory,
  name: DomainName,
  wanted: readonly RecordSet[],
  claim: Claim,
): HeldName | undefined {
  const glue = new Map(wanted.map((set) => [setKey(set), set]));
  // Given to us with the hostname, if it is just the glue that is wanted.
  const isGiven = (set: RecordSet): boolean => {
    const same = glue.get(setKey(set));
    return claim.takesOver && same !== undefined && sameSet(set, same);
  };
  const isOwned = (at: DomainName): boolean =>
    zone.markers.get(at)?.markers.some((marker) => marker.owner === owner) === true;
  const known = new Set<DomainName>(claim.own?.below ?? []);
  const cuts = wanted.some((set) => set.name === name && set.type === 'NS');
  const isForeign = (set: RecordSet): boolean =>
    set.name !== name &&
    isAtOrBelow(set.name, name) &&
    !known.has(set.name) &&
    !isAtOrBelow(set.name, spaceOf(zone.origin)) &&
    !isOwned(set.name) &&
    !isGiven(set);
  const foreign = cuts
    ? zone.sets.filter(isForeign)
    : [...new Set(wanted.map((set) => set.name))].flatMap((at) =>
        (zone.byName.get(at) ?? []).filter(isForeign),
      );
  if (foreign.length === 0) return undefined;
  return hold(
    name,
    'RECORDS_FOREIGN',
    `${foreign.length} record set${foreign.length === 1 ? '' : 's'} of others below ${spoken(name)} (the first: ${foreign[0]?.type} at ${foreign[0]?.name}) would be hidden or changed`,
    'Move them into the delegated zone and remove them here, or delegate another name.',
  );
}

/** Somebody's CNAME where a pool has to be. */
function conflictInPools(
  zone: ZoneInventory,
  name: DomainName,
  wanted: readonly RecordSet[],
): HeldName | undefined {
  const types = new Map<DomainName, Set<string>>();
  for (const set of wanted) {
    if (pooledName(zone.origin, set.name) === undefined) continue;
    types.set(set.name, (types.get(set.name) ?? new Set()).add(set.type));
  }
  for (const [pool, pooled] of types) {
    if (pooled.has('CNAME') && pooled.size > 1) {
      return hold(name, 'DNS_RECORD_CONFLICT', `a CNAME of ${pool} cannot stand beside its other records`);
    }
  }
  return undefined;
}
