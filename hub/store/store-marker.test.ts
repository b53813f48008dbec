import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from './open.ts';

let directory: string;
let file: string;
const kek = randomBytes(32);
const start = async (): Promise<string> => {
  const store = await openStore({ kind: 'sqlite', file }, { kek, wallClock: Date.now, random: randomBytes });
  const { hubUid } = store;
  await store.close();
  return hubUid;
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portolan-store-'));
  file = join(directory, 'portolan.db');
});
afterEach(() => rm(directory, { recursive: true }));

describe('a store that was there before', () => {
  it('is opened again', async () => {
    expect(await start()).toBe(await start());
  });

  it('is missed when its file is gone: no hub comes up empty in its place', async () => {
    await start();
    for (const suffix of ['', '-wal', '-shm']) await rm(`${file}${suffix}`, { force: true });
    await expect(start()).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      fix: expect.stringContaining('restore the last backup') as unknown,
    });
  });

  it('is missed when its file is empty', async () => {
    await start();
    await rm(`${file}-wal`, { force: true });
    await truncate(file, 0);
    await expect(start()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('can be given up on purpose', async () => {
    const before = await start();
    for (const suffix of ['', '-wal', '-shm', '.exists']) await rm(`${file}${suffix}`, { force: true });
    expect(await start()).not.toBe(before);
  });
});
