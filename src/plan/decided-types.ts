import { challengeMarker } from './challenge.ts';
import type { Marker } from './marker.ts';
import type { ZonePlanInput } from './zone-plan.ts';

/** What hubs publish at a hostname: answers, and delegations. */
const DECIDED: readonly string[] = ['A', 'AAAA', 'CNAME', 'NS', 'DS'];

/**
 * A marker as far as it gives a right: to types that hubs decide, with the provider's own ones. A marker is text that anybody who can write
 * the zone can write: one that lists TXT or MX must not make a hub delete what stands there. Of texts only recorded challenges are ours.
 * @param asked types that are wanted at the name now
 */
export function entitled(input: ZonePlanInput, marker: Marker, asked: readonly string[] = []): Marker {
  const challenge = challengeMarker(marker);
  if (challenge !== undefined) return challenge;
  const decided = new Set([...DECIDED, ...(input.ownTypes ?? []), ...asked]);
  if (marker.types.every((type) => decided.has(type))) return marker;
  return { ...marker, types: marker.types.filter((type) => decided.has(type)) };
}
