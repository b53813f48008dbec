import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseName } from '../../../src/dns/name.ts';
import { CLASS, TYPE } from '../../../src/dns/types.ts';
import { decodeMessage, encodeMessage, makeQuery } from '../../../src/dns/wire/message.ts';
import { until } from '../../support/until.ts';
import { exchangeAll } from './exchange.ts';
import { type PlainZone, zoneFile } from './random-zones.ts';

/** Another name server, serving on a port of 127.0.0.1. */
export interface Peer {
  readonly port: number;
  stop(): Promise<void>;
}

const START_MS = 30_000;
const ATTEMPTS = 5; // a free port may be taken by somebody else before the server binds it

/** Knot DNS with these zones. `program` is `knotd`. */
export function startKnot(program: string, zones: readonly PlainZone[], folder: string): Promise<Peer> {
  return started('knot', zones, folder, (port, files) => {
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
      'template:',
      '  - id: default',
      `    storage: "${folder}"`,
      '    semantic-checks: off',
      'zone:',
      ...files.flatMap(({ origin, file }) => [`  - domain: "${origin}"`, `    file: "${file}"`]),
    ];
    const path = join(folder, 'knot.conf');
    writeFileSync(path, `${config.join('\n')}\n`);
    return spawn(program, ['-c', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  });
}

/** BIND with these zones. `program` is `named`. */
export function startBind(program: string, zones: readonly PlainZone[], folder: string): Promise<Peer> {
  return started('named', zones, folder, (port, files) => {
    const config = [
      'options {',
      `  directory "${folder}"; pid-file "${join(folder, 'named.pid')}"; session-keyfile "${join(folder, 'session.key')}";`,
      `  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };`,
      '  recursion no; empty-zones-enable no; dnssec-validation no; notify no; answer-cookie no;',
      '  max-udp-size 1232; edns-udp-size 1232;',
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

async function started(
  name: string,
  zones: readonly PlainZone[],
  folder: string,
  start: (port: number, files: readonly { origin: string; file: string }[]) => ChildProcess,
): Promise<Peer> {
  mkdirSync(folder, { recursive: true });
  const files = zones.map((zone) => {
    const file = join(folder, `${zone.origin}zone`);
    writeFileSync(file, zoneFile(zone));
    return { origin: zone.origin, file };
  });
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = start(port, files);
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said = (said + String(chunk)).slice(-20_000);
    });
    const stop = async (): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    };
    try {
      await until(`${name} serves ${zones.length} zones`, () => servesAll(port, zones, child), START_MS);
      return { port, stop };
    } catch (error) {
      const gone = child.exitCode !== null;
      await stop();
      if (gone && attempt < ATTEMPTS && /address in use|already in use/i.test(said)) continue;
      throw new Error(`${name} does not serve the zones; it said:\n${said}`, { cause: error });
    }
  }
}

async function servesAll(port: number, zones: readonly PlainZone[], child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error('it ended');
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

/** A port that is free now for both UDP and TCP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const tcp = createServer().listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const address = tcp.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const udp = createSocket('udp4');
    const free = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false));
      udp.bind(port, '127.0.0.1', () => resolve(true));
    });
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
    if (free) return port;
  }
}
