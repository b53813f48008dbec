import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALL_MS = 300_000;

/**
 * Programs from PyPI in a virtual environment of their own, made once for each list of versions and kept in the user's cache.
 * @param requirements pinned, such as `octodns==1.22.0`
 * @returns the folder that has the programs
 * @throws Error when Python or its `venv` module is missing, or PyPI cannot be reached
 */
export async function pythonTools(name: string, requirements: readonly string[]): Promise<string> {
  const version = createHash('sha256').update(requirements.join('\n')).digest('hex').slice(0, 12);
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'portolan-tests');
  const folder = join(cache, `${name}-${version}`);
  const bin = join(folder, 'bin');
  if (existsSync(join(folder, 'complete'))) return bin;
  await mkdir(cache, { recursive: true });
  // Programs of a virtual environment name its path, so it is made in place; the mark at the end says that it is whole.
  const broken = `${folder}.${process.pid}.old`;
  await rename(folder, broken).catch(() => undefined);
  await rm(broken, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', folder], { timeout: INSTALL_MS });
  await run(join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...requirements], {
    timeout: INSTALL_MS,
  });
  await writeFile(join(folder, 'complete'), `${requirements.join('\n')}\n`);
  return bin;
}
