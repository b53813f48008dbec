import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PortolanError } from '../src/errors/error.ts';

let counter = 0;

/** True for what a crash between two steps of `writeDurably` leaves behind. */
export function isLeftover(name: string): boolean {
  return name.endsWith('.tmp');
}

/** A temporary file beside the one that it is to become; nothing of that name is seen before `publish`. */
export interface Draft {
  readonly path: string;
  /** The disk has it. Rejects as `beginDraft`. */
  readonly synced: Promise<void>;
}

/**
 * Writes a temporary file beside `path`. It can be read when this resolves, and survives a power cut when it is synced.
 * @throws PortolanError DISK_FULL, DATA_DIR_INVALID; nothing is left behind then.
 */
export async function beginDraft(path: string, bytes: Uint8Array): Promise<Draft> {
  counter += 1;
  const draft = `${path}.${process.pid}-${counter}.tmp`;
  const failed = async (error: unknown): Promise<never> => {
    await rm(draft, { force: true });
    throw writeError(path, error);
  };
  const file = await open(draft, 'w', 0o600).catch(failed);
  try {
    await file.writeFile(bytes);
  } catch (error) {
    await file.close().catch(() => undefined);
    return failed(error);
  }
  const sync = async (): Promise<void> => {
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  };
  const synced = sync().catch(failed);
  // Whoever goes on without it hears of it where it is awaited.
  synced.catch(() => undefined);
  return { path: draft, synced };
}

/** As `beginDraft`, and syncs it to the disk. */
export async function writeDraft(path: string, bytes: Uint8Array): Promise<string> {
  const draft = await beginDraft(path, bytes);
  await draft.synced;
  return draft.path;
}

/** Gives a draft its name and syncs the folder, so that the name survives a power cut. */
export function publish(draft: string, path: string): Promise<void> {
  return publishAll([{ draft, path }]);
}

/**
 * As `publish`, for drafts of one folder, one after the other: a crash may leave the first ones alone. After a power cut any of them may
 * have its name.
 */
export async function publishAll(
  drafts: readonly { readonly draft: string; readonly path: string }[],
): Promise<void> {
  for (const { draft, path } of drafts) {
    try {
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw writeError(path, error);
    }
  }
  const [first] = drafts;
  if (first === undefined) return;
  try {
    const folder = await open(dirname(first.path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    throw writeError(first.path, error);
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
