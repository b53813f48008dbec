import type { ClientAddress } from '../../src/dns/client.ts';
import type { GeoLookup } from '../../src/routing/model.ts';

/** Networks looked at between two breaths. */
const SLICE = 2_000;
/** What resolvers send (RFC 7871 section 11.1), and the least that clouds look at. */
const PREFIX_LENGTH = 24;

const known = new WeakMap<GeoLookup, Promise<ReadonlyMap<string, ClientAddress>>>();

/**
 * A client in each place that the GeoIP database has IPv4 networks of: in the largest one, where databases agree the most. Countries (`DE`) and
 * subdivisions (`US-CA`).
 * @param breathe is awaited now and then, as it takes a moment
 */
export function placeClients(
  geo: GeoLookup,
  breathe: () => Promise<void>,
): Promise<ReadonlyMap<string, ClientAddress>> {
  let clients = known.get(geo);
  if (clients === undefined) {
    clients = find(geo, breathe);
    known.set(geo, clients);
  }
  return clients;
}

async function find(
  geo: GeoLookup,
  breathe: () => Promise<void>,
): Promise<ReadonlyMap<string, ClientAddress>> {
  const largest = new Map<string, { readonly start: number; readonly prefixLength: number }>();
  let steps = 0;
  for (let start = 0; start < 2 ** 32; ) {
    const { location, prefixLength: found } = geo.locate(address(start, 32));
    // In a database of both families an IPv4 network may begin above the addresses of IPv4.
    const prefixLength = Math.max(1, Math.min(32, found));
    for (const place of [location.country, location.subdivision]) {
      if (place === undefined) continue;
      if (prefixLength < (largest.get(place)?.prefixLength ?? 33))
        largest.set(place, { start, prefixLength });
    }
    const size = 2 ** (32 - prefixLength);
    start = (Math.floor(start / size) + 1) * size;
    steps += 1;
    if (steps % SLICE === 0) await breathe();
  }
  return new Map(
    [...largest].map(([place, { start, prefixLength }]) => [
      place,
      address(start, Math.max(PREFIX_LENGTH, prefixLength)),
    ]),
  );
}

function address(start: number, prefixLength: number): ClientAddress {
  const bytes = Uint8Array.of(start >>> 24, (start >>> 16) & 0xff, (start >>> 8) & 0xff, start & 0xff);
  return { family: 4, bytes, prefixLength, source: 'ecs' };
}
