import { rename, rm, writeFile } from 'node:fs/promises';
import type { HeldChange, SourceStatus } from '../contract.ts';

/** What the status file holds, as JSON. */
export interface GitFolderStatus extends SourceStatus {
  /** Everything could be read; only then is anything removed. */
  readonly complete: boolean;
  /** Objects that the source has in the hub. */
  readonly managed: number;
  readonly held: readonly Pick<HeldChange, 'id' | 'key' | 'verb' | 'origin'>[];
  /** Objects in the hub that no source sets; at most 100. */
  readonly unmanaged: readonly string[];
  /** What is left out on purpose; at most 100. */
  readonly notes: readonly string[];
}

/** Writes the file as one step: who reads it gets the whole of one status. */
export async function writeStatusFile(path: string, status: GitFolderStatus): Promise<void> {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(aside, `${JSON.stringify(status, undefined, 2)}\n`, { mode: 0o644 });
    await rename(aside, path);
  } catch (thrown) {
    await rm(aside, { force: true });
    throw thrown;
  }
}
