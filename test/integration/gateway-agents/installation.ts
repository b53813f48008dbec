import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Client, createClient } from '../../../src/client/client.ts';
import { type CuttableRelay, startCuttableRelay } from '../../support/cuttable-relay.ts';
import { freePort } from '../../support/free-port.ts';

const run = promisify(execFile);
const ready = z.object({ api: z.string(), link: z.string() });
const newKey = z.object({ key: z.string(), id: z.string() });
const describedKey = z.object({
  clusters: z.array(z.object({ cluster: z.string(), state: z.string() })),
});
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const program = (name: string): string => join(ROOT, 'dist', `${name}.mjs`);

/** A hub and three agents with gateways and without name servers, each a process of its own, on loopback. */
export interface Installation {
  readonly folder: string;
  /** Of the hub that started last. */
  readonly client: Client;
  /** Where each agent's gateway binds ports 80 and 443 of Gateways. */
  readonly agents: readonly { readonly name: string; readonly http: number; readonly https: number }[];
  apply(...documents: readonly object[]): Promise<void>;
  createKey(principal: string): Promise<{ readonly key: string; readonly id: string }>;
  revokeKey(id: string): Promise<void>;
  describeKey(id: string): Promise<z.output<typeof describedKey>>;
  /** By `kill -9`. */
  stopAgent(index: number): Promise<void>;
  startAgent(index: number): void;
  killHub(): Promise<void>;
  /** Again, on other ports: agents find it when their links are relayed. */
  startHub(): Promise<void>;
  /** Parts an agent from the hub, or lets them meet again; only when links are relayed. */
  part(index: number): void;
  join(index: number): void;
  /** The hub hears nothing more of an agent on the connection there is, but is heard; only when links are relayed. */
  mute(index: number): void;
  /** What the hub and its agents wrote to stderr. */
  readonly log: string;
  /** What the agents wrote to stdout. */
  readonly said: string;
  close(): Promise<void>;
}

export const AGENTS = ['east', 'west', 'north'] as const;

/**
 * @param country where the clusters lie
 * @param relayed agents reach the hub through relays that can be cut
 * @param settingsOf what else the configuration file of an agent says, by its name; paths of its own lie in the folder
 */
