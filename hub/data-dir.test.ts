import { mkdtempSync } from 'node:fs';
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDataDirectory, openDataDirectory } from './data-dir.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portolan-data-'));
  path = join(folder, 'a', 'data');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const containing = (text: string): unknown => expect.stringContaining(text);
const invalid = (text: string) => ({ code: 'DATA_DIR_INVALID', message: containing(text) });

it('makes a private directory once, and says whether it did', async () => {
  expect(await createDataDirectory(path)).toEqual({ path, created: true });
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(await createDataDirectory(path)).toEqual({ path, created: false });
});

it('takes over what a crash in the middle of making it left', async () => {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'portolan.json.new'), '{"prog');
  expect(await createDataDirectory(path)).toMatchObject({ created: true });
});

it('refuses a folder that holds something else', async () => {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'thesis.tex'), 'x');
  await expect(createDataDirectory(path)).rejects.toMatchObject(invalid('thesis.tex'));
  await expect(openDataDirectory(path)).rejects.toMatchObject(invalid('is not a portolan data directory'));
});

it('says that a directory is missing, and how to make one', async () => {
  await expect(openDataDirectory(path)).rejects.toMatchObject({
    ...invalid('does not exist'),
    fix: containing('portolan init'),
  });
});

it('refuses a file in its place', async () => {
  await mkdir(join(folder, 'a'));
  await writeFile(path, 'x');
  await expect(createDataDirectory(path)).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
  await expect(openDataDirectory(path)).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
});

it.each([
  { marker: '{"program":"portolan","format":2}', says: 'has format 2' },
  { marker: '{"program":"other","format":1}', says: 'has a damaged portolan.json' },
  { marker: '', says: 'has a damaged portolan.json' },
])('refuses the marker $marker', async ({ marker, says }) => {
  await createDataDirectory(path);
  await writeFile(join(path, 'portolan.json'), marker);
  await expect(openDataDirectory(path)).rejects.toMatchObject(invalid(says));
  await expect(createDataDirectory(path)).rejects.toMatchObject(invalid(says));
});

it('is held by one at a time, also inside one process', async () => {
  await createDataDirectory(path);
  const held = await openDataDirectory(path);
  expect(held.storeFile).toBe(join(path, 'store.db'));
  expect(held.file('hub.crt')).toBe(join(path, 'hub.crt'));
  await expect(openDataDirectory(path)).rejects.toMatchObject({
    code: 'DATA_DIR_LOCKED',
    message: containing(`Process ${process.pid} `),
    fix: containing(String(process.pid)),
  });
  await held.release();
  await (await openDataDirectory(path)).release();
});

it('closes a directory that was opened to others', async () => {
  await createDataDirectory(path);
  await chmod(path, 0o755);
  const held = await openDataDirectory(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await held.release();
});
