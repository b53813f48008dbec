import { execFile } from 'node:child_process';
import { accessSync, appendFileSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** A package of this size installs in seconds; a slow mirror gets five minutes. */
const INSTALL_TIMEOUT_MS = 300_000;

interface ServerKind {
  /** Debian package that brings it. */
  readonly debianPackage: string;
  /** Path of its main program, when it is there. */
  readonly find: () => string | undefined;
}

/** Real programs that tests run against. To add one: its package and how to see that it is there. */
const SERVERS = {
  postgresql: { debianPackage: 'postgresql', find: () => newestPostgres('initdb') },
  strace: { debianPackage: 'strace', find: () => onPath('strace') },
  dig: { debianPackage: 'bind9-dnsutils', find: () => onPath('dig') },
  nsupdate: { debianPackage: 'bind9-dnsutils', find: () => onPath('nsupdate') },
  delv: { debianPackage: 'bind9-dnsutils', find: () => onPath('delv') },
  kdig: { debianPackage: 'knot-dnsutils', find: () => onPath('kdig') },
  knotd: { debianPackage: 'knot', find: () => onPath('knotd') },
  kzonecheck: { debianPackage: 'knot-dnssecutils', find: () => onPath('kzonecheck') },
  named: { debianPackage: 'bind9', find: () => onPath('named') },
  dnssecSignzone: { debianPackage: 'bind9-utils', find: () => onPath('dnssec-signzone') },
  pdnsSqlite: {
    debianPackage: 'pdns-backend-sqlite3',
    find: () => (pdnsBackend('libgsqlite3backend.so') === undefined ? undefined : onPath('pdns_server')),
  },
  pdnsGeoip: {
    debianPackage: 'pdns-backend-geoip',
    find: () => pdnsBackend('libgeoipbackend.so'),
  },
  unbound: { debianPackage: 'unbound', find: () => onPath('unbound') },
  dnsviz: { debianPackage: 'dnsviz', find: () => onPath('dnsviz') },
  faketime: { debianPackage: 'faketime', find: () => onPath('faketime') },
  fstrmCapture: { debianPackage: 'fstrm-bin', find: () => onPath('fstrm_capture') },
  dnstapLdns: { debianPackage: 'dnstap-ldns', find: () => onPath('dnstap-ldns') },
  ip: { debianPackage: 'iproute2', find: () => onPath('ip') },
  nginx: { debianPackage: 'nginx', find: () => onPath('nginx') },
  caddy: { debianPackage: 'caddy', find: () => onPath('caddy') },
  nft: { debianPackage: 'nftables', find: () => onPath('nft') },
  curl: { debianPackage: 'curl', find: () => onPath('curl') },
  go: { debianPackage: 'golang-go', find: () => onPath('go') },
  etcd: { debianPackage: 'etcd-server', find: () => onPath('etcd') },
  systemdAnalyze: { debianPackage: 'systemd', find: () => onPath('systemd-analyze') },
} as const satisfies Record<string, ServerKind>;

export type ServerName = keyof typeof SERVERS;

export type ServerState =
  | { readonly available: true; readonly path: string }
  | {
      readonly available: false;
      readonly reason: string;
      /** What a person types to have the suite run. */
      readonly command: string;
    };

/**
 * Whether a real program is there for a suite: as root with apt-get it is installed when it is missing. A missing one
 * is noted for the summary, and is an error with CI=true. Call it at the top of a test file:
 *
 *     const dig = await requireServer('dig', 'answers seen by dig');
 *     describe.skipIf(!dig.available)('answers seen by dig', () => { … });
 */
export async function requireServer(name: ServerName, suite: string): Promise<ServerState> {
  const server: ServerKind = SERVERS[name];
  const found = server.find();
  if (found !== undefined) return { available: true, path: found };
  const failure = await install(server.debianPackage);
  const installed = server.find();
  if (installed !== undefined) return { available: true, path: installed };
  const reason = `${name} is not installed${failure === undefined ? '' : ` and could not be: ${failure}`}`;
  return skipped(suite, reason, `sudo apt-get install -y ${server.debianPackage}`);
}

/** @throws when the program is not here, with why and what to type */
export function pathOf(state: ServerState): string {
  if (state.available) return state.path;
  throw new Error(`${state.reason}: ${state.command}`);
}

/** Whether the tests run as root, which mounts and network namespaces need; noted like a missing server. */
export function requireRoot(suite: string): ServerState {
  if (isRoot()) return { available: true, path: '/' };
  return skipped(suite, 'it needs root', 'sudo npm test');
}

/** Notes a suite that does not run. Throws with CI=true. */
export function skipped(suite: string, reason: string, command: string): ServerState {
  if (process.env.CI === 'true')
    throw new Error(`${suite}: ${reason}. In CI nothing is skipped; run: ${command}`);
  const report = process.env.PORTOLAN_SKIP_REPORT;
  if (report !== undefined && report !== '')
    appendFileSync(report, `${JSON.stringify({ suite, reason, command })}\n`);
  return { available: false, reason, command };
}

/** Highest installed version first: Debian keeps each in a folder of its own, off the PATH. */
export function newestPostgres(program: string): string | undefined {
  const root = '/usr/lib/postgresql';
  let versions: string[];
  try {
    versions = readdirSync(root).filter((name) => /^\d+$/.test(name));
  } catch {
    return onPath(program);
  }
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(root, version, 'bin', program))
    .find(isExecutable);
}

/** PowerDNS loads its backends from the folder of the machine's architecture. */
function pdnsBackend(file: string): string | undefined {
  const root = '/usr/lib';
  let folders: string[];
  try {
    folders = readdirSync(root);
  } catch {
    return undefined;
  }
  return ['', ...folders].map((folder) => join(root, folder, 'pdns', file)).find(isReadable);
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function onPath(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Resolves to why it did not work, if so. Suites that ask at once wait for each other at dpkg's own lock. */
async function install(debianPackage: string): Promise<string | undefined> {
  if (!isRoot()) return 'that needs root';
  if (onPath('apt-get') === undefined) return 'there is no apt-get';
  // RUNLEVEL=1 keeps the package from starting its service.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const apt = (...args: string[]) =>
    run('apt-get', ['-o', 'DPkg::Lock::Timeout=240', ...args], {
      env,
      timeout: INSTALL_TIMEOUT_MS,
      maxBuffer: 1 << 26,
    });
  const packageArguments = ['install', '-y', '--no-install-recommends', debianPackage];
  try {
    await apt(...packageArguments);
    return undefined;
  } catch {
    // A bare image has no package lists yet.
  }
  try {
    await apt('update');
    await apt(...packageArguments);
    return undefined;
  } catch (error) {
    return error instanceof Error
      ? (error.message.trim().split('\n').at(-1) ?? 'apt-get failed')
      : String(error);
  }
}
