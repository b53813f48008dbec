import { createGeoLookup } from '../src/routing/geoip.ts';
import { parseClient } from '../src/routing/location.ts';
import type { GeoLookup } from '../src/routing/model.ts';

/** Countries of clients as one thread looks them up, in a database that all threads share. */
export class ThreadCountries {
  #memory: SharedArrayBuffer | undefined;
  #lookup: GeoLookup | undefined;
  // Requests of one connection come in rows.
  #lastAddress = '';
  #lastCountry: string | undefined;

  open(memory: SharedArrayBuffer | undefined): void {
    if (memory === this.#memory) return;
    this.#memory = memory;
    this.#lookup = memory === undefined ? undefined : createGeoLookup(new Uint8Array(memory));
    this.#lastAddress = '';
  }

  /** ISO 3166-1 alpha-2; undefined: not known. */
  of(address: string): string | undefined {
    if (this.#lookup === undefined) return undefined;
    if (address === this.#lastAddress) return this.#lastCountry;
    let country: string | undefined;
    try {
      country = this.#lookup.locate(parseClient(address)).location.country;
    } catch {
      country = undefined; // an address with a zone, or none at all
    }
    this.#lastAddress = address;
    this.#lastCountry = country;
    return country;
  }
}
