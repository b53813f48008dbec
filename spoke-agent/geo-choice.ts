import { openGeoDatabase } from '../nameserver/geo-database.ts';
import type { GeoLookup } from '../src/routing/model.ts';
import type { GeoFiles } from './geo-files.ts';

/** Which GeoIP database this agent answers by. */
export interface GeoChoice {
  /**
   * The operator's own where one is configured; else the hub's, once it is here; until then the one in use.
   * @param sha256 of the hub's
   */
  for(sha256: string): Promise<GeoLookup>;
}

/** @throws PortolanError GEO_DATABASE_INVALID when the first one cannot be opened */
export async function openGeoChoice(options: {
  readonly own: string | undefined;
  readonly files: GeoFiles;
  readonly log: { error(details: object, message: string): void };
}): Promise<GeoChoice> {
  const { own, files, log } = options;
  let current = await openGeoDatabase(own);
  if (own !== undefined) return { for: async () => current };
  return {
    async for(sha256) {
      if (sha256 === '' || sha256 === current.sha256) return current;
      const path = await files.find(sha256);
      if (path === undefined) return current;
      try {
        const found = await openGeoDatabase(path);
        // A file that rotted on the disk locates nobody rightly.
        if (found.sha256 === sha256) current = found;
        else log.error({ path }, 'a GeoIP database is damaged; the one in use stays');
      } catch (err) {
        log.error({ err, path }, 'a GeoIP database cannot be read; the one in use stays');
      }
      return current;
    },
  };
}
