import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseName } from '../../../src/dns/name.ts';
import { CLASS, TYPE } from '../../../src/dns/types.ts';
import { decodeMessage, encodeMessage, makeQuery } from '../../../src/dns/wire/message.ts';
import { type ServerProcess, startServer } from '../../support/server-process.ts';
import { exchangeAll } from './exchange.ts';
import { type PlainZone, zoneFile } from './random-zones.ts';

/** Another name server, serving on a port of 127.0.0.1. */
export type Peer = Pick<ServerProcess, 'port' | 'stop'>;

/** As the hub publishes keys. */
const DNSKEY_TTL_SECONDS = 3600;

/** Knot DNS with these zones. `program` is `knotd`. With `signed` it signs them itself, with NSEC (RFC 4034) and ECDSA P-256. */
export function startKnot(
  program: string,
  zones: readonly PlainZone[],
  folder: string,
  signed = false,
): Promise<Peer> {
  // Signing makes a new version of a zone, with the next serial: that one is to be the zone's.
  const written = signed ? zones.map((zone) => ({ ...zone, serial: zone.serial - 1 })) : zones;
  return started('knot', written, folder, (port, files) => {
    const config = [
      'server:',
      `    rundir: "${folder}"`,
      `    listen: 127.0.0.1@${port}`,
      '    udp-max-payload: 1232',
      '    udp-workers: 1',
      '    tcp-workers: 1',
      '    background-workers: 1',
      'log:',
      '  - target: stderr',
      '    any: warning',
      'database:',
      `    storage: "${folder}"`,
      ...(signed ? KNOT_POLICY : []),
      'template:',
      '  - id: default',
      `    storage: "${folder}"`,
      '    semantic-checks: off',
      ...(signed ? ['    dnssec-signing: on', '    dnssec-policy: compared', '    zonefile-sync: -1'] : []),
      'zone:',
      ...files.flatMap(({ origin, file }) => [`  - domain: "${origin}"`, `    file: "${file}"`]),
    ];
    const path = join(folder, 'knot.conf');
    writeFileSync(path, `${config.join('\n')}\n`);
    return spawn(program, ['-c', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  });
}

const KNOT_POLICY = [
  'policy:',
  '  - id: compared',
  '    algorithm: ecdsap256sha256',
  '    nsec3: off',
  '    single-type-signing: on',
  `    dnskey-ttl: ${DNSKEY_TTL_SECONDS}`,
  '    cds-cdnskey-publish: none',
];

/**
 * BIND with these zones. `program` is `named`. With `signer`, which is `dnssec-signzone`, they are signed before, with NSEC and
 * ECDSA P-256, and answers have no more than they need.
 */
export function startBind(
  program: string,
  zones: readonly PlainZone[],
  folder: string,
  signer?: string,
): Promise<Peer> {
  return started('named', zones, folder, (port, plain) => {
    const files = signer === undefined ? plain : plain.map((zone) => signZone(signer, folder, zone));
    const config = [
      'options {',
      `  directory "${folder}"; pid-file "${join(folder, 'named.pid')}"; session-keyfile "${join(folder, 'session.key')}";`,
      `  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };`,
      '  recursion no; empty-zones-enable no; dnssec-validation no; notify no; answer-cookie no;',
      '  max-udp-size 1232; edns-udp-size 1232;',
      signer === undefined ? '' : '  minimal-responses yes;',
      '  check-names primary ignore; check-mx ignore; check-integrity no; check-srv-cname ignore; check-mx-cname ignore;',
      '};',
      'controls { };',
      ...files.map(({ origin, file }) => `zone "${origin}" { type primary; file "${file}"; };`),
    ];
    const path = join(folder, 'named.conf');
    writeFileSync(path, `${config.join('\n')}\n`);
    return spawn(program, ['-g', '-n', '1', '-c', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  });
}

interface ZoneFile {
  readonly origin: string;
  readonly file: string;
}

/** Makes a key and signs the zone's file with it. */
function signZone(signer: string, folder: string, { origin, file }: ZoneFile): ZoneFile {
  const run = (program: string, args: readonly string[]): void => {
    execFileSync(join(dirname(signer), program), args, { cwd: folder, stdio: 'pipe' });
  };
  run('dnssec-keygen', ['-q', '-K', folder, '-a', 'ECDSAP256SHA256', '-f', 'KSK', origin]);
  const signed = `${file}.signed`;
  const options = ['-S', '-z', '-P', '-n', '1', '-K', folder, '-T', String(DNSKEY_TTL_SECONDS)];
  run('dnssec-signzone', [...options, '-o', origin, '-f', signed, file]);
  return { origin, file: signed };
}

function started(
  name: string,
  zones: readonly PlainZone[],
  folder: string,
  start: (port: number, files: readonly ZoneFile[]) => ChildProcess,
): Promise<Peer> {
  mkdirSync(folder, { recursive: true });
  const files = zones.map((zone) => {
    const file = join(folder, `${zone.origin}zone`);
    writeFileSync(file, zoneFile(zone));
    return { origin: zone.origin, file };
  });
  return startServer(
    name,
    (port) => start(port, files),
    (port) => servesAll(port, zones),
  );
}

async function servesAll(port: number, zones: readonly PlainZone[]): Promise<boolean> {
  const replies = await exchangeAll(
    port,
    zones.map(({ origin }) => ({
      transport: 'tcp',
      bytes: encodeMessage(makeQuery(0, { name: parseName(origin), type: TYPE.SOA, class: CLASS.IN })),
    })),
  );
  const missing = zones.find((_, i) => {
    const reply = replies[i];
    return reply === undefined || decodeMessage(reply).answers.length !== 1;
  });
  if (missing !== undefined) throw new Error(`no SOA of ${missing.origin}`);
  return true;
}
