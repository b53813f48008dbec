import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PortolanError } from '../src/errors/error.ts';

const LOCK_FILE = 'agent.lock';

/** Takes the data directory for this process; the function that comes back gives it up. */
export type ReleaseLock = () => Promise<void>;

/**
 * One agent for one data directory. The lock names its holder by process id and start time, so that the lock of a process that
 * was killed, or whose id somebody else has now, does not count.
 * @throws PortolanError DATA_DIR_LOCKED, DATA_DIR_INVALID
 */
export async function lockDataDir(dataDir: string): Promise<ReleaseLock> {
  const path = join(dataDir, LOCK_FILE);
  const own = `${process.pid} ${await startOf(process.pid)}`;
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(draft, own, { mode: 0o600 });
    for (;;) {
      // A link appears whole or not at all, and only where nothing is.
      if (await linked(draft, path)) break;
      const holder = await readFile(path, 'utf8').catch(() => '');
      if (await isRunning(holder)) {
        const [pid] = holder.split(' ');
        throw new PortolanError('DATA_DIR_LOCKED', `process ${pid} uses the data directory ${dataDir}`, {
          fix: `Stop process ${pid} or use another --data-dir.`,
        });
      }
      // Moved away and looked at again: two starts at once must not remove each other's lock.
      const away = `${path}.${process.pid}.old`;
      await rename(path, away).catch(() => undefined);
      const moved = await readFile(away, 'utf8').catch(() => holder);
      if (moved !== holder && (await isRunning(moved))) await linked(away, path);
      await rm(away, { force: true });
    }
  } catch (cause) {
    if (cause instanceof PortolanError) throw cause;
    throw new PortolanError('DATA_DIR_INVALID', `the data directory ${dataDir} cannot be used`, { cause });
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    if ((await readFile(path, 'utf8').catch(() => '')) === own) await rm(path, { force: true });
  };
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isRunning(holder: string): Promise<boolean> {
  const [pid, start] = holder.split(' ');
  const id = Number(pid);
  if (!Number.isSafeInteger(id) || id <= 0) return false;
  try {
    process.kill(id, 0);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
  }
  const { start: began, hasEnded } = await statOf(id);
  return began === start && !hasEnded;
}

/** When the process began, in the kernel's ticks since boot; the same text for every process where there is no /proc. */
async function startOf(pid: number): Promise<string> {
  return (await statOf(pid)).start;
}

async function statOf(pid: number): Promise<{ readonly start: string; readonly hasEnded: boolean }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The command's name stands in parentheses and may hold anything; then come the state and, as the 20th field, the start time.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A process that has ended keeps its id until its parent asks how.
  return { start: fields[19] ?? '-', hasEnded: fields[0] === 'Z' };
}
