import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { newestPostgres } from './servers.ts';

const run = promisify(execFile);
const START_TIMEOUT_MS = 60_000;
const USER = 'portolan';

/** A throwaway PostgreSQL of its own: own data, reached by a Unix socket, fsync on. */
export interface TestPostgres {
  /** Everything the server keeps on disk. */
  readonly dataDirectory: string;
  /** Makes an empty database; resolves to its URL. */
  createDatabase(): Promise<string>;
  /** Stops at once, as a crash would: clients lose their connections. */
  crash(): Promise<void>;
  /** Starts again after {@link crash}. */
  start(): Promise<void>;
  /** Stops it and removes its files. */
  stop(): Promise<void>;
}

/** Who runs it: PostgreSQL refuses to run as root. */
interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

export async function startPostgres(): Promise<TestPostgres> {
  const initdb = programPath('initdb');
  const postgres = programPath('postgres');
  const account = unprivilegedAccount();
  const folder = mkdtempSync(join(tmpdir(), 'portolan-pg-'));
  if (account.uid !== undefined && account.gid !== undefined) chownSync(folder, account.uid, account.gid);
  chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  await run(initdb, ['-D', data, '-U', USER, '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8'], {
    ...account,
    cwd: folder,
  });
  let server: ChildProcess | undefined;
  let databases = 0;
  const urlOf = (database: string) =>
    `postgres://${USER}@localhost/${database}?host=${encodeURIComponent(folder)}`;
  const end = async (signal: NodeJS.Signals) => {
    if (server === undefined) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
    server = undefined;
  };
  process.once('exit', () => server?.kill('SIGQUIT'));
  const started: TestPostgres = {
    dataDirectory: data,
    createDatabase: async () => {
      databases += 1;
      const name = `test_${databases}`;
      await query(urlOf('postgres'), `create database ${name}`);
      return urlOf(name);
    },
    crash: () => end('SIGQUIT'),
    start: async () => {
      const settings = [
        `unix_socket_directories=${folder}`,
        'listen_addresses=',
        'fsync=on',
        'max_connections=60',
      ];
      const child = spawn(postgres, ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
        ...account,
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      server = child;
      let log = '';
      child.stderr.on('data', (chunk: Buffer) => {
        log = (log + chunk.toString('utf8')).slice(-4_000);
      });
      await untilReady(urlOf('postgres'), child, () => log);
    },
    stop: async () => {
      await end('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
  await started.start();
  return started;
}

/** One statement on a connection of its own. */
export async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

async function untilReady(url: string, server: ChildProcess, log: () => string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await query(url, 'select 1');
      return;
    } catch (error) {
      if (server.exitCode !== null || performance.now() > deadline) {
        throw new Error(`PostgreSQL did not start: ${log()}`, { cause: error });
      }
      await delay(20);
    }
  }
}

function programPath(program: string): string {
  const path = newestPostgres(program);
  if (path === undefined)
    throw new Error(`${program} is not installed; ask requireServer('postgresql') first`);
  return path;
}

function unprivilegedAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('postgres:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined)
    throw new Error('There is no account "postgres" to run the server as.');
  return { uid: Number(uid), gid: Number(gid) };
}
