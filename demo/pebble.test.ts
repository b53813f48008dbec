import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPebble } from './pebble.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-pebble-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(...at: readonly string[]): Promise<string> {
  await mkdir(join(folder, ...at), { recursive: true });
  const file = join(folder, ...at, 'pebble');
  await writeFile(file, '#!/bin/sh\n');
  await chmod(file, 0o755);
  return file;
}
/** Nothing of this machine. */
const nowhere = () => ({ GOBIN: join(folder, 'none'), XDG_CACHE_HOME: join(folder, 'none'), PATH: '' });

describe('pebble is found', () => {
  it('where it is named, on PATH, where Go puts programs, or where the tests have built it', async () => {
    expect(findPebble(nowhere())).toBeUndefined();
    const built = await program('cache', 'portolan-tests', 'pebble-1');
    expect(findPebble({ ...nowhere(), XDG_CACHE_HOME: join(folder, 'cache') })).toBe(built);
    const go = await program('go');
    expect(findPebble({ ...nowhere(), GOBIN: join(folder, 'go') })).toBe(go);
    const onPath = await program('bin');
    expect(findPebble({ ...nowhere(), GOBIN: join(folder, 'go'), PATH: join(folder, 'bin') })).toBe(onPath);
    expect(findPebble({ ...nowhere(), PATH: join(folder, 'bin'), PORTOLAN_PEBBLE: go })).toBe(go);
  });

  it('nowhere when it is switched off, or what is named is no program', async () => {
    await program('bin');
    const env = { ...nowhere(), PATH: join(folder, 'bin') };
    expect(findPebble({ ...env, PORTOLAN_PEBBLE: 'off' })).toBeUndefined();
    expect(findPebble({ ...env, PORTOLAN_PEBBLE: join(folder, 'other') })).toBeUndefined();
  });
});
