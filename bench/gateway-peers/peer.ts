import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A proxy that is measured: ours or another one, in front of the same backend. */
export interface GatewayPeer {
  readonly name: string;
  /** `plain` forwards; `key` lets a request pass whose API key is one of `site.keys`; `jwt` one with a signed token. */
  readonly arm: 'plain' | 'key' | 'jwt';
  /** Path of its program; undefined when it is not installed. */
  readonly find: () => Promise<string | undefined> | string | undefined;
  /** It speaks HTTP/2 without TLS as configured here. */
  readonly http2?: boolean;
  /** What a person types to have it. */
  readonly install: string;
  /** Writes its configuration into the folder. */
  readonly configure: (site: GatewaySite) => Promise<{
    readonly program?: string;
    readonly arguments: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  }>;
}

export interface GatewaySite {
  readonly program: string;
  /** An empty folder of its own. */
  readonly folder: string;
  readonly port: number;
  readonly backendPort: number;
  /** API keys that may pass. */
  readonly keys: readonly string[];
  /** A file with the JWKS, and the issuer and audience of the token. */
  readonly jwks: { readonly file: string; readonly issuer: string; readonly audience: string };
  readonly workers: number;
}

export interface RunningGateway {
  /** CPU time of the process and its children so far, microseconds. */
  cpuMicros(): number;
  /** Resident octets of the process and its children. */
  rssBytes(): number;
  stop(): Promise<void>;
}

const START_MS = 60_000;

/** Starts it on the given cores and waits until it forwards. @throws Error with what it said when it does not */
export async function startGateway(
  peer: GatewayPeer,
  site: GatewaySite,
  cores: string,
  request: { readonly headers: Readonly<Record<string, string>> },
): Promise<RunningGateway> {
  const command = await peer.configure(site);
  const child = spawn('taskset', ['-c', cores, command.program ?? site.program, ...command.arguments], {
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
    await forwarding(child, `http://127.0.0.1:${site.port}/items/1`, request.headers);
    if (peer.arm !== 'plain') await refuses(`http://127.0.0.1:${site.port}/items/1`);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${peer.name} does not serve: ${said.trim()}`, { cause: error });
  }
  const family = (): readonly number[] => withDescendants(child.pid ?? 0);
  return {
    cpuMicros: () => family().reduce((sum, pid) => sum + cpuMicrosOf(pid), 0),
    rssBytes: () => family().reduce((sum, pid) => sum + rssBytesOf(pid), 0),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const patience = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await ended;
      clearTimeout(patience);
    },
  };
}

async function forwarding(
  child: ChildProcess,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const until = performance.now() + START_MS;
  for (let last = 'nothing'; ; ) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended');
    try {
      const answer = await fetch(url, { headers });
      const body = await answer.text();
      if (answer.status === 200 && body.length > 0) return;
      last = `${answer.status} ${body.slice(0, 200)}`;
    } catch (error) {
      last = String(error);
    }
    if (performance.now() > until) throw new Error(`it answers ${last}`);
    await sleep(50);
  }
}

/** A figure of an arm with keys says something only when a wrong key is refused. */
async function refuses(url: string): Promise<void> {
  const headers = { 'x-api-key': 'wrong', authorization: 'Bearer wrong' };
  const { status } = await fetch(url, { headers });
  if (status !== 401 && status !== 403) throw new Error(`a wrong key gets ${status}`);
}

function withDescendants(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statOf(Number(entry))[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const all = [root];
  for (const pid of all) all.push(...(children.get(pid) ?? []));
  return all;
}

/** Fields after the command's name, which may hold anything: state is the first. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** The kernel counts in hundredths of a second (USER_HZ). */
function cpuMicrosOf(pid: number): number {
  const stat = statOf(pid);
  return (Number(stat[11] ?? 0) + Number(stat[12] ?? 0)) * 10_000;
}

function rssBytesOf(pid: number): number {
  return Number(statOf(pid)[21] ?? 0) * 4_096;
}
