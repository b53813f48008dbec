import type { WantedText } from '../../src/certificates/dns-challenge.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { zoneAbove } from '../../src/plan/delegation.ts';
import { type ObjectKey, objectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import { createZoneFinder, type HeldZone } from './zone-keys.ts';

/** A name in a provider's zone, and the object that wants it there. */
export type IndexedName =
  | {
      readonly name: DomainName;
      /** A policy's hostname, or the origin of an embedded Zone that is delegated. */
      readonly kind: 'TrafficPolicy' | 'Zone';
      /** `namespace/name` of it. */
      readonly object: ObjectKey;
    }
  | {
      readonly name: DomainName;
      readonly kind: 'Challenge';
      /** Namespace of the certificates, and the name. */
      readonly object: ObjectKey;
      readonly text: WantedText;
    };

/** Which names belong into which zone of a provider, by the zone's key. */
export type NameIndex = ReadonlyMap<
  string,
  { readonly zone: HeldZone; readonly names: readonly IndexedName[] }
>;

/** @param only the key of a zone, when the others do not matter */
export function indexNames(world: World, texts: readonly WantedText[], only?: string): NameIndex {
  const finder = createZoneFinder(world);
  const zones = new Map<string, { zone: HeldZone; names: IndexedName[] }>();
  for (const zone of finder.all)
    if (only === undefined || zone.key === only) zones.set(zone.key, { zone, names: [] });
  if (zones.size === 0) return zones;
  for (const [object, { resource }] of world.policies) {
    for (const hostname of resource.spec.hostnames) {
      // A policy that does not resolve keeps what it has; a name that is another policy's is not its.
      const owner = world.hostnames.get(hostname);
      if (owner !== undefined && owner !== object) continue;
      for (const zone of finder.of(resource.metadata.namespace, hostname))
        zones.get(zone.key)?.names.push({ name: hostname, kind: 'TrafficPolicy', object });
    }
  }
  for (const [object, { metadata, spec }] of world.objects.Zone) {
    if (spec.delegation === undefined || metadata.deletionTimestamp !== undefined) continue;
    const provider = objectKey(metadata.namespace, spec.delegation.provider);
    const held = finder.all.filter((zone) => zone.provider === provider);
    const above = zoneAbove(
      spec.origin,
      held.map(({ wanted }) => wanted),
    );
    for (const zone of held)
      if (zone.wanted.origin === above?.origin)
        zones.get(zone.key)?.names.push({ name: spec.origin, kind: 'Zone', object });
  }
  for (const text of texts) {
    const { namespace, name } = text;
    for (const zone of finder.of(namespace, name)) {
      const names = zones.get(zone.key)?.names;
      // What people publish at a name comes first: a challenge there is refused where certificates are wanted.
      if (names === undefined || world.hostnames.has(name)) continue;
      names.push({ name, kind: 'Challenge', object: objectKey(namespace, name.slice(0, -1)), text });
    }
  }
  return zones;
}
