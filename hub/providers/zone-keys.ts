import type { DomainName } from '../../src/dns/name.ts';
import { parentOf } from '../../src/dns/name.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { WantedZone } from './connection.ts';

/** A zone of a DNSProvider's `spec.zones`. */
export interface HeldZone {
  /** `namespace/provider/origin`, then `/private` and the id where `spec.zones` has them. */
  readonly key: string;
  /** `namespace/name`. */
  readonly provider: ObjectKey;
  readonly resource: Resource<'DNSProvider'>;
  readonly wanted: WantedZone;
}

export function zoneKeyOf(provider: ObjectKey, wanted: WantedZone): string {
  return `${provider}/${wanted.origin}${wanted.private ? '/private' : ''}${wanted.id === undefined ? '' : `/${wanted.id}`}`;
}

/** Every zone of every DNSProvider that is not being deleted. */
export function heldZones(world: World): readonly HeldZone[] {
  return [...world.objects.DNSProvider].flatMap(([provider, resource]) =>
    resource.metadata.deletionTimestamp === undefined
      ? resource.spec.zones.map((wanted) => ({
          key: zoneKeyOf(provider, wanted),
          provider,
          resource,
          wanted,
        }))
      : [],
  );
}

/** Finds the zones that hold a name. */
export interface ZoneFinder {
  readonly all: readonly HeldZone[];
  /**
   * Zones of DNSProviders of the namespace that a hostname is published into: those with the longest origin, if no embedded Zone has a longer
   * one. An embedded Zone of the same origin answers beside them.
   */
  of(namespace: string, hostname: DomainName): readonly HeldZone[];
}

export function createZoneFinder(world: World): ZoneFinder {
  // Statuses and admission ask about each hostname by itself.
  let finder = finders.get(world);
  if (finder === undefined) {
    finder = finderOf(world);
    finders.set(world, finder);
  }
  return finder;
}

const finders = new WeakMap<World, ZoneFinder>();

function finderOf(world: World): ZoneFinder {
  const byOrigin = new Map<string, HeldZone[]>();
  const all = heldZones(world);
  for (const zone of all) {
    const key = `${zone.resource.metadata.namespace} ${zone.wanted.origin}`;
    const known = byOrigin.get(key);
    if (known === undefined) byOrigin.set(key, [zone]);
    else known.push(zone);
  }
  const embedded = new Set(
    [...world.objects.Zone.values()].flatMap(({ metadata, spec }) =>
      metadata.deletionTimestamp === undefined ? [spec.origin] : [],
    ),
  );
  return {
    all,
    of(namespace, hostname) {
      for (let at: DomainName | undefined = hostname; at !== undefined; at = parentOf(at)) {
        const found = byOrigin.get(`${namespace} ${at}`);
        if (found !== undefined) return found;
        if (embedded.has(at)) return [];
      }
      return [];
    },
  };
}
