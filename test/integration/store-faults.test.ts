import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDataDirectory, openDataDirectory } from '../../hub/data-dir.ts';
import type { Change } from '../../hub/store/contract.ts';
import { openStore, type StoreConfig } from '../../hub/store/open.ts';
import { requireRoot } from '../support/servers.ts';

const run = promisify(execFile);
const HOLDER = fileURLToPath(new URL('store-lock-child.ts', import.meta.url));
const actor = { id: 'hub', display: 'hub' };
const dependencies = {
  kek: randomBytes(32),
  wallClock: Date.now,
  random: (length: number) => randomBytes(length),
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portolan-faults-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function bigSecret(name: string, bytes: number): Change {
  return {
    type: 'create',
    key: { kind: 'Secret', namespace: 'default', name },
    spec: { stringData: { value: 'x'.repeat(bytes) } },
  };
}

/** Fills the store until it refuses; what it had acknowledged must be there, whole, before and after a restart. */
async function fillUp(config: StoreConfig): Promise<void> {
  const store = await openStore(config, dependencies);
  const acknowledged: string[] = [];
  let refusal: unknown;
  for (let n = 0; refusal === undefined && n < 10_000; n += 1) {
    try {
      // Two objects: a half-applied commit would leave one.
      await store.commit([bigSecret(`a${n}`, 20_000), bigSecret(`b${n}`, 20_000)], { actor });
      acknowledged.push(`a${n}`, `b${n}`);
    } catch (error) {
      refusal = error;
    }
  }
  expect(refusal).toMatchObject({ code: 'DISK_FULL', status: 507 });
  expect(acknowledged.length).toBeGreaterThan(4);
  const check = async () => {
    const names = (await store.list()).items.map((object) => object.metadata.name);
    expect(new Set(names)).toEqual(new Set(acknowledged));
    expect(await store.verifyAudit()).toEqual({ entries: acknowledged.length });
    const last = acknowledged.at(-1) ?? '';
    expect(await store.secretData({ kind: 'Secret', namespace: 'default', name: last })).toEqual({
      value: 'x'.repeat(20_000),
    });
  };
  await check();
  await store.close();
}

/** Takes all the room that is left. */
async function fillVolume(path: string): Promise<void> {
  const filler = await open(path, 'w');
  await filler
    .writeFile(Buffer.alloc(8 << 20))
    .catch((error: unknown) => expect(error).toMatchObject({ code: 'ENOSPC' }));
  await filler.close();
}

describe('a full disk', () => {
  it('I36 a store at its size limit refuses with DISK_FULL and keeps what it had', async () => {
    const config: StoreConfig = { kind: 'sqlite', file: join(folder, 'store.db'), maxPages: 400 };
    await fillUp(config);
    const store = await openStore({ ...config, maxPages: 4_000 }, dependencies);
    await store.commit([bigSecret('room-again', 20_000)], { actor });
    await store.close();
  });

  const onVolume = 'a full volume (a small tmpfs)';
  const root = requireRoot(onVolume);
  it.skipIf(!root.available)(
    'I36 a store on a full volume refuses with DISK_FULL, keeps what it had, and goes on when there is room',
    async () => {
      const volume = join(folder, 'volume');
      await mkdir(volume);
      await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', volume]);
      try {
        const ballast = join(volume, 'ballast');
        await writeFile(ballast, Buffer.alloc(4 << 20));
        const config: StoreConfig = { kind: 'sqlite', file: join(volume, 'store.db') };
        await fillUp(config);
        // Not a byte left on the volume, though perhaps in the store's own files: then it opens, and refuses what needs more.
        await fillVolume(join(volume, 'filler'));
        const refused = openStore(config, dependencies).then(async (opened) => {
          try {
            await opened.commit([bigSecret('no-room', 6_000_000)], { actor });
          } finally {
            await opened.close();
          }
        });
        await expect(refused).rejects.toMatchObject({ code: 'DISK_FULL' });
        await rm(ballast);
        const store = await openStore(config, dependencies);
        await store.commit([bigSecret('room-again', 20_000)], { actor });
        expect(await store.verifyAudit()).not.toHaveProperty('brokenAt');
        await store.close();
      } finally {
        // Lazily: the engine lets go of a closed file only with its next garbage collection.
        await run('umount', ['-l', volume]);
      }
    },
  );
});

describe('a damaged store file', () => {
  it('answers STORE_CORRUPT with the file for something that is no database', async () => {
    const file = join(folder, 'store.db');
    await writeFile(file, 'x'.repeat(10_000));
    const opening = openStore({ kind: 'sqlite', file }, dependencies);
    await expect(opening).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining(file) as unknown,
    });
    expect(await readFile(file, 'utf8')).toBe('x'.repeat(10_000));
  });

  it('answers STORE_CORRUPT when pages are missing', async () => {
    const file = join(folder, 'store.db');
    const store = await openStore({ kind: 'sqlite', file }, dependencies);
    for (let n = 0; n < 20; n += 1) await store.commit([bigSecret(`n${n}`, 20_000)], { actor });
    await store.close();
    await truncate(file, 40_960);
    const damaged = async () => {
      const again = await openStore({ kind: 'sqlite', file }, dependencies);
      try {
        await again.list();
        await again.secretData({ kind: 'Secret', namespace: 'default', name: 'n19' });
      } finally {
        await again.close();
      }
    };
    await expect(damaged()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('answers STORE_UNAVAILABLE when the folder is missing', async () => {
    const opening = openStore({ kind: 'sqlite', file: join(folder, 'nowhere', 'store.db') }, dependencies);
    await expect(opening).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('answers STORE_TOO_NEW for a store of a later version', async () => {
    const file = join(folder, 'store.db');
    await (await openStore({ kind: 'sqlite', file }, dependencies)).close();
    const { default: Libsql } = await import('libsql');
    const database = new Libsql(file);
    database.exec("insert into schema_versions values (99, 'later')");
    database.close();
    await expect(openStore({ kind: 'sqlite', file }, dependencies)).rejects.toMatchObject({
      code: 'STORE_TOO_NEW',
    });
  });
});

describe('two hubs on one data directory', () => {
  /** A process that holds the directory, ready when this resolves. */
  async function holder(directory: string) {
    const child = spawn(process.execPath, [HOLDER, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [ready] = (await once(child.stdout, 'data')) as [Buffer];
    expect(ready.toString()).toBe('held\n');
    return child;
  }

  it('the second is refused at once with the id of the first; after kill -9 of the first it gets in', async () => {
    const directory = join(folder, 'data');
    await createDataDirectory(directory);
    const first = await holder(directory);
    const before = performance.now();
    const refusal = openDataDirectory(directory);
    await expect(refusal).rejects.toMatchObject({
      code: 'DATA_DIR_LOCKED',
      message: expect.stringContaining(`Process ${first.pid} `) as unknown,
    });
    expect(performance.now() - before).toBeLessThan(4_000); // at once: nothing is waited for
    // The refused one did not disturb the first.
    await expect(openDataDirectory(directory)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
    expect(await readFile(join(directory, 'hub.pid'), 'utf8')).toBe(`${first.pid}\n`);
    const exited = once(first, 'exit');
    first.kill('SIGKILL');
    await exited;
    const second = await openDataDirectory(directory);
    expect(await readFile(join(directory, 'hub.pid'), 'utf8')).toBe(`${process.pid}\n`);
    await second.release();
  });

  const onReadOnly = 'a data directory on a read-only volume';
  const root = requireRoot(onReadOnly);
  it.skipIf(!root.available)('refuses one on a read-only volume', async () => {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
    try {
      const directory = join(folder, 'data');
      await createDataDirectory(directory);
      await run('mount', ['-o', 'remount,ro', folder]);
      await expect(openDataDirectory(directory)).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
    } finally {
      await run('umount', ['-l', folder]);
    }
  });

  it('of many that start at once one gets it', async () => {
    const directory = join(folder, 'data');
    await createDataDirectory(directory);
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, [HOLDER, directory], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const answers = await Promise.all(
      children.map(async (child) => ((await once(child.stdout, 'data')) as [Buffer])[0].toString()),
    );
    expect(answers.sort()).toEqual(
      ['held\n', ...Array.from({ length: 5 }, () => 'refused DATA_DIR_LOCKED\n')].sort(),
    );
    await Promise.all(
      children.map(async (child) => {
        const exited = child.exitCode === null ? once(child, 'exit') : Promise.resolve();
        child.stdin.end();
        await exited;
      }),
    );
  });

  it('is free again after a release, and leaves its files private', async () => {
    const directory = join(folder, 'data');
    await createDataDirectory(directory);
    const held = await openDataDirectory(directory);
    await held.release();
    await held.release();
    const again = await openDataDirectory(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    await again.release();
  });
});
