import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Libsql from 'libsql';
import { freePort } from '../../support/free-port.ts';
import { type ServerProcess, watchServer } from '../../support/server-process.ts';

const run = promisify(execFile);

/** A real name server that copies a zone. */
export type Secondary = ServerProcess;

/** What it copies, from where, and by which key. */
export interface Copied {
  /** Without dots at the end. */
  readonly zones: readonly string[];
  readonly primaryPort: number;
  readonly key: { readonly name: string; readonly algorithm: string; readonly secret: string };
  readonly folder: string;
  /** A free one when left out. */
  readonly port?: number;
}

/** Knot DNS as a secondary. */
export async function startKnotSecondary(program: string, copied: Copied): Promise<Secondary> {
  const { zones, primaryPort, key, folder } = copied;
  const port = copied.port ?? (await freePort());
  mkdirSync(folder, { recursive: true });
  const config = [
    'server:',
    `    rundir: "${folder}"`,
    `    listen: 127.0.0.1@${port}`,
    '    udp-workers: 1',
    '    tcp-workers: 1',
    '    background-workers: 1',
    'log:',
    '  - target: stderr',
    '    any: info',
    'database:',
    `    storage: "${folder}"`,
    'key:',
    `  - id: ${key.name}`,
    `    algorithm: ${key.algorithm}`,
    `    secret: ${key.secret}`,
    'remote:',
    '  - id: portolan',
    `    address: 127.0.0.1@${primaryPort}`,
    `    key: ${key.name}`,
    'acl:',
    '  - id: told-by-portolan',
    '    address: 127.0.0.1',
    `    key: ${key.name}`,
    '    action: notify',
    'zone:',
    ...zones.flatMap((zone) => [
      `  - domain: ${zone}`,
      `    storage: "${folder}"`,
      '    master: portolan',
      '    acl: told-by-portolan',
    ]),
  ];
  const path = join(folder, 'knot.conf');
  writeFileSync(path, `${config.join('\n')}\n`);
  return watchServer('Knot', port, spawn(program, ['-c', path], { stdio: ['ignore', 'ignore', 'pipe'] }));
}

/** BIND as a secondary, or as a primary of a zone file. */
export async function startBindSecondary(program: string, copied: Copied): Promise<Secondary> {
  const { zones, primaryPort, key } = copied;
  return bind(program, copied, [
    `server 127.0.0.1 { keys { "${key.name}"; }; };`,
    ...zones.map(
      (zone) =>
        `zone "${zone}" { type secondary; primaries { 127.0.0.1 port ${primaryPort} key "${key.name}"; }; file "${zone}.zone"; masterfile-format text; };`,
    ),
  ]);
}

/** BIND with a zone that only the key's holder may copy. */
export async function startBindPrimary(
  program: string,
  copied: Copied,
  zoneFile: string,
): Promise<Secondary> {
  mkdirSync(copied.folder, { recursive: true });
  writeFileSync(join(copied.folder, 'zone'), zoneFile);
  return bind(program, copied, [
    ...copied.zones.map(
      (zone) =>
        `zone "${zone}" { type primary; file "zone"; allow-transfer { key "${copied.key.name}"; }; };`,
    ),
  ]);
}

async function bind(
  program: string,
  { key, folder }: Copied,
  statements: readonly string[],
): Promise<Secondary> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const config = [
    'options {',
    `  directory "${folder}"; pid-file "${join(folder, 'named.pid')}"; session-keyfile "${join(folder, 'session.key')}";`,
    `  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };`,
    '  recursion no; empty-zones-enable no; dnssec-validation no; notify no;',
    '  check-names primary ignore; check-names secondary ignore; check-integrity no;',
    '};',
    'controls { };',
    `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };`,
    ...statements,
  ];
  const path = join(folder, 'named.conf');
  writeFileSync(path, `${config.join('\n')}\n`);
  return watchServer(
    'BIND',
    port,
    spawn(program, ['-g', '-n', '1', '-c', path], { stdio: ['ignore', 'ignore', 'pipe'] }),
  );
}

/** PowerDNS with its SQLite backend as a secondary. It fetches all of the zone again after a change: its IXFR loses records. */
export async function startPowerDnsSecondary(program: string, copied: Copied): Promise<Secondary> {
  const { zones, primaryPort, key, folder } = copied;
  const port = copied.port ?? (await freePort());
  mkdirSync(folder, { recursive: true });
  const database = join(folder, 'pdns.sqlite3');
  const schema = readFileSync('/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql', 'utf8');
  const sqlite = new Libsql(database);
  sqlite.exec(schema);
  sqlite.close();
  const config = [
    'launch=gsqlite3',
    `gsqlite3-database=${database}`,
    'gsqlite3-dnssec=yes',
    `socket-dir=${folder}`,
    'local-address=127.0.0.1',
    `local-port=${port}`,
    'secondary=yes',
    'xfr-cycle-interval=60',
    'allow-notify-from=127.0.0.1',
    'cache-ttl=0',
    'query-cache-ttl=0',
    'negquery-cache-ttl=0',
    'zone-cache-refresh-interval=0',
    'loglevel=6',
    'disable-syslog=yes',
    'security-poll-suffix=',
  ];
  writeFileSync(join(folder, 'pdns.conf'), `${config.join('\n')}\n`);
  const pdnsutil = (...words: readonly string[]) => run('pdnsutil', [`--config-dir=${folder}`, ...words]);
  await pdnsutil('import-tsig-key', key.name, key.algorithm, key.secret);
  for (const zone of zones) {
    await pdnsutil('create-secondary-zone', zone, `127.0.0.1:${primaryPort}`);
    await pdnsutil('activate-tsig-key', zone, key.name, 'secondary');
  }
  return watchServer(
    'PowerDNS',
    port,
    spawn(program, [`--config-dir=${folder}`, '--daemon=no', '--guardian=no'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  );
}
