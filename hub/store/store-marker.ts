import { open, stat } from 'node:fs/promises';
import { PortolanError } from '../../src/errors/error.ts';

/**
 * A file beside an SQLite store that says: there is a store. SQLite makes a missing file anew without a word, and a hub whose
 * volume was not mounted or whose file was lost would come up empty, with another CA and no tokens, and call itself ready.
 */
const markerOf = (file: string): string => `${file}.exists`;

/** @throws PortolanError STORE_CORRUPT when there was a store and its file is gone or empty */
export async function checkStoreMarker(file: string): Promise<void> {
  const marker = await sizeOf(markerOf(file));
  if (marker === undefined) return;
  const size = await sizeOf(file);
  if (size !== undefined && size > 0) return;
  throw new PortolanError('STORE_CORRUPT', `The store file ${file} is ${size === 0 ? 'empty' : 'gone'}.`, {
    fix: `Mount its volume or restore the last backup; to begin with an empty store, remove ${markerOf(file)}.`,
  });
}

/** Notes that the store exists. One that cannot be noted (a full disk) is noted at the next start. */
export async function writeStoreMarker(file: string): Promise<void> {
  try {
    const marker = await open(markerOf(file), 'wx', 0o600);
    try {
      await marker.writeFile(
        'The store beside this file was made; see STORE_CORRUPT in the error reference.\n',
      );
      await marker.sync();
    } finally {
      await marker.close();
    }
  } catch {
    // It is there already, or cannot be written: the store works all the same.
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    (found) => (found.isFile() ? found.size : 1),
    () => undefined,
  );
}
