import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, PortolanError } from '../src/errors/error.ts';

/** Which hub the commands talk to, as `init` and the demo leave it in a file. */
const contextFile = z.strictObject({
  server: z.string().min(1),
  tokenFile: z.string().min(1).optional(),
  namespace: z.string().min(1).optional(),
});
export type ContextFile = z.output<typeof contextFile>;

export interface ConnectionFlags {
  readonly server?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly namespace?: string;
}

export interface Place {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  readonly homeFolder: string;
}

/** Where to reach a hub and as whom. */
export interface HubContext {
  readonly server: string;
  readonly token: string;
  /** Where the token was found, for messages: a flag, a variable or a file. */
  readonly tokenSource: string;
  readonly namespace: string;
  /** Where the server's address was found, for messages. */
  readonly source: string;
}

const LOCAL_NAME = join('.portolan', 'context.json');

/** `init` writes it; used where no `.portolan/context.json` is nearer. */
export function userContextPath(homeFolder: string): string {
  return join(homeFolder, '.config', 'portolan', 'context.json');
}

/**
 * Finds the hub: flags, then PORTOLAN_SERVER and PORTOLAN_TOKEN, then the nearest `.portolan/context.json` of the working
 * folder and those above it, then the one `init` wrote. Server and token are looked for separately, but the token of a
 * context file is only sent to the server of that file.
 * @throws PortolanError USAGE when no server is named anywhere, UNAUTHENTICATED when there is no token, CONFIG_INVALID
 */
export function findContext(flags: ConnectionFlags, place: Place): HubContext {
  const found = nearestContext(place);
  const server = flags.server ?? place.env.PORTOLAN_SERVER ?? found?.file.server;
  if (server === undefined || server === '') {
    throw new PortolanError('USAGE', 'no hub is known here', {
      fix: 'Start one with `portolan dev`, make one with `portolan init`, or name it: --server http://127.0.0.1:7460 (or PORTOLAN_SERVER).',
    });
  }
  const source =
    flags.server !== undefined
      ? '--server'
      : place.env.PORTOLAN_SERVER !== undefined
        ? 'PORTOLAN_SERVER'
        : (found?.path ?? '');
  const namespace = flags.namespace ?? place.env.PORTOLAN_NAMESPACE ?? found?.file.namespace ?? 'default';
  return { server, ...tokenFor(server, flags, place, found), namespace, source };
}

function tokenFor(
  server: string,
  flags: ConnectionFlags,
  place: Place,
  found: { readonly path: string; readonly file: ContextFile } | undefined,
): Pick<HubContext, 'token' | 'tokenSource'> {
  const inFile = (path: string, namedBy: string): Pick<HubContext, 'token' | 'tokenSource'> => ({
    token: readToken(path),
    tokenSource: `${path} (${namedBy})`,
  });
  if (flags.token !== undefined) return { token: flags.token, tokenSource: '--token' };
  if (flags.tokenFile !== undefined)
    return inFile(resolve(place.workingFolder, flags.tokenFile), '--token-file');
  const { PORTOLAN_TOKEN: token, PORTOLAN_TOKEN_FILE: tokenFile } = place.env;
  if (token !== undefined && token !== '') return { token, tokenSource: 'PORTOLAN_TOKEN' };
  if (tokenFile !== undefined && tokenFile !== '')
    return inFile(resolve(place.workingFolder, tokenFile), 'PORTOLAN_TOKEN_FILE');
  if (found?.file.tokenFile !== undefined && sameServer(found.file.server, server)) {
    const path = found.file.tokenFile;
    return inFile(isAbsolute(path) ? path : resolve(dirname(found.path), path), `named by ${found.path}`);
  }
  throw new PortolanError('UNAUTHENTICATED', `no token is known for ${server}`, {
    fix: 'Give one with --token, --token-file or PORTOLAN_TOKEN; `portolan init` leaves one in admin.token.',
  });
}

/** The same error; when the hub refused the token, it says which token that was. */
export function namingToken(error: PortolanError, { server, tokenSource }: HubContext): PortolanError {
  if (error.code !== 'UNAUTHENTICATED') return error;
  return new PortolanError(
    error.code,
    `the hub at ${server} does not take the token from ${tokenSource}: it is wrong, expired or revoked`,
    {
      cause: error,
      fix: 'Give the token of this hub with --token-file or PORTOLAN_TOKEN (`portolan init` leaves one in admin.token), or name the hub that the token is of with --server.',
    },
  );
}

function sameServer(a: string, b: string): boolean {
  const [first, second] = [URL.parse(a), URL.parse(b)];
  return first !== null && second !== null && first.origin === second.origin;
}

function readToken(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new PortolanError('UNAUTHENTICATED', `the token file ${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      fix: 'Correct the path (--token-file, or tokenFile in the context file), or give the token with PORTOLAN_TOKEN.',
    });
  }
  if (text === '')
    throw new PortolanError('UNAUTHENTICATED', `the token file ${path} is empty`, {
      fix: 'Put the token (ptk1.…) into it; an admin makes one with `portolan token create`.',
    });
  return text;
}

/** The context file that applies here, if there is one. */
export function nearestContext(
  place: Place,
): { readonly path: string; readonly file: ContextFile } | undefined {
  for (let folder = resolve(place.workingFolder); ; folder = dirname(folder)) {
    const path = join(folder, LOCAL_NAME);
    if (existsSync(path)) return { path, file: readContext(path) };
    if (dirname(folder) === folder) break;
  }
  const path = userContextPath(place.homeFolder);
  return existsSync(path) ? { path, file: readContext(path) } : undefined;
}

function readContext(path: string): ContextFile {
  try {
    return contextFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new PortolanError('CONFIG_INVALID', `the context file ${path} cannot be used`, {
      cause: cause instanceof z.ZodError ? new Error(cause.issues[0]?.message ?? 'wrong fields') : cause,
      fix: `Write {"server": "http://127.0.0.1:7460", "tokenFile": "…"} into it, or delete it.`,
    });
  }
}

/** Writes a context file, readable by its owner alone, in one step. */
export function writeContext(path: string, file: ContextFile): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}
