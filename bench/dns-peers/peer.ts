import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askNameServer } from '../../nameserver/ask.ts';
import { TYPE } from '../../src/dns/types.ts';
import type { DnsWorld } from '../dns-world.ts';

/** A name server that is measured beside ours, given the same data. */
export interface Peer {
  readonly name: string;
  /** Path of its program; `undefined` when it is not installed. */
  readonly find: () => string | undefined;
  /** What a person types to have it. */
  readonly install: string;
  /** It only sends queries back; any reply means that it runs. */
  readonly echoes?: true;
  /** Writes its configuration into the folder; one worker, on loopback. */
  readonly configure: (site: PeerSite) => Promise<PeerCommand>;
}

export interface PeerSite {
  readonly program: string;
  readonly world: DnsWorld;
  /** An empty folder of its own. */
  readonly folder: string;
  readonly port: number;
  /** The GeoIP database all servers use, in the shape of GeoIP2. */
  readonly geoDatabase: string;
}

export interface PeerCommand {
  readonly arguments: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningPeer {
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;

/** Starts it on one core and waits until it answers. @throws Error with what it said when it does not */
export async function startPeer(peer: Peer, site: PeerSite, core: number): Promise<RunningPeer> {
  const command = await peer.configure(site);
  const child = spawn('taskset', ['-c', String(core), site.program, ...command.arguments], {
    cwd: site.folder,
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const hear = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-2_000);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  try {
    await answering(peer, site, child);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${peer.name} does not answer: ${said.trim()}`, { cause: error });
  }
  return { stop: () => stop(child) };
}

/** Until a name of each kind has an address. */
async function answering(peer: Peer, site: PeerSite, child: ChildProcess): Promise<void> {
  const until = performance.now() + START_TIMEOUT_MS;
  for (const { name } of site.world.names.slice(0, 3)) {
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended');
      try {
        const reply = await askNameServer({
          host: '127.0.0.1',
          port: site.port,
          name,
          type: TYPE.A,
          timeoutMs: 500,
        });
        if (peer.echoes === true || (reply.rcode === 0 && reply.answers.length > 0)) break;
      } catch {
        // Not yet.
      }
      if (performance.now() > until) throw new Error(`${name} has no answer`);
      await sleep(50);
    }
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await ended;
}

export function onPath(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Without the dot at the end. */
export function bare(name: string): string {
  return name.replace(/\.$/, '');
}
