import type { AnyRoute } from './attachment.ts';
import { coveringHostnames, covers, type Hostname } from './hostnames.ts';
import { compareAges } from './precedence.ts';

interface Served {
  readonly route: AnyRoute;
  readonly hostnames: readonly Hostname[];
}

/**
 * Routes of one listener that must give way: an HTTPRoute and a GRPCRoute cannot share a host (GRPCRouteSpec.hostnames). The older
 * keeps it, then the first by `namespace/name`.
 * @returns the loser and the route it lost to
 */
export function crossKindConflicts(served: readonly Served[]): ReadonlyMap<AnyRoute, AnyRoute> {
  const lost = new Map<AnyRoute, AnyRoute>();
  if (!mayShare(served)) return lost;
  const held = { HTTPRoute: new Map<Hostname, AnyRoute>(), GRPCRoute: new Map<Hostname, AnyRoute>() };
  const byAge = served.toSorted((a, b) => compareAges(ageOf(a.route), ageOf(b.route)));
  for (const { route, hostnames } of byAge) {
    const others = route.kind === 'HTTPRoute' ? held.GRPCRoute : held.HTTPRoute;
    const holder = firstOverlap(hostnames, others);
    if (holder !== undefined) {
      lost.set(route, holder);
      continue;
    }
    const own = held[route.kind];
    for (const hostname of hostnames) if (!own.has(hostname)) own.set(hostname, route);
  }
  return lost;
}

/** False when there is no host that both kinds want; cheaper than to settle who has it. */
function mayShare(served: readonly Served[]): boolean {
  if (!served.some(({ route }) => route.kind === 'GRPCRoute')) return false;
  if (!served.some(({ route }) => route.kind === 'HTTPRoute')) return false;
  const wanted = { HTTPRoute: new Set<Hostname>(), GRPCRoute: new Set<Hostname>() };
  for (const { route, hostnames } of served)
    for (const hostname of hostnames) wanted[route.kind].add(hostname);
  const { HTTPRoute: http, GRPCRoute: grpc } = wanted;
  return anyCovered(http, grpc) || anyCovered(grpc, http);
}

function anyCovered(inner: ReadonlySet<Hostname>, outer: ReadonlySet<Hostname>): boolean {
  const wide = [...outer].some((hostname) => hostname === undefined || hostname.startsWith('*.'));
  for (const hostname of inner) {
    if (outer.has(hostname)) return true;
    if (wide && coveringHostnames(hostname).some((wider) => outer.has(wider))) return true;
  }
  return false;
}

function firstOverlap(
  hostnames: readonly Hostname[],
  held: ReadonlyMap<Hostname, AnyRoute>,
): AnyRoute | undefined {
  for (const hostname of hostnames) {
    for (const wider of coveringHostnames(hostname)) {
      const holder = held.get(wider);
      if (holder !== undefined) return holder;
    }
    if (hostname !== undefined && !hostname.startsWith('*.')) continue;
    for (const [narrower, holder] of held) if (covers(hostname, narrower)) return holder;
  }
  return undefined;
}

function ageOf({ metadata }: AnyRoute): { readonly created: string; readonly route: string } {
  return { created: metadata.creationTimestamp, route: `${metadata.namespace}/${metadata.name}` };
}
