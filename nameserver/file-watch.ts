import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** How often files are looked at. Polled, because notifications miss what is renamed into place or mounted. */
const LOOK_EVERY_MS = 5000;

/**
 * Calls back when one of the files changes, appears or goes, from what it is now: `watchFile` of node:fs begins with what it is when the first look
 * at it has come back, and says nothing of a change before that.
 * @returns ends the watch
 */
export function watchFiles(
  paths: readonly string[],
  changed: () => void,
  everyMs: number = LOOK_EVERY_MS,
): () => void {
  const seen = new Map(paths.map((path) => [path, markOf(statNow(path))]));
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    for (const path of paths) {
      const mark = markOf(await stat(path, { bigint: true }).catch(() => undefined));
      if (ended) return;
      if (mark === seen.get(path)) continue;
      seen.set(path, mark);
      changed();
    }
    lookLater();
  };
  const lookLater = (): void => {
    timer = setTimeout(() => void look(), everyMs).unref();
  };
  lookLater();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

function statNow(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/** Empty: there is none. */
function markOf(found: BigIntStats | undefined): string {
  return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
}
