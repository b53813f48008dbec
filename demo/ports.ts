import { createSocket } from 'node:dgram';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { PortolanError } from '../src/errors/error.ts';

const port = z.number().int().min(1).max(65_535);
const portsSchema = z
  .object({
    api: port,
    join: port,
    link: port,
    hubDns: port,
    agents: z.array(port),
    backend: port,
    gateway: port,
    /** Of listeners on 443; folders of an earlier version do not name it. */
    gatewayTls: port.default(8443),
    /** Of the CA that speaks ACME, where there is one, and of what it is managed by. */
    ca: port.default(14_000),
    caManagement: port.default(15_000),
  })
  .readonly();

/**
 * Where everything of the demo listens; `agents` are their name servers, in the order of the clusters; gateways have the same port on
 * every address, and so have backends.
 */
export type Ports = z.output<typeof portsSchema>;

const HOST = '127.0.0.1';
const FILE = 'ports.json';
const ATTEMPTS = 20;

/**
 * Free ports: those this folder had last time, so that its agents find the hub and printed commands stay true; else the
 * well-known ones; else what the system gives.
 * @param backendAddresses every backend has the same port on its own address, since DNS gives addresses only
 * @throws PortolanError PORT_IN_USE
 */
export async function choosePorts(folder: string, backendAddresses: readonly string[]): Promise<Ports> {
  const kept = readPorts(folder);
  const taken = new Set<number>();
  const choose = async (hosts: readonly string[], udp: boolean, wanted: readonly (number | undefined)[]) => {
    const chosen = await freePort(hosts, udp, wanted, taken);
    taken.add(chosen);
    return chosen;
  };
  // One after the other: no two may be the same.
  const api = await choose([HOST], false, [kept?.api, 7460]);
  const joinPort = await choose([HOST], false, [kept?.join, 7461]);
  const link = await choose([HOST], false, [kept?.link, 7462]);
  const hubDns = await choose([HOST], true, [kept?.hubDns, 5300]);
  const agents: number[] = [];
  for (const i of backendAddresses.keys()) {
    agents.push(await choose([HOST], true, [kept?.agents[i], 5301 + i]));
  }
  const backend = await choose(backendAddresses, false, [kept?.backend, 8080]);
  const gateway = await choose(backendAddresses, false, [kept?.gateway, 8000]);
  const gatewayTls = await choose(backendAddresses, false, [kept?.gatewayTls, 8443]);
  const ca = await choose([HOST], false, [kept?.ca, 14_000]);
  const caManagement = await choose([HOST], false, [kept?.caManagement, 15_000]);
  return { api, join: joinPort, link, hubDns, agents, backend, gateway, gatewayTls, ca, caManagement };
}

/** For the next start in this folder. */
export function keepPorts(folder: string, ports: Ports): void {
  const file = join(folder, FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify(ports, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** What is kept is a wish only, so a file that cannot be read is the same as none. */
function readPorts(folder: string): Ports | undefined {
  try {
    return portsSchema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')));
  } catch {
    return undefined;
  }
}

async function freePort(
  hosts: readonly string[],
  udp: boolean,
  wanted: readonly (number | undefined)[],
  taken: ReadonlySet<number>,
): Promise<number> {
  const isFreeOnAll = async (candidate: number): Promise<boolean> => {
    if (taken.has(candidate)) return false;
    for (const host of hosts) if (!(await isFree(host, candidate, udp))) return false;
    return true;
  };
  for (const candidate of wanted) {
    if (candidate !== undefined && (await isFreeOnAll(candidate))) return candidate;
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const candidate = await anyPort();
    if (await isFreeOnAll(candidate)) return candidate;
  }
  throw new PortolanError('PORT_IN_USE', `no free port was found on ${hosts.join(', ')}`);
}

async function isFree(host: string, candidate: number, udp: boolean): Promise<boolean> {
  const tcp = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(candidate, host, () => server.close(() => resolve(true)));
  });
  if (!tcp || !udp) return tcp;
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(candidate, host, () => socket.close(() => resolve(true)));
  });
}

function anyPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
