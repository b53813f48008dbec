import { createGeoLookup } from '../src/routing/geoip.ts';
import type { GeoLookup } from '../src/routing/model.ts';

/** A GeoIP database that several threads look up in. */
export interface SharedGeo {
  readonly sha256: string;
  readonly memory: SharedArrayBuffer;
}

const shared = new WeakMap<GeoLookup, SharedGeo>();

/** The database of a lookup in shared memory: one copy, however often it is asked for. `undefined`: there is no database. */
export function shareGeo(lookup: GeoLookup | undefined): SharedGeo | undefined {
  if (lookup?.database === undefined) return undefined;
  const known = shared.get(lookup);
  if (known !== undefined) return known;
  const memory = new SharedArrayBuffer(lookup.database.length);
  new Uint8Array(memory).set(lookup.database);
  const geo = { sha256: lookup.sha256, memory };
  shared.set(lookup, geo);
  return geo;
}

/** The lookups of one thread: one at a time, kept while the database is the same. */
export class GeoOfThread {
  #lookup: GeoLookup | undefined;

  open(geo: SharedGeo | undefined): GeoLookup | undefined {
    if (this.#lookup?.sha256 !== geo?.sha256)
      this.#lookup = geo === undefined ? undefined : createGeoLookup(new Uint8Array(geo.memory));
    return this.#lookup;
  }
}
