import type { ClientAddress, GeoLookup } from '../../src/routing/model.ts';

/** Finds a real network for a country, so that what a person there gets can be asked of any name server. */
export interface PlaceFinder {
  /** An IPv4 /24 that the GeoIP database locates in the country; `undefined` when the search finds none. */
  networkIn(country: string): ClientAddress | undefined;
}

/** Bounds the search: about a second once, for countries with hardly any addresses. */
const MAX_LOOKUPS = 400_000;

/** Tries addresses spread evenly over IPv4 in a fixed order, so that the same database always gives the same networks. */
export function createPlaceFinder(geo: () => GeoLookup): PlaceFinder {
  const found = new Map<string, ClientAddress>();
  let searched = geo();
  let tried = 0;
  // A full-period generator over the 2^24 /24 networks (Hull-Dobell): no network is tried twice.
  let state = 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) & 0xff_ffff;
    return state;
  };
  return {
    networkIn(country) {
      if (searched !== geo()) {
        searched = geo();
        found.clear();
        tried = 0;
      }
      while (!found.has(country) && tried < MAX_LOOKUPS) {
        tried += 1;
        const network = next();
        const bytes = Uint8Array.of(network >>> 16, (network >>> 8) & 0xff, network & 0xff, 0);
        const client: ClientAddress = { family: 4, bytes, prefixLength: 24, source: 'ecs' };
        const located = searched.locate(client);
        const at = located.location.country;
        if (at !== undefined && located.exact && !found.has(at)) found.set(at, client);
      }
      return found.get(country);
    },
  };
}
