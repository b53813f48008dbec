import type { DomainName } from '../../../src/dns/name.ts';
import { parentOf } from '../../../src/dns/name.ts';
import type { Resource } from '../../../src/resources/catalogue.ts';
import { createZoneFinder, type HeldZone } from '../../providers/zone-keys.ts';
import type { World } from '../../reconcile/world.ts';

/** Zones of a namespace that answer a name: what stands there has to stand in all of them. */
export interface Holders {
  readonly embedded: Resource<'Zone'> | undefined;
  /** Several where several DNSProviders have the zone. */
  readonly atProviders: readonly HeldZone[];
  /** The embedded Zone that answers the name, of whichever namespace. */
  readonly nearest: Resource<'Zone'> | undefined;
}

export function holdersOf(world: World, namespace: string, name: DomainName): Holders {
  const nearest = zoneAnswering(world, name);
  const atProviders = createZoneFinder(world).of(namespace, name);
  const origin = atProviders[0]?.wanted.origin;
  const isOurs = nearest?.metadata.namespace === namespace;
  // A zone of the same origin at a provider is answered beside the embedded one; a deeper one instead of it.
  const embedded = isOurs && (origin === undefined || origin === nearest.spec.origin) ? nearest : undefined;
  return { embedded, atProviders, nearest };
}

const zones = new WeakMap<World, ReadonlyMap<DomainName, Resource<'Zone'>>>();

/** The embedded Zone with the longest origin, whoever it belongs to. */
function zoneAnswering(world: World, name: DomainName): Resource<'Zone'> | undefined {
  let byOrigin = zones.get(world);
  if (byOrigin === undefined) {
    byOrigin = new Map(
      [...world.objects.Zone.values()].flatMap((zone) =>
        zone.metadata.deletionTimestamp === undefined ? [[zone.spec.origin, zone] as const] : [],
      ),
    );
    zones.set(world, byOrigin);
  }
  for (let at: DomainName | undefined = name; at !== undefined; at = parentOf(at)) {
    const zone = byOrigin.get(at);
    if (zone !== undefined) return zone;
  }
  return undefined;
}