export async function startInstallation(
  country = 'DE',
  relayed = false,
  settingsOf: (name: string, folder: string) => object = () => ({}),
): Promise<Installation> {
  // The launcher builds when a source is newer than what was built.
  await run(process.execPath, [join(ROOT, 'cli', 'portolan.mjs'), '--version']);
  const folder = await mkdtemp(join(tmpdir(), 'portolan-gateways-'));
  const home = join(folder, 'hub');
  const children = new Map<string, ChildProcess>();
  const relays: CuttableRelay[] = [];
  let log = '';
  let said = '';
  const start = (name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const child = spawn(process.execPath, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...env },
    });
    children.set(name, child);
    child.stderr.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString('utf8')).slice(-200_000);
    });
    return child;
  };
  const end = async (name: string, signal: NodeJS.Signals): Promise<void> => {
    const child = children.get(name);
    children.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  const close = async (): Promise<void> => {
    await Promise.all([...children.keys()].map((name) => end(name, 'SIGTERM')));
    await Promise.all(relays.map((relay) => relay[Symbol.asyncDispose]()));
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };

  try {
    const template = join(folder, 'hub-template.yaml');
    await writeFile(
      template,
      "dataDir: data\ndns: { listen: ['127.0.0.1:0'] }\nnetwork: { allowedRanges: ['127.0.0.0/8'] }\n",
    );
    await run(process.execPath, [program('hub'), 'init', '--directory', home, '--config-text', template]);
    let server = '';
    let linkPort = 0;
    const startHub = async (): Promise<void> => {
      const hub = start('hub', [program('hub'), '--config', join(home, 'hub.yaml')], {
        PORTOLAN_API_PORT: '0',
        PORTOLAN_JOIN_LISTEN: '127.0.0.1:0',
        PORTOLAN_LINK_LISTEN: '127.0.0.1:0',
        PORTOLAN_DNS_LISTEN: '127.0.0.1:0',
      });
      const line = await new Promise<string>((resolve, reject) => {
        createInterface({ input: hub.stdout }).once('line', resolve);
        hub.once('exit', () => reject(new Error(`the hub ended: ${log}`)));
      });
      const addresses = ready.parse(JSON.parse(line));
      server = addresses.api;
      linkPort = Number(addresses.link.slice(addresses.link.lastIndexOf(':') + 1));
      for (const relay of relays) relay.leadTo(linkPort);
    };
    await startHub();
    const token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
    let client = createClient({ server, token });
    const ask = async (path: string, what: RequestInit): Promise<unknown> => {
      const reply = await fetch(`${server}/v1/keys/default${path}`, {
        ...what,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      });
      if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`);
      return await reply.json();
    };
    const post = (path: string, body: object): Promise<unknown> =>
      ask(path, { method: 'POST', body: JSON.stringify(body) });
    const apply: Installation['apply'] = async (...documents) => {
      await client.apply({
        documents: documents.map((document) => ({ apiVersion: 'portolan.dev/v1alpha1', ...document })),
      });
    };
    await apply(
      ...AGENTS.map((name) => ({
        kind: 'Cluster',
        metadata: { name },
        spec: { location: { country }, addresses: ['192.0.2.1'] },
      })),
    );
    const agents: { readonly name: string; readonly http: number; readonly https: number }[] = [];
    for (const name of AGENTS) agents.push({ name, http: await freePort(), https: await freePort() });
    const startAgent = (index: number): void => {
      const { name, http, https } = agents[index] ?? { name: '', http: 0, https: 0 };
      const child = start(`agent-${index}`, [
        program('agent'),
        ...[
          '--config',
          join(folder, `${name}.yaml`),
          '--data-dir',
          join(folder, name),
          '--no-dns',
          '--peer-listen',
          '127.0.0.1:0',
          '--admin',
          '127.0.0.1:0',
        ],
        ...['--gateway-port', `80=${http}`, '--gateway-port', `443=${https}`],
        ...['--allow-range', '127.0.0.0/8'],
      ]);
      child.stdout.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString('utf8')).slice(-200_000);
      });
    };
    await Promise.all(
      agents.map(async ({ name }, index) => {
        const { token: joinToken } = await client.clusterToken({ namespace: 'default', name });
        await run(process.execPath, [program('agent-join'), '--data-dir', join(folder, name)], {
          env: { PATH: process.env.PATH, PORTOLAN_JOIN_TOKEN: joinToken },
        });
        await writeFile(join(folder, `${name}.yaml`), JSON.stringify(settingsOf(name, folder)));
        if (relayed) relays[index] = await relayLink(join(folder, name), linkPort);
        startAgent(index);
      }),
    );
    return {
      folder,
      get client() {
        return client;
      },
      agents,
      apply,
      createKey: async (principal) => newKey.parse(await post('', { principal })),
      revokeKey: async (id) => void (await post(`/${id}/revoke`, {})),
      describeKey: async (id) => describedKey.parse(await ask(`/${id}`, {})),
      stopAgent: (index) => end(`agent-${index}`, 'SIGKILL'),
      startAgent,
      killHub: () => end('hub', 'SIGKILL'),
      startHub: async () => {
        await startHub();
        client = createClient({ server, token });
      },
      part: (index) => relays[index]?.cut(),
      join: (index) => relays[index]?.heal(),
      mute: (index) => relays[index]?.mute(),
      get log() {
        return log;
      },
      get said() {
        return said;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The agent that joined in this folder finds the hub's link behind a relay. */
async function relayLink(dataDir: string, linkPort: number): Promise<CuttableRelay> {
  const relay = await startCuttableRelay(linkPort);
  const file = join(dataDir, 'identity', 'identity.json');
  const identity: unknown = JSON.parse(await readFile(file, 'utf8'));
  const behind = Object.assign({}, identity, { linkAddresses: [`127.0.0.1:${relay.port}`] });
  await writeFile(file, JSON.stringify(behind));
  return relay;
}
