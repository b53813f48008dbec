import type { SigningSettings } from '../../src/dns/dnssec/zone-material.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { ZoneSpec } from '../../src/resources/zone.ts';
import type { ZoneDnssec } from '../../src/resources/zone-dnssec.ts';
import type { World } from '../reconcile/world.ts';

const DAY_SECONDS = 86_400;

export function settingsOf(zone: Resource<'Zone'>, dnssec: ZoneDnssec): SigningSettings {
  return {
    // As everything else of the zone: a zone with short TTLs rolls its keys fast.
    dnskeyTtlSeconds: zone.spec.ttlSeconds,
    dnskeyValiditySeconds: dnssec.dnskeyValidityDays * DAY_SECONDS,
    signatureValiditySeconds: dnssec.signatureValidityDays * DAY_SECONDS,
  };
}

/** The longest TTL of anything that is answered from the zone: records, keys, negative answers, routed names. */
export function longestTtlSeconds(zone: Resource<'Zone'>, world: World): number {
  return Math.max(longestStatic(zone.spec), routedTtls(world).get(zone.spec.origin) ?? 0);
}

/* Specs and worlds are immutable: a big zone is read once, not at every change of another one. */
const statics = new WeakMap<ZoneSpec, number>();
const routed = new WeakMap<World, ReadonlyMap<string, number>>();

function longestStatic(spec: ZoneSpec): number {
  let longest = statics.get(spec);
  if (longest === undefined) {
    longest = Math.max(spec.ttlSeconds, spec.soa.minimumSeconds);
    for (const record of spec.records) longest = Math.max(longest, record.ttlSeconds ?? 0);
    statics.set(spec, longest);
  }
  return longest;
}

/** By origin: the longest TTL of the policies with a hostname in the zone or below it. */
function routedTtls(world: World): ReadonlyMap<string, number> {
  const known = routed.get(world);
  if (known !== undefined) return known;
  const longest = new Map([...world.objects.Zone.values()].map((zone) => [zone.spec.origin as string, 0]));
  for (const [hostname, key] of world.hostnames) {
    const ttlSeconds = world.policies.get(key)?.routed?.policy.ttlSeconds ?? 0;
    for (let name = hostname; name !== ''; name = name.slice(name.indexOf('.') + 1)) {
      const before = longest.get(name);
      if (before !== undefined && before < ttlSeconds) longest.set(name, ttlSeconds);
    }
  }
  routed.set(world, longest);
  return longest;
}

/** What servers that copy the zone may lag behind, in milliseconds: they look every `refresh`, and again after `retry`. */
export function copyDelayMs(zone: Resource<'Zone'>): number {
  const { transfers, soa } = zone.spec;
  return (transfers?.allow.length ?? 0) === 0 ? 0 : (soa.refreshSeconds + soa.retrySeconds) * 1000;
}
