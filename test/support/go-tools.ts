import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BUILD_MS = 1_800_000;
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'portolan-tests');

/**
 * A program of a Go module, built once for each version and kept in the user's cache.
 * @param path pinned, such as `example.com/module/cmd@v1.2.3`
 * @param program the file that `go install` makes of it
 * @throws Error when Go is missing, or the module cannot be fetched
 */
export async function goProgram(path: string, program: string): Promise<string> {
  const version = createHash('sha256').update(path).digest('hex').slice(0, 12);
  const folder = join(CACHE, `${program}-${version}`);
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

/**
 * A program of a module of our own beside the tests (`go.mod`, `go.sum`, `main.go`), built once for each state of these files and kept in the user's cache.
 * For programs whose modules say where others are replaced, which `go install` refuses.
 * @param linking of the linker, such as `-X` and what follows
 * @throws Error when Go is missing, or a module cannot be fetched
 */
export async function goModule(source: string, program: string, linking = ''): Promise<string> {
  const pinned = await Promise.all(
    ['go.mod', 'go.sum', 'main.go'].map((file) => readFile(join(source, file))),
  );
  const version = createHash('sha256')
    .update(Buffer.concat(pinned))
    .update(linking)
    .digest('hex')
    .slice(0, 12);
  const built = join(CACHE, `${program}-${version}`);
  if (existsSync(built)) return built;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), 'portolan-go-'));
  try {
    await cp(source, folder, { recursive: true });
    const made = `${built}.${process.pid}`;
    const flags = `-s -w ${linking}`.trim();
    await run('go', ['build', '-ldflags', flags, '-o', made, '.'], { cwd: folder, timeout: BUILD_MS });
    await rename(made, built);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return built;
}
