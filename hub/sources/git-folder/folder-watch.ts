import { type FSWatcher, watch } from 'node:fs';

/** Hears of changes in folders. What it misses (a network file system, a limit of watches) is found by looking now and then. */
export interface FolderWatch {
  /** The folders from now on. */
  follow(folders: readonly string[]): void;
  close(): void;
}

/** @param onChange may be called often; says nothing of what changed */
export function createFolderWatch(onChange: () => void): FolderWatch {
  const watchers = new Map<string, FSWatcher>();
  const forget = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  return {
    follow(folders) {
      const wanted = new Set(folders);
      for (const folder of [...watchers.keys()]) if (!wanted.has(folder)) forget(folder);
      for (const folder of wanted) {
        if (watchers.has(folder)) continue;
        try {
          const watcher = watch(folder, { persistent: false }, onChange);
          watcher.on('error', () => {
            forget(folder);
            onChange();
          });
          watchers.set(folder, watcher);
        } catch {
          // It is gone again, or there are too many watches: the next look tells.
        }
      }
    },
    close() {
      for (const folder of [...watchers.keys()]) forget(folder);
    },
  };
}
