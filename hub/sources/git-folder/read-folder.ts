import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { messageOf } from '../../../src/errors/error.ts';
import type { Problem } from './parse-folder.ts';

export interface TextFile {
  /** Below the folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** What a look at the names of a folder gives; no file is read for it. */
export interface FolderListing {
  /** Where the folder is, symbolic links followed. */
  readonly root: string;
  /** Equal for two looks between which nothing changed. */
  readonly fingerprint: string;
  /** In the order of their paths. */
  readonly files: readonly { readonly path: string; readonly real: string }[];
  /** Every folder whose change may mean something. */
  readonly folders: readonly string[];
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
}

/** What a folder holds. */
export interface FolderContent {
  readonly files: readonly TextFile[];
  /** What could not be read. */
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
}

const EXTENSIONS = ['.yaml', '.yml', '.json'];
const MAX_FILES = 10_000;
const MAX_FOLDERS = 2_000;
const MAX_DEPTH = 20;
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Looks for files below `path`, which may be a symbolic link itself (git-sync swaps it). Hidden files and folders are left out, as are
 * links that lead out of the folder: who may write into it must not get at other files of the hub.
 * @throws the system's error when the folder itself cannot be read
 */
export async function listFolder(path: string): Promise<FolderListing> {
  const root = await realpath(path);
  const files: { path: string; real: string }[] = [];
  const folders: string[] = [];
  const problems: Problem[] = [];
  const notes: string[] = [];
  const hash = createHash('sha256').update(root);
  const seen = new Set<string>();
  let bytes = 0;

  const inside = (real: string): boolean => real === root || real.startsWith(`${root}${sep}`);

  async function walk(folder: string, shown: string, depth: number): Promise<void> {
    if (seen.has(folder)) return;
    seen.add(folder);
    if (depth > MAX_DEPTH || folders.length >= MAX_FOLDERS) {
      problems.push({
        origin: shown === '' ? '.' : shown,
        message: `there are more than ${MAX_FOLDERS} folders, or more than ${MAX_DEPTH} within each other`,
        fix: 'Point the hub to a smaller folder.',
      });
      return;
    }
    folders.push(folder);
    const names = (await readdir(folder)).sort();
    for (const name of names) {
      if (name.startsWith('.')) continue;
      await look(join(folder, name), shown === '' ? name : `${shown}/${name}`, depth);
    }
  }

  async function look(at: string, shown: string, depth: number): Promise<void> {
    try {
      const real = await realpath(at);
      if (!inside(real)) {
        problems.push({
          origin: shown,
          message: 'it is a link that leads out of the folder',
          fix: 'Put the file itself into the folder.',
        });
        return;
      }
      const found = await stat(real, { bigint: true });
      if (found.isDirectory()) {
        await walk(real, shown, depth + 1);
        return;
      }
      if (!EXTENSIONS.some((extension) => shown.endsWith(extension))) return;
      if (!found.isFile()) {
        notes.push(`${shown} is not a file`);
        return;
      }
      bytes += Number(found.size);
      if (found.size > MAX_FILE_BYTES || bytes > MAX_BYTES || files.length >= MAX_FILES) {
        problems.push({
          origin: shown,
          message: `it is not read: at most ${MAX_FILES} files are, of ${MAX_FILE_BYTES / 1_048_576} MiB each and ${MAX_BYTES / 1_048_576} MiB together`,
          fix: 'Split the file, or point the hub to a smaller folder.',
        });
        return;
      }
      hash.update(`\0${shown}\0${real}\0${found.ino}\0${found.size}\0${found.mtimeNs}\0${found.ctimeNs}`);
      files.push({ path: shown, real });
    } catch (thrown) {
      problems.push({ origin: shown, message: `it cannot be read: ${messageOf(thrown)}` });
    }
  }

  await walk(root, '', 0);
  for (const { origin, message } of problems) hash.update(`\0${origin}\0${message}`);
  return { root, fingerprint: hash.digest('hex'), files, folders, problems, notes };
}

/** Reads what was listed. A file that cannot be read is a problem of the content. */
export async function readListed({ files, problems, notes }: FolderListing): Promise<FolderContent> {
  const read: TextFile[] = [];
  const failed: Problem[] = [...problems];
  for (const { path, real } of files) {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(real));
      read.push({ path, text });
    } catch (thrown) {
      failed.push({ origin: path, message: `it cannot be read: ${messageOf(thrown)}` });
    }
  }
  return { files: read, problems: failed, notes };
}

/** Folders in which one of the links on the way to `path` stands: there it is swapped for another. */
export async function linkFolders(path: string): Promise<readonly string[]> {
  const folders = new Set([dirname(path)]);
  for (let at = path; dirname(at) !== at; at = dirname(at)) {
    const found = await lstat(at).catch(() => undefined);
    if (found?.isSymbolicLink() === true) folders.add(dirname(at));
  }
  return [...folders];
}

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * The commit that is checked out where `root` is, read from Git's own files; or the name of git-sync's worktree, which is the commit.
 * Else a digest of what was read.
 * @see https://git-scm.com/docs/gitrepository-layout
 */
export async function revisionOf(root: string, { files }: FolderContent): Promise<string> {
  for (let at = root; ; at = dirname(at)) {
    if (COMMIT.test(basename(at))) return basename(at);
    const commit = await headOf(at);
    if (commit !== undefined) return commit;
    if (dirname(at) === at) break;
  }
  const hash = createHash('sha256');
  for (const { path, text } of files) hash.update(JSON.stringify([path, text]));
  return `sha256:${hash.digest('hex').slice(0, 16)}`;
}

async function headOf(folder: string): Promise<string | undefined> {
  const text = async (...parts: readonly string[]): Promise<string | undefined> =>
    readFile(join(...parts), 'utf8').then(
      (content) => content.trim(),
      () => undefined,
    );
  // In a worktree or a submodule `.git` is a file that names the folder.
  const pointer = /^gitdir: (.+)$/.exec((await text(folder, '.git')) ?? '')?.[1];
  const git = join(folder, pointer ?? '.git');
  const directory = pointer?.startsWith('/') === true ? pointer : git;
  const head = await text(directory, 'HEAD');
  if (head === undefined) return undefined;
  if (COMMIT.test(head)) return head;
  const reference = /^ref: (refs\/[\w./-]+)$/.exec(head)?.[1];
  if (reference === undefined || reference.includes('..')) return undefined;
  const shared = (await text(directory, 'commondir')) ?? '.';
  for (const home of [directory, shared.startsWith('/') ? shared : join(directory, shared)]) {
    const loose = await text(home, reference);
    if (loose !== undefined && COMMIT.test(loose)) return loose;
    const packed = (await text(home, 'packed-refs'))
      ?.split('\n')
      .find((line) => line.endsWith(` ${reference}`));
    const commit = packed?.split(' ')[0];
    if (commit !== undefined && COMMIT.test(commit)) return commit;
  }
  return undefined;
}
