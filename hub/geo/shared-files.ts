import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openGeoDatabase } from '../../nameserver/geo-database.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import type { GeoLookup } from '../../src/routing/model.ts';
import { writeDurably } from '../data-dir.ts';
import type { GeoFileStore } from '../store/geo-files.ts';

/** Where a GeoIP database of this SHA-256 lies in a hub's folder. */
export function geoFileIn(folder: string, sha256: string): string {
  return join(folder, `${sha256}.mmdb`);
}

/**
 * A GeoIP update from this hub's folder, or else from the store it shares with others, which then is in the folder as well.
 * @throws PortolanError GEO_DATABASE_INVALID when neither has it whole, STORE_UNAVAILABLE
 */
export async function openSharedGeo(
  folder: string,
  sha256: string,
  shared: Pick<GeoFileStore, 'read'> | undefined,
): Promise<GeoLookup> {
  const file = geoFileIn(folder, sha256);
  const here = await opened(file, sha256).catch((thrown: unknown) => PortolanError.from(thrown));
  if (!(here instanceof PortolanError)) return here;
  if (shared === undefined) throw here;
  const bytes = await shared.read(sha256);
  if (bytes === undefined || sha256Hex(bytes) !== sha256)
    throw new PortolanError(
      'GEO_DATABASE_INVALID',
      `the GeoIP database ${sha256.slice(0, 12)} is neither in ${folder} nor whole in the store`,
      { cause: here },
    );
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeDurably(folder, `${sha256}.mmdb`, bytes);
  return opened(file, sha256);
}

/** Removes all files but those of these databases. */
export async function keepGeoFiles(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder))
    if (!wanted.has(name.replace(/\.mmdb$/, ''))) await rm(join(folder, name), { force: true });
}

async function opened(file: string, sha256: string): Promise<GeoLookup> {
  const lookup = await openGeoDatabase(file);
  if (lookup.sha256 !== sha256)
    throw new PortolanError('GEO_DATABASE_INVALID', `${file} is damaged: its SHA-256 is ${lookup.sha256}`);
  return lookup;
}
