import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFolder } from './lock.ts';

let folder: string;
const children: ChildProcess[] = [];
const nobody = (): void => undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** Ends when its standard input does, as everything the demo starts. */
async function startChild(): Promise<{ readonly pid: number; end(): Promise<void> }> {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  children.push(child);
  await once(child, 'spawn');
  return {
    pid: child.pid ?? 0,
    end: async () => {
      const gone = once(child, 'exit');
      child.stdin.end();
      await gone;
    },
  };
}

/** As a demo leaves its folder that was killed while something it started goes on. */
async function killedDemo(child: number): Promise<void> {
  const lock = await lockFolder(folder, nobody);
  lock.started('hub', child);
  const path = join(folder, 'demo.lock');
  const [, ...rest] = (await readFile(path, 'utf8')).split('\n');
  // No process has this id: it is above what the kernel gives.
  await writeFile(path, ['99999999 1 demo', ...rest].join('\n'));
}

describe("the lock of the demo's folder", () => {
  it('is refused at once, with the process, while another demo runs there', async () => {
    await lockFolder(folder, nobody);
    await expect(lockFolder(folder, nobody)).rejects.toMatchObject({
      code: 'DATA_DIR_LOCKED',
      message: `another demo runs here (pid ${process.pid})`,
    });
  });

  it('is free again after its release, with nothing left behind', async () => {
    (await lockFolder(folder, nobody)).release();
    expect(await readdir(folder)).toEqual([]);
    await lockFolder(folder, nobody);
  });

  it('waits for what a killed demo had started', async () => {
    const child = await startChild();
    await killedDemo(child.pid);
    const reasons: string[] = [];
    let has = false;
    const next = lockFolder(folder, (reason) => {
      reasons.push(reason);
      expect(has).toBe(false);
      void child.end();
    }).then((lock) => {
      has = true;
      return lock;
    });
    (await next).release();
    expect(reasons).toEqual([`hub (pid ${child.pid}) of the last demo here is still ending`]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('waits for a demo that is stopping instead of refusing', async () => {
    const first = await lockFolder(folder, nobody);
    first.ending();
    const reasons: string[] = [];
    const next = await lockFolder(folder, (reason) => {
      reasons.push(reason);
      first.release();
    });
    expect(reasons).toHaveLength(1);
    next.release();
  });

  it('does not count a process id that somebody else has now', async () => {
    await writeFile(join(folder, 'demo.lock'), `${process.pid} 1 demo\n`);
    (await lockFolder(folder, nobody)).release();
  });

  it('passes over a line that was cut off', async () => {
    await writeFile(join(folder, 'demo.lock'), '99999999 1 demo\n');
    await appendFile(join(folder, 'demo.lock'), `${process.pid}`);
    (await lockFolder(folder, nobody)).release();
  });
});
