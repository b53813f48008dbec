import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { packagedGeoDatabase } from '../nameserver/geo-database.ts';
import { PortolanError } from '../src/errors/error.ts';
import { sha256Hex } from '../src/identity/digest.ts';
import { writeDurably } from './durable-file.ts';

/** City databases of the world have 60 to 130 MB. */
const MAX_OCTETS = 256 * 1024 * 1024;
/** The one in use, and the one before it for a rollback. */
const KEPT = 2;

/** GeoIP databases on this agent's disk, by SHA-256: the packaged one and those the hub sent. */
export interface GeoFiles {
  /** Its path, once the whole of it is here. The content is checked when it is opened. */
  find(sha256: string): Promise<string | undefined>;
  /**
   * Fetches it part by part and keeps it durably; older ones go. @param read a part of the file, from `offset` on
   * @throws PortolanError GEO_DATABASE_INVALID when what came has another SHA-256; DISK_FULL, DATA_DIR_INVALID; what `read` throws
   */
  fetch(
    sha256: string,
    read: (offset: number) => Promise<{ readonly total: number; readonly content: Uint8Array }>,
  ): Promise<string>;
}

export function openGeoFiles(dataDir: string): GeoFiles {
  const folder = join(dataDir, 'geoip');
  const pathOf = (sha256: string): string => join(folder, `${sha256}.mmdb`);
  let packaged: Promise<string> | undefined;

  return {
    async find(sha256) {
      if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined;
      packaged ??= readFile(packagedGeoDatabase()).then(sha256Hex, () => '');
      if (sha256 === (await packaged)) return packagedGeoDatabase();
      const names = await readdir(folder).catch((): string[] => []);
      return names.includes(`${sha256}.mmdb`) ? pathOf(sha256) : undefined;
    },
    async fetch(sha256, read) {
      const parts: Uint8Array[] = [];
      let size = 0;
      for (;;) {
        const { total, content } = await read(size);
        if (total > MAX_OCTETS)
          throw new PortolanError('GEO_DATABASE_INVALID', `the hub's GeoIP database has ${total} octets`);
        parts.push(content);
        size += content.length;
        if (size >= total || content.length === 0) break;
      }
      const bytes = Buffer.concat(parts);
      const found = sha256Hex(bytes);
      if (found !== sha256)
        throw new PortolanError(
          'GEO_DATABASE_INVALID',
          `the GeoIP database from the hub has the SHA-256 ${found}, not ${sha256}`,
        );
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeDurably(pathOf(sha256), bytes);
      await removeOlder(folder, sha256);
      return pathOf(sha256);
    },
  };
}

async function removeOlder(folder: string, newest: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name !== `${newest}.mmdb`);
  const aged = await Promise.all(
    names.map(async (name) => ({ name, atMs: (await stat(join(folder, name))).mtimeMs })),
  );
  aged.sort((a, b) => b.atMs - a.atMs);
  for (const { name } of aged.slice(KEPT - 1)) await rm(join(folder, name), { force: true });
}
