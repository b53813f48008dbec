import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from './durable-file.ts';
import type { SavedStates } from './messages.ts';

const FILE_NAME = 'states.json';
const FORMAT = 1;

/** Keeps the last states on disk, so that a start without the hub goes on from them. */
export interface StateFile {
  read(): Promise<SavedStates | undefined>;
  write(states: SavedStates): Promise<void>;
}

export function stateFile(dataDir: string): StateFile {
  const path = join(dataDir, FILE_NAME);
  return {
    /** A file that is missing, damaged or of another format counts as none: states are learnt anew within seconds. */
    async read() {
      try {
        const value: unknown = JSON.parse(await readFile(path, 'utf8'));
        const fits =
          typeof value === 'object' && value !== null && 'format' in value && value.format === FORMAT;
        return fits && isComplete(value) ? value : undefined;
      } catch {
        return undefined;
      }
    },
    write: (states) => writeDurably(path, Buffer.from(JSON.stringify({ format: FORMAT, ...states }))),
  };
}

/** What this program wrote as a whole has all its members or, if somebody else touched it, does not count. */
function isComplete(value: object): value is SavedStates {
  const members = value as Partial<Record<keyof SavedStates, unknown>>;
  return (
    typeof members.savedAtWallMs === 'number' &&
    typeof members.epoch === 'number' &&
    typeof members.hubHeardAgoMs === 'number' &&
    Array.isArray(members.targets) &&
    members.targets.every(
      (tuple) => Array.isArray(tuple) && tuple.length === 8 && typeof tuple[0] === 'string',
    ) &&
    Array.isArray(members.drains) &&
    Array.isArray(members.lastHealthy)
  );
}
