import { accessSync, constants, globSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where to get it, for those who have Go. */
export const INSTALL_PEBBLE = 'go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1';

/**
 * The program `pebble`: what PORTOLAN_PEBBLE names (`off`: none), else the first on PATH, of Go's own folder, or that the tests have built.
 * Undefined: it is not installed.
 */
export function findPebble(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const named = env.PORTOLAN_PEBBLE;
  if (named === 'off') return undefined;
  if (named !== undefined && named !== '') return isProgram(named) ? named : undefined;
  const home = homedir();
  return [
    ...(env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    env.GOBIN ?? join(env.GOPATH ?? join(home, 'go'), 'bin'),
    ...globSync(join(env.XDG_CACHE_HOME ?? join(home, '.cache'), 'portolan-tests', 'pebble-*')),
  ]
    .map((folder) => join(folder, 'pebble'))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
