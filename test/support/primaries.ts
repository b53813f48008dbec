import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Libsql from 'libsql';
import { freePort } from './free-port.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const run = promisify(execFile);

/** A key as TSIG has it. */
export interface KeyText {
  readonly name: string;
  readonly algorithm: string;
  /** Base64. */
  readonly secret: string;
}

/** A real primary server on loopback whose zones can be changed while it runs: DNS, over UDP and TCP. */
export type Primary = ServerProcess;

export interface PrimaryZone {
  /** With the dot at the end. */
  readonly origin: string;
  readonly zoneFile: string;
}

export interface UpdatableOptions {
  readonly folder: string;
  readonly zones: readonly PrimaryZone[];
  /** May copy and update every zone. */
  readonly key: KeyText;
  /** Known to the server, but may do nothing. */
  readonly powerless?: KeyText;
  /** The server signs the zones: at once, or (BIND) a copy of them in the background. */
  readonly signed?: 'at-once' | 'in-background';
  /** Keys, access and zones as a person wrote them, instead of those made from the fields above. */
  readonly configuration?: string;
}

/** BIND with zones that the key may copy and update. */
export function startUpdatableBind(program: string, options: UpdatableOptions): Promise<Primary> {
  const { folder } = options;
  return started('BIND', options, (port) => {
    const config = [
      'options {',
      `  directory "${folder}"; pid-file "${join(folder, 'named.pid')}"; session-keyfile "${join(folder, 'session.key')}";`,
      `  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };`,
      '  recursion no; empty-zones-enable no; dnssec-validation no; notify no;',
      '};',
      'controls { };',
      ...(options.configuration === undefined ? bindZones(options) : [options.configuration]),
    ];
    const path = join(folder, 'named.conf');
    writeFileSync(path, `${config.join('\n')}\n`);
    return spawn(program, ['-g', '-n', '1', '-c', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  });
}

function bindZones({ zones, key, signed, powerless }: UpdatableOptions): readonly string[] {
  return [
    ...[key, ...(powerless === undefined ? [] : [powerless])].map(
      ({ name, algorithm, secret }) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`,
    ),
    ...zones.map(
      ({ origin }) =>
        `zone "${origin}" { type primary; file "${origin}zone"; update-policy { grant ${key.name} zonesub ANY; }; allow-transfer { key "${key.name}"; };${
          signed === undefined
            ? ''
            : ` dnssec-policy default; inline-signing ${signed === 'in-background' ? 'yes' : 'no'};`
        } };`,
    ),
  ];
}

/** Knot DNS with zones that the key may copy and update. */
export function startUpdatableKnot(program: string, options: UpdatableOptions): Promise<Primary> {
  const { folder } = options;
  return started('Knot', options, (port) => {
    const config = [
      'server:',
      `    rundir: "${folder}"`,
      `    listen: 127.0.0.1@${port}`,
      '    udp-workers: 1',
      '    tcp-workers: 2',
      '    background-workers: 1',
      'log:',
      '  - target: stderr',
      '    any: info',
      'database:',
      `    storage: "${folder}"`,
      '    journal-db-max-size: 64M',
      '    kasp-db-max-size: 16M',
      '    timer-db-max-size: 16M',
      '    catalog-db-max-size: 16M',
      ...(options.configuration === undefined ? knotZones(options) : [options.configuration]),
    ];
    const path = join(folder, 'knot.conf');
    writeFileSync(path, `${config.join('\n')}\n`);
    return spawn(program, ['-c', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  });
}

function knotZones({ folder, zones, key, signed, powerless }: UpdatableOptions): readonly string[] {
  return [
    'key:',
    ...[key, ...(powerless === undefined ? [] : [powerless])].flatMap(({ name, algorithm, secret }) => [
      `  - id: ${name}`,
      `    algorithm: ${algorithm}`,
      `    secret: ${secret}`,
    ]),
    'acl:',
    '  - id: portolan',
    `    key: ${key.name}`,
    '    action: [update, transfer]',
    'template:',
    '  - id: default',
    `    storage: "${folder}"`,
    '    zonefile-sync: -1',
    ...(signed === undefined ? [] : ['    dnssec-signing: on']),
    'zone:',
    ...zones.flatMap(({ origin }) => [
      `  - domain: "${origin}"`,
      `    file: "${join(folder, `${origin}zone`)}"`,
      '    acl: portolan',
    ]),
  ];
}

export interface PowerDnsOptions {
  readonly folder: string;
  readonly apiKey: string;
  readonly lua?: boolean;
  /** A country database (`.mmdb`) for `country()` in LUA records. */
  readonly geoDatabase?: string;
}

export interface PowerDns extends Primary {
  /** Base URL of its API. */
  readonly url: string;
  /** Runs `pdnsutil` on its database. */
  pdnsutil(...words: readonly string[]): Promise<string>;
}

/** PowerDNS with its SQLite backend, no zones, and its HTTP API on loopback. */
export async function startPowerDns(program: string, options: PowerDnsOptions): Promise<PowerDns> {
  const { folder, apiKey, lua = false, geoDatabase } = options;
  const database = join(folder, 'pdns.sqlite3');
  mkdirSync(folder, { recursive: true });
  const schema = readFileSync('/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql', 'utf8');
  const sqlite = new Libsql(database);
  sqlite.exec(schema);
  sqlite.close();
  if (geoDatabase !== undefined) writeFileSync(join(folder, 'geo.yaml'), 'domains: []\n');
  let webPort = 0;
  const primary = await startServer(
    'PowerDNS',
    async (port) => {
      webPort = await freePort();
      const config = [
        `launch=gsqlite3${geoDatabase === undefined ? '' : ',geoip'}`,
        `gsqlite3-database=${database}`,
        'gsqlite3-dnssec=yes',
        ...(geoDatabase === undefined
          ? []
          : [`geoip-database-files=${geoDatabase}`, `geoip-zones-file=${join(folder, 'geo.yaml')}`]),
        `socket-dir=${folder}`,
        'local-address=127.0.0.1',
        `local-port=${port}`,
        'webserver=yes',
        'webserver-address=127.0.0.1',
        `webserver-port=${webPort}`,
        'webserver-allow-from=127.0.0.1',
        'api=yes',
        `api-key=${apiKey}`,
        ...(lua ? ['enable-lua-records=yes', 'lua-health-checks-interval=1'] : []),
        'edns-subnet-processing=yes',
        'cache-ttl=0',
        'query-cache-ttl=0',
        'negquery-cache-ttl=0',
        'zone-cache-refresh-interval=0',
        'loglevel=6',
        'disable-syslog=yes',
        'security-poll-suffix=',
      ];
      writeFileSync(join(folder, 'pdns.conf'), `${config.join('\n')}\n`);
      return spawn(program, [`--config-dir=${folder}`, '--daemon=no', '--guardian=no'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    },
    async () => {
      const answer = await fetch(`http://127.0.0.1:${webPort}/api/v1/servers/localhost`, {
        headers: { 'X-API-Key': apiKey },
      });
      return answer.ok;
    },
  );
  return Object.assign(primary, {
    url: `http://127.0.0.1:${webPort}`,
    pdnsutil: async (...words: readonly string[]) =>
      (await run('pdnsutil', [`--config-dir=${folder}`, ...words])).stdout,
  });
}

function started(
  name: string,
  { folder, zones }: Pick<UpdatableOptions, 'folder' | 'zones'>,
  start: (port: number) => ChildProcess,
): Promise<Primary> {
  mkdirSync(folder, { recursive: true });
  for (const { origin, zoneFile } of zones) writeFileSync(join(folder, `${origin}zone`), zoneFile);
  return startServer(name, start, async (port) => {
    for (const { origin } of zones) {
      const question = ['-p', String(port), origin, 'SOA', '+short', '+tcp', '+tries=1', '+time=1'];
      const { stdout } = await run('dig', ['@127.0.0.1', ...question]);
      if (!/\d/.test(stdout) || stdout.startsWith(';')) return false;
    }
    return true;
  });
}
