import type { SigningSettings } from '../../src/dns/dnssec/zone-material.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
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
  const { origin, ttlSeconds, records, soa } = zone.spec;
  let longest = Math.max(ttlSeconds, soa.minimumSeconds);
  for (const record of records) longest = Math.max(longest, record.ttlSeconds ?? 0);
  for (const [hostname, key] of world.hostnames) {
    if (hostname !== origin && !hostname.endsWith(`.${origin}`)) continue;
    longest = Math.max(longest, world.policies.get(key)?.routed?.policy.ttlSeconds ?? 0);
  }
  return longest;
}

/** What servers that copy the zone may lag behind, in milliseconds: they look every `refresh`, and again after `retry`. */
export function copyDelayMs(zone: Resource<'Zone'>): number {
  const { transfers, soa } = zone.spec;
  return (transfers?.allow.length ?? 0) === 0 ? 0 : (soa.refreshSeconds + soa.retrySeconds) * 1000;
}
