import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BUILD_MS = 900_000;

/**
 * A program of a Go module, built once for each version and kept in the user's cache.
 * @param path pinned, such as `example.com/module/cmd@v1.2.3`
 * @param program the file that `go install` makes of it
 * @throws Error when Go is missing, or the module cannot be fetched
 */
export async function goProgram(path: string, program: string): Promise<string> {
  const version = createHash('sha256').update(path).digest('hex').slice(0, 12);
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'portolan-tests');
  const folder = join(cache, `${program}-${version}`);
  const built = join(folder, program);
  if (existsSync(built)) return built;
  await mkdir(folder, { recursive: true });
  // Test files that ask at once build each their own; whichever is moved last is the same.
  const making = await mkdtemp(join(folder, 'making-'));
  try {
    // A Go that is older than the module asks for fetches the one it needs; Debian's would refuse.
    const env = { ...process.env, GOBIN: making, GOTOOLCHAIN: 'auto' };
    await run('go', ['install', path], { timeout: BUILD_MS, env });
    await rename(join(making, program), built);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return built;
}
