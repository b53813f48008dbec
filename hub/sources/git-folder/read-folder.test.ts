import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listFolder, readListed, revisionOf } from './read-folder.ts';

const COMMIT = 'c0ffee'.padEnd(40, '0');
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-folder-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(path: string, text = ''): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
}
const content = async () => readListed(await listFolder(folder));

describe('a folder on disk', () => {
  it('is read in the order of its paths, without what is hidden or no document', async () => {
    for (const path of ['b/x.yml', 'a.yaml', '.git/config.yaml', '.hidden.yaml', 'readme.md', 'c.json'])
      await put(path);
    expect((await content()).files.map(({ path }) => path)).toEqual(['a.yaml', 'b/x.yml', 'c.json']);
  });

  it('may be what Kubernetes makes of a ConfigMap: links into a hidden folder that is swapped', async () => {
    await put('..2026/a.yaml', 'text');
    await symlink('..2026', join(folder, '..data'));
    await symlink(join('..data', 'a.yaml'), join(folder, 'a.yaml'));
    expect((await content()).files).toEqual([{ path: 'a.yaml', text: 'text' }]);
  });

  it('I32 gives nothing that lies outside of it, whatever links lead there', async () => {
    const inner = join(folder, 'inner');
    await put('secret.yaml', 'canary');
    await mkdir(inner);
    await symlink('../secret.yaml', join(inner, 'a.yaml'));
    await symlink('..', join(inner, 'up'));
    const { files, problems } = await readListed(await listFolder(inner));
    expect(files).toEqual([]);
    expect(problems.map(({ origin }) => origin)).toEqual(['a.yaml', 'up']);
  });

  it('whose links lead in a circle ends', async () => {
    await put('a/x.yaml', 'x');
    await symlink('.', join(folder, 'a', 'again'));
    expect((await content()).files.map(({ path }) => path)).toEqual(['a/x.yaml']);
  });

  it('with a file that is no UTF-8 has a problem there', async () => {
    await writeFile(join(folder, 'a.yaml'), Buffer.from([0xff, 0xfe, 0x00]));
    const { files, problems } = await content();
    expect(files).toEqual([]);
    expect(problems[0]?.origin).toBe('a.yaml');
  });

  it('has another fingerprint after every change, and the same without one', async () => {
    await put('a.yaml', 'one');
    const first = (await listFolder(folder)).fingerprint;
    expect((await listFolder(folder)).fingerprint).toBe(first);
    await put('a.yaml', 'two');
    expect((await listFolder(folder)).fingerprint).not.toBe(first);
  });
});

describe('its revision', () => {
  const files = { files: [{ path: 'a.yaml', text: 'x' }], problems: [], notes: [] };
  it.each([
    ['a detached HEAD', { '.git/HEAD': `${COMMIT}\n` }],
    ['a branch', { '.git/HEAD': 'ref: refs/heads/main\n', '.git/refs/heads/main': `${COMMIT}\n` }],
    [
      'a packed branch',
      {
        '.git/HEAD': 'ref: refs/heads/main\n',
        '.git/packed-refs': `# pack-refs\n${COMMIT} refs/heads/main\n`,
      },
    ],
    [
      'a worktree',
      { '.git': 'gitdir: main/.git/worktrees/w\n', 'main/.git/worktrees/w/HEAD': `${COMMIT}\n` },
    ],
  ])('is the commit of %s', async (_what, made) => {
    for (const [path, text] of Object.entries(made)) await put(path, text);
    await mkdir(join(folder, 'deploy'), { recursive: true });
    expect(await revisionOf(join(folder, 'deploy'), files)).toBe(COMMIT);
  });

  it('is the name of the worktree that git-sync made, or else a digest of the content', async () => {
    expect(await revisionOf(join('/nowhere', COMMIT, 'policies'), files)).toBe(COMMIT);
    expect(await revisionOf('/nowhere', files)).toMatch(/^sha256:[0-9a-f]{16}$/);
  });
});
