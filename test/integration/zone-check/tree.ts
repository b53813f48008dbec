import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';

/** Addresses of the loopback network that the servers of the tree have; all listen on one port. */
export const PARENT = '127.77.0.1';
export const FIRST = '127.77.0.2';
export const SECOND = '127.77.0.3';
export const RECURSING = '127.77.0.4';
/** Serves what FIRST does, over UDP only. */
export const WITHOUT_TCP = '127.77.0.5';
/** Serves the root of the tree. */
export const ROOT = '127.77.0.7';
/** Nobody has it. */
export const NOBODY = '127.77.0.6';

/** What each address serves: zone and the text of its file. */
export type Contents = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Tree {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * A small tree of zones on the loopback network: one BIND on 127.0.0.1, and before it a relay for each address, which asks
 * from that address; BIND has a view for each. (By itself it listens on addresses of an interface only.)
 */
export async function startTree(named: string, folder: string, contents: Contents): Promise<Tree> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const config = join(folder, 'named.conf');
    writeFileSync(config, configuration(folder, port, contents));
    const child = spawn(named, ['-g', '-n', '1', '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said = (said + String(chunk)).slice(-10_000);
    });
    const ended = once(child, 'exit');
    const stop = async (): Promise<void> => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    };
    try {
      await until(
        'named serves',
        async () => {
          if (child.exitCode !== null) throw new Error('it ended');
          // It listens first and loads then; this line is its last.
          return /\brunning\b/.test(said) && (await listens('127.0.0.1', port));
        },
        30_000,
      );
      const relays: Relay[] = [];
      for (const address of [...Object.keys(contents), RECURSING])
        relays.push(await startUdpRelay(address, address, port), await startTcpRelay(address, port));
      relays.push(await startUdpRelay(WITHOUT_TCP, FIRST, port));
      return {
        port,
        stop: async () => {
          for (const relay of relays) relay.close();
          await stop();
        },
      };
    } catch (error) {
      await stop();
      if (attempt < 5 && /address in use/i.test(said)) continue;
      throw new Error(`named does not serve the tree; it said:\n${said}`, { cause: error });
    }
  }
}

function configuration(folder: string, port: number, contents: Contents): string {
  const views = Object.entries(contents).map(([address, zones]) => {
    mkdirSync(join(folder, address), { recursive: true });
    const lines = Object.entries(zones).map(([zone, text]) => {
      const file = join(folder, address, `${zone}zone`);
      writeFileSync(file, text);
      return `zone "${zone}" { type primary; file "${file}"; };`;
    });
    return `view "${address}" { match-clients { ${address}; }; recursion no; ${lines.join('\n')} };`;
  });
  // What it serves as anybody's resolver, and one zone with authority.
  const open = Object.entries(contents[FIRST] ?? {}).map(
    ([zone]) => `zone "${zone}" { type primary; file "${join(folder, FIRST, `${zone}zone`)}"; };`,
  );
  return [
    'options {',
    `directory "${folder}"; pid-file "${join(folder, 'named.pid')}"; session-keyfile "${join(folder, 'session.key')}";`,
    `listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };`,
    'empty-zones-enable no; dnssec-validation no; notify no; check-integrity no; check-names primary ignore;',
    '};',
    'controls { };',
    ...views,
    `view "recursing" { match-clients { ${RECURSING}; }; recursion yes; allow-recursion { any; }; forward only; forwarders port ${port} { ${PARENT}; };`,
    ...open,
    '};',
  ].join('\n');
}

async function listens(address: string, port: number): Promise<boolean> {
  const socket = connect({ host: address, port });
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

interface Relay {
  close(): unknown;
}

/** Passes datagrams on, from the address of a view; each client gets the answers to its own. */
async function startUdpRelay(address: string, view: string, port: number): Promise<Relay> {
  const front = createSocket('udp4');
  front.on('message', (query, client) => {
    const back = createSocket('udp4');
    const end = setTimeout(() => back.close(), 5000);
    back.once('message', (answer) => {
      clearTimeout(end);
      back.close();
      front.send(answer, client.port, client.address);
    });
    back.bind(0, view, () => back.send(query, port, '127.0.0.1'));
  });
  front.bind(port, address);
  await once(front, 'listening');
  return front;
}

async function startTcpRelay(address: string, port: number): Promise<Relay> {
  const relay = createServer((client) => {
    const server = connect({ host: '127.0.0.1', port, localAddress: address });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  relay.listen(port, address);
  await once(relay, 'listening');
  return relay;
}

/** A zone signed by BIND's own tools, and its DS record. */
export function signed(
  named: string,
  folder: string,
  zone: string,
  text: string,
  validity: readonly string[] = [],
): { readonly text: string; readonly ds: string } {
  const keys = join(folder, `keys-${zone}`);
  mkdirSync(keys, { recursive: true });
  // The tools stand beside the server, or in the other folder for programs.
  const tool = (name: string, args: readonly string[]): string =>
    execFileSync(name, [...args], {
      cwd: keys,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${dirname(named)}:/usr/bin:${process.env.PATH ?? ''}` },
    });
  const source = join(keys, 'zone');
  const output = join(keys, 'signed');
  writeFileSync(source, text);
  tool('dnssec-keygen', ['-q', '-a', 'ECDSAP256SHA256', '-f', 'KSK', zone]);
  tool('dnssec-signzone', ['-q', '-S', '-P', '-z', ...validity, '-o', zone, '-f', output, source]);
  const [, ds = ''] = /\sDS\s+(.+?)\s*$/m.exec(readFileSync(join(keys, `dsset-${zone}`), 'utf8')) ?? [];
  return { text: readFileSync(output, 'utf8'), ds };
}
