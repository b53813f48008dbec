import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lockDataDir } from './data-dir-lock.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'portolan-lock-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

describe('a data directory', () => {
  it('is taken once, and free again after it was given up', async () => {
    const release = await lockDataDir(dataDir);
    await expect(lockDataDir(dataDir)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
    await release();
    await (await lockDataDir(dataDir))();
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('is taken once when many start at the same moment', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => lockDataDir(dataDir)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  it('is free when its holder was killed', async () => {
    const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
    await new Promise((resolve) => child.once('exit', resolve));
    await writeFile(join(dataDir, 'agent.lock'), `${child.pid} 12345`);
    await (await lockDataDir(dataDir))();
  });

  it.runIf(process.platform === 'linux')(
    'is free when another process has the id of its holder now',
    async () => {
      await writeFile(join(dataDir, 'agent.lock'), `${process.pid} 1`);
      await (await lockDataDir(dataDir))();
    },
  );

  it.runIf(process.platform === 'linux')(
    'is free when its holder has ended, though nobody has asked how',
    async () => {
      // The shell's child ends only once another program has taken the shell's place, which never waits for it.
      const parent = spawn('sh', ['-c', 'exec 3<&0; cat <&3 >/dev/null & echo $!; exec sleep 60'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      try {
        const pid = await new Promise<string>((resolve) =>
          parent.stdout.once('data', (text: Buffer) => resolve(text.toString().trim())),
        );
        const name = (): Promise<string> => readFile(`/proc/${parent.pid ?? 0}/comm`, 'utf8');
        await vi.waitFor(async () => expect(await name()).toBe('sleep\n'), { timeout: 20_000 });
        parent.stdin.end();
        const stat = (): Promise<string> => readFile(`/proc/${pid}/stat`, 'utf8');
        await vi.waitFor(async () => expect(await stat()).toMatch(/\) Z /), { timeout: 20_000 });
        const start = (await stat()).split(') ')[1]?.split(' ')[19];
        await writeFile(join(dataDir, 'agent.lock'), `${pid} ${start}`);
        await (await lockDataDir(dataDir))();
      } finally {
        parent.kill('SIGKILL');
      }
    },
  );

  it('is refused when it cannot be written', async () => {
    await expect(lockDataDir(join(dataDir, 'absent'))).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
  });
});
