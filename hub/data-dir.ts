import { constants } from 'node:fs';
import { access, chmod, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import Libsql from 'libsql';
import { z } from 'zod';
import { messageOf, PortolanError } from '../src/errors/error.ts';

/** Layout of a data directory; a newer program that changes it raises this. */
const FORMAT = 1;
const MARKER_FILE = 'portolan.json';
const LOCK_FILE = 'lock.db';
const PID_FILE = 'hub.pid';

const markerSchema = z.object({ program: z.literal('portolan'), format: z.number().int().positive() });

/** A data directory this process holds alone until `release`, or until it dies in whatever way. */
export interface DataDirectory {
  readonly path: string;
  /** The SQLite store's file. */
  readonly storeFile: string;
  /** A path inside the directory. */
  file(name: string): string;
  release(): Promise<void>;
}

/**
 * Makes a data directory (mode 0700) with its version marker, durably. An existing one stays as it is; a folder that
 * holds anything else is refused with DATA_DIR_INVALID.
 */
export async function createDataDirectory(
  path: string,
): Promise<{ readonly path: string; readonly created: boolean }> {
  const directory = resolve(path);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const entries = await readdir(directory);
    if (entries.includes(MARKER_FILE)) {
      await readMarker(directory);
      return { path: directory, created: false };
    }
    // What a crash in the middle of this function leaves may be there; nothing else.
    const foreign = entries.filter((name) => name !== `${MARKER_FILE}.new`);
    if (foreign.length > 0) {
      throw invalid(
        directory,
        `is not empty and not a portolan data directory (it holds ${foreign.slice(0, 3).join(', ')})`,
        {
          fix: 'Choose an empty folder for --data-dir.',
        },
      );
    }
    await chmod(directory, 0o700);
    await writeDurably(
      directory,
      MARKER_FILE,
      `${JSON.stringify({ program: 'portolan', format: FORMAT })}\n`,
    );
    return { path: directory, created: true };
  } catch (error) {
    throw asInvalid(error, directory);
  }
}

/**
 * Takes a data directory for this process. Throws DATA_DIR_LOCKED at once when another process has it (with its id),
 * DATA_DIR_INVALID when it is missing, not writable, not ours or of a newer format.
 *
 * The lock is SQLite's exclusive lock on a small file of its own: a POSIX record lock, which the kernel drops with the
 * process, `kill -9` included. Nothing else may open that file in this process, since closing any descriptor of it
 * would drop the lock.
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const directory = resolve(path);
  try {
    await readMarker(directory);
    await access(directory, constants.W_OK | constants.X_OK);
    if (((await stat(directory)).mode & 0o077) !== 0) await chmod(directory, 0o700);
    const lock = await takeLock(directory);
    try {
      // Root may write anywhere, so only writing shows whether the volume is read-only.
      await writeFile(join(directory, PID_FILE), `${process.pid}\n`, { mode: 0o600 });
    } catch (error) {
      lock.close();
      throw error;
    }
    return held(directory, lock);
  } catch (error) {
    throw asInvalid(error, directory);
  }
}

function held(directory: string, lock: Libsql.Database): DataDirectory {
  let released = false;
  return {
    path: directory,
    storeFile: join(directory, 'store.db'),
    file: (name) => join(directory, name),
    release: async () => {
      if (released) return;
      released = true;
      await rm(join(directory, PID_FILE), { force: true });
      lock.close();
    },
  };
}

async function takeLock(directory: string): Promise<Libsql.Database> {
  const lock = new Libsql(join(directory, LOCK_FILE), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    const holder = await readHolder(directory);
    throw new PortolanError(
      'DATA_DIR_LOCKED',
      holder === undefined
        ? `Another process uses the data directory ${directory}.`
        : `Process ${holder} uses the data directory ${directory}.`,
      {
        fix: `Stop ${holder === undefined ? 'the other hub' : `process ${holder}`}, or use another data directory: dataDir in the configuration, or PORTOLAN_DATA_DIR.`,
      },
    );
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY';
}

/** The process that holds the lock, as it noted itself; unknown in the moment between its lock and its note. */
async function readHolder(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, PID_FILE), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isSafeInteger(pid) && pid > 0 && isAlive(pid) ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

async function readMarker(directory: string): Promise<void> {
  let text: string;
  try {
    text = await readFile(join(directory, MARKER_FILE), 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    const there = await stat(directory).catch(() => undefined);
    throw invalid(directory, there === undefined ? 'does not exist' : 'is not a portolan data directory', {
      cause: error,
    });
  }
  const marker = markerSchema.safeParse(parseJson(text));
  if (!marker.success) throw invalid(directory, `has a damaged ${MARKER_FILE}`, { cause: marker.error });
  if (marker.data.format > FORMAT) {
    throw invalid(directory, `has format ${marker.data.format}; this program knows up to ${FORMAT}`, {
      fix: 'Use the newer version of the program, which wrote it.',
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The file is complete or as it was, whenever the machine stops. One writer a file at a time.
 * @throws PortolanError DISK_FULL, DATA_DIR_INVALID; nothing is left behind then
 */
export async function writeDurably(
  directory: string,
  name: string,
  content: string | Uint8Array,
): Promise<void> {
  const temporary = join(directory, `${name}.new`);
  try {
    await writeAndSync(temporary, content);
    await rename(temporary, join(directory, name));
    await syncFolder(directory);
  } catch (error) {
    await rm(temporary, { force: true });
    throw asInvalid(error, directory);
  }
}

async function writeAndSync(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(directory: string): Promise<void> {
  const folder = await open(directory, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function invalid(
  directory: string,
  what: string,
  options: { readonly cause?: unknown; readonly fix?: string } = {},
) {
  return new PortolanError('DATA_DIR_INVALID', `The data directory ${directory} ${what}.`, options);
}

function asInvalid(error: unknown, directory: string): PortolanError {
  if (error instanceof PortolanError) return error;
  if (codeOf(error) === 'ENOSPC') {
    return new PortolanError('DISK_FULL', `No space left for ${directory}.`, { cause: error });
  }
  return invalid(directory, `cannot be used: ${messageOf(error)}`, { cause: error });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
