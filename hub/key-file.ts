import { open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { KEY_BYTES, type RandomBytes } from '../src/identity/envelope.ts';

/** Owner only; or read by a group where Kubernetes fsGroup and systemd credentials hand the file over. */
const ALLOWED_MODES = [0o600, 0o400, 0o440];

/**
 * Makes a key-encryption key file: 32 random bytes in base64, mode 0600, durably. An existing file is never touched:
 * it may be the only key to a store. Resolves to whether it was made. Keep it outside the data directory, so that a copy
 * of the data is worth nothing without it.
 */
export async function createKeyFile(
  path: string,
  random: RandomBytes,
): Promise<{ readonly created: boolean }> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${Buffer.from(random(KEY_BYTES)).toString('base64')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return { created: true };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return { created: false };
    throw new PortolanError(
      'KEY_FILE_INVALID',
      `The key file ${path} cannot be written: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

/** The 32 bytes. Throws KEY_FILE_INVALID when the file is missing, open to others or not such a key. */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  let text: string;
  let mode: number;
  try {
    mode = (await stat(path)).mode & 0o777;
    text = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new PortolanError('KEY_FILE_INVALID', `The key file ${path} cannot be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  if (!ALLOWED_MODES.includes(mode)) {
    throw new PortolanError(
      'KEY_FILE_INVALID',
      `The key file ${path} has mode 0${mode.toString(8)}; others could read it.`,
      {
        fix: `Run: chmod 0600 ${path}`,
      },
    );
  }
  const key = Buffer.from(text, 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== text) {
    throw new PortolanError(
      'KEY_FILE_INVALID',
      `The key file ${path} does not hold ${KEY_BYTES} bytes in base64.`,
    );
  }
  return key;
}
