import { aboveOf, codesOf, WORLD } from '../../../providers/azure/geography.ts';
import type { StoredEndpoint, StoredProfile, TrafficManager } from './traffic-manager.ts';

/**
 * What a profile answers to a client in a place, as the documentation describes it:
 * https://learn.microsoft.com/azure/traffic-manager/traffic-manager-routing-methods, …-nested-profiles, …-monitoring.
 * `undefined`: nothing, because no endpoint has the place.
 */
export function evaluate(
  profile: StoredProfile,
  trafficManager: TrafficManager,
  place: string | undefined,
): string | undefined {
  if (profile.properties.profileStatus === 'Disabled') return undefined;
  const { trafficRoutingMethod: method, endpoints } = profile.properties;
  const enabled = endpoints.filter((e) => e.properties.endpointStatus === 'Enabled');
  const chosen =
    method === 'Geographic'
      ? byGeography(enabled, place)
      : pick(method, profile, available(enabled, trafficManager));
  if (chosen === undefined) return undefined;
  const { target, targetResourceId } = chosen.properties;
  if (target !== undefined) return target;
  const child = targetResourceId === undefined ? undefined : trafficManager.byId(targetResourceId);
  return child === undefined ? undefined : evaluate(child, trafficManager, place);
}

/** "If all endpoints are degraded, all of them are considered to be returned." */
function available(
  enabled: readonly StoredEndpoint[],
  trafficManager: TrafficManager,
): readonly StoredEndpoint[] {
  const online = enabled.filter((e) => isOnline(e, trafficManager));
  return online.length > 0 ? online : enabled;
}

/** A nested endpoint is online while enough of its child's endpoints are; one that always serves is not probed. */
function isOnline({ properties }: StoredEndpoint, trafficManager: TrafficManager): boolean {
  if (properties.targetResourceId === undefined)
    return properties.alwaysServe === 'Enabled' || !trafficManager.down.has(properties.target ?? '');
  const child = trafficManager.byId(properties.targetResourceId);
  if (child === undefined || child.properties.profileStatus === 'Disabled') return false;
  const online = child.properties.endpoints.filter(
    (e) => e.properties.endpointStatus === 'Enabled' && isOnline(e, trafficManager),
  );
  return online.length >= (properties.minChildEndpoints ?? 1);
}

/** The most specific region that any endpoint has; health plays no part: "Traffic Manager does not fail over out of a region". */
function byGeography(
  enabled: readonly StoredEndpoint[],
  place: string | undefined,
): StoredEndpoint | undefined {
  let code: string | undefined = place === undefined ? WORLD : (codesOf(place)[0] ?? WORLD);
  for (; code !== undefined; code = aboveOf(code)) {
    const wanted: string = code;
    const found = enabled.find((e) => e.properties.geoMapping?.includes(wanted));
    if (found !== undefined) return found;
  }
  return undefined;
}

function pick(
  method: string,
  profile: StoredProfile,
  endpoints: readonly StoredEndpoint[],
): StoredEndpoint | undefined {
  if (method === 'Priority') {
    return [...endpoints].sort((a, b) => (a.properties.priority ?? 0) - (b.properties.priority ?? 0))[0];
  }
  if (method !== 'Weighted')
    throw new Error(`${profile.name} routes by ${method}, which this test server does not answer`);
  const total = endpoints.reduce((sum, e) => sum + (e.properties.weight ?? 1), 0);
  let at = draw(profile.name) * total;
  for (const one of endpoints) {
    at -= one.properties.weight ?? 1;
    if (at < 0) return one;
  }
  return endpoints.at(-1);
}

const GOLDEN = 0.618_033_988_749_895;
const drawn = new Map<string, number>();

/** Evenly spread draws: any run of a hundred answers has the shares to within a few. */
function draw(name: string): number {
  const next = ((drawn.get(name) ?? 0) + GOLDEN) % 1;
  drawn.set(name, next);
  return next;
}
