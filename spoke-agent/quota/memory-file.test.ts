import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { quotaMemoryFile } from './memory-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-quota-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const MEMORY = {
  shares: [{ scope: '*', millionths: 333_333 }],
  givenWallMs: 1_700_000_000_000,
  leaseMs: 9_000,
  ledger: 'l',
  waivedSinceMs: 1_699_999_999_000.5,
};

it('gives back what was written last, also to another process', async () => {
  const file = quotaMemoryFile(folder);
  const writes = [file.write({ ...MEMORY, givenWallMs: 1 }), file.write(MEMORY)];
  await Promise.all(writes);
  expect(await quotaMemoryFile(folder).read()).toEqual(MEMORY);
  expect(await readdir(folder)).toEqual(['quota.json']);
});

it('knows nothing when there is nothing', async () => {
  expect(await quotaMemoryFile(folder).read()).toBeUndefined();
});

it.each(['', '{', '[]', 'null', '{"version":2,"shares":[],"givenWallMs":1}', '{"version":1,"shares":[]}'])(
  'knows nothing when the file says %j',
  async (text) => {
    await writeFile(join(folder, 'quota.json'), text);
    expect(await quotaMemoryFile(folder).read()).toBeUndefined();
  },
);

it('leaves out shares that cannot be', async () => {
  const shares = [{ scope: 'a', millionths: 1 }, { scope: 'b', millionths: -1 }, { scope: 1 }, null];
  await writeFile(join(folder, 'quota.json'), JSON.stringify({ version: 1, shares, givenWallMs: 1 }));
  expect(await quotaMemoryFile(folder).read()).toEqual({
    shares: [{ scope: 'a', millionths: 1 }],
    givenWallMs: 1,
  });
});

it('says when it cannot write', async () => {
  const file = quotaMemoryFile(join(folder, 'gone'));
  await expect(file.write(MEMORY)).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
});
