import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PortolanError } from '../src/errors/error.ts';

let counter = 0;

/** True for what a crash between two steps of `writeDurably` leaves behind. */
export function isLeftover(name: string): boolean {
  return name.endsWith('.tmp');
}

/**
 * Writes a temporary file beside `path` and syncs it to the disk; nothing of that name is seen before `publish`.
 * @throws PortolanError DISK_FULL, DATA_DIR_INVALID; nothing is left behind then.
 */
export async function writeDraft(path: string, bytes: Uint8Array): Promise<string> {
  counter += 1;
  const draft = `${path}.${process.pid}-${counter}.tmp`;
  try {
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(draft, { force: true });
    throw writeError(path, error);
  }
  return draft;
}

/** Gives a draft its name and syncs the folder, so that the name survives a power cut. */
export async function publish(draft: string, path: string): Promise<void> {
  try {
    await rename(draft, path);
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    await rm(draft, { force: true });
    throw writeError(path, error);
  }
}

/** The whole of `bytes` under `path`, or the file as it was: temporary file, fsync, rename, fsync of the folder. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await publish(await writeDraft(path, bytes), path);
}

function writeError(path: string, error: unknown): PortolanError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const where = join(dirname(path), basename(path));
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new PortolanError('DISK_FULL', `no space left to write ${where}`, { cause: error });
  }
  return new PortolanError('DATA_DIR_INVALID', `${where} cannot be written`, { cause: error });
}
