import { chmod, chown, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PortolanError } from '../../src/errors/error.ts';

/** A file as it shall be. */
export interface ExportedFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Writes the files that differ: all are complete on the disk, with their rights, before the first takes its place, so a reader finds old or
 * new ones, and between two renames at worst one of each. @returns whether any was written
 * @throws PortolanError DISK_FULL, EXPORT_FAILED
 */
export async function writeExports(
  files: readonly ExportedFile[],
  owner: Owner | undefined,
): Promise<boolean> {
  const drafts: { readonly draft: string; readonly path: string }[] = [];
  try {
    for (const file of files) {
      if (await isSame(file, owner)) continue;
      const draft = `${file.path}.portolan-${process.pid}.tmp`;
      drafts.push({ draft, path: file.path });
      await writeDraft(draft, file, owner);
    }
    for (const { draft, path } of drafts) await rename(draft, path);
    for (const folder of new Set(drafts.map(({ path }) => dirname(path)))) await syncFolder(folder);
    return drafts.length > 0;
  } catch (cause) {
    for (const { draft } of drafts) await rm(draft, { force: true }).catch(() => undefined);
    const code = codeOf(cause);
    const paths = files.map(({ path }) => path).join(', ');
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new PortolanError('DISK_FULL', `no space left to write ${paths}`, { cause });
    throw new PortolanError('EXPORT_FAILED', `${paths} cannot be written: ${code ?? String(cause)}`, {
      cause,
    });
  }
}

async function isSame({ path, content, mode }: ExportedFile, owner: Owner | undefined): Promise<boolean> {
  try {
    const [there, facts] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    const owned = owner === undefined || (facts.uid === owner.uid && facts.gid === owner.gid);
    return there === content && (facts.mode & 0o777) === mode && owned;
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

async function writeDraft(
  draft: string,
  { content, mode }: ExportedFile,
  owner: Owner | undefined,
): Promise<void> {
  await rm(draft, { force: true });
  // Nobody else may read it at any instant: rights are widened once it belongs to whom it shall.
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  if (owner !== undefined) await chown(draft, owner.uid, owner.gid);
  await chmod(draft, mode);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Who `user` or `user:group` is on this machine. @throws PortolanError EXPORT_FAILED */
export async function ownerOf(text: string): Promise<Owner> {
  const [user = '', group] = text.split(':');
  const found = /^\d+$/.test(user)
    ? { uid: Number(user), gid: Number(user) }
    : await lookUp('/etc/passwd', user);
  const gid =
    group === undefined
      ? found.gid
      : /^\d+$/.test(group)
        ? Number(group)
        : (await lookUp('/etc/group', group)).uid;
  return { uid: found.uid, gid };
}

/** Both files have the number in the third column; that of users has the group's in the fourth. */
async function lookUp(path: string, name: string): Promise<Owner> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const fields = text
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
  const uid = Number(fields?.[2]);
  if (fields === undefined || !Number.isInteger(uid))
    throw new PortolanError('EXPORT_FAILED', `${name} is not in ${path}`);
  return { uid, gid: Number(fields[3]) };
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}
