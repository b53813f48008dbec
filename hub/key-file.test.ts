import { mkdtempSync } from 'node:fs';
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createKeyFile, readKeyFile } from './key-file.ts';

const sevens = (length: number): Uint8Array => new Uint8Array(length).fill(7);
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portolan-key-'));
  path = join(folder, 'hub.key');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('makes a key only its owner can read, and reads it back', async () => {
  expect(await createKeyFile(path, sevens)).toEqual({ created: true });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readKeyFile(path)).toEqual(Buffer.alloc(32, 7));
});

it('never touches a key that is there', async () => {
  await createKeyFile(path, sevens);
  const before = await readFile(path, 'utf8');
  expect(await createKeyFile(path, (length) => new Uint8Array(length))).toEqual({ created: false });
  expect(await readFile(path, 'utf8')).toBe(before);
});

it.each([
  { mode: 0o600, allowed: true },
  { mode: 0o400, allowed: true },
  { mode: 0o440, allowed: true },
  { mode: 0o640, allowed: false },
  { mode: 0o660, allowed: false },
  { mode: 0o644, allowed: false },
  { mode: 0o604, allowed: false },
])('mode $mode is allowed: $allowed', async ({ mode, allowed }) => {
  await createKeyFile(path, sevens);
  await chmod(path, mode);
  const reading = readKeyFile(path);
  if (allowed) await expect(reading).resolves.toHaveLength(32);
  else
    await expect(reading).rejects.toMatchObject({ code: 'KEY_FILE_INVALID', fix: `Run: chmod 0600 ${path}` });
});

it.each(['', 'not base64!', Buffer.alloc(31, 7).toString('base64'), Buffer.alloc(33, 7).toString('base64')])(
  'refuses %j as a key',
  async (text) => {
    await writeFile(path, text, { mode: 0o600 });
    await expect(readKeyFile(path)).rejects.toMatchObject({ code: 'KEY_FILE_INVALID' });
  },
);

it('names a file that is missing or cannot be made', async () => {
  await expect(readKeyFile(path)).rejects.toMatchObject({
    code: 'KEY_FILE_INVALID',
    message: expect.stringContaining(path) as unknown,
  });
  const nowhere = join(folder, 'nowhere', 'hub.key');
  await expect(createKeyFile(nowhere, sevens)).rejects.toMatchObject({ code: 'KEY_FILE_INVALID' });
});
