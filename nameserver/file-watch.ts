import { type Stats, unwatchFile, watchFile } from 'node:fs';

/** How often files are looked at. Polled, because notifications miss what is renamed into place or mounted. */
const LOOK_EVERY_MS = 5000;

/**
 * Calls back when one of the files changes, appears or goes.
 * @returns ends the watch
 */
export function watchFiles(
  paths: readonly string[],
  changed: () => void,
  everyMs: number = LOOK_EVERY_MS,
): () => void {
  const listener = (now: Stats, before: Stats): void => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) changed();
  };
  for (const path of paths) watchFile(path, { interval: everyMs, persistent: false }, listener);
  return () => {
    for (const path of paths) unwatchFile(path, listener);
  };
}
