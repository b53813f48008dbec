import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { initHub } from '../../../hub/init.ts';
import { type Client, createClient } from '../../../src/client/client.ts';
import type { ZoneDnssecStatus } from '../../../src/resources/zone-dnssec-status.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';

const run = promisify(execFile);
const program = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const ready = z.object({ api: z.string() });

/** A hub and two agents, each a process of its own, on loopback. */
export interface Installation {
  readonly folder: string;
  readonly client: Client;
  readonly hubDnsPort: number;
  readonly agentPorts: readonly number[];
  apply(...documents: readonly object[]): Promise<void>;
  dnssec(zone: string): Promise<ZoneDnssecStatus | undefined>;
  untilState(zone: string, state: ZoneDnssecStatus['state'], limitMs?: number): Promise<ZoneDnssecStatus>;
  /** Every agent answers from what the hub published last. */
  untilServed(): Promise<void>;
  stopAgent(index: number): Promise<void>;
  startAgent(index: number): Promise<void>;
  killHub(): Promise<void>;
  startHub(): Promise<void>;
  /** A command line as a person types it; what it prints. */
  portolan(...args: readonly string[]): Promise<string>;
  /** The hub's own. */
  metrics(): Promise<string>;
  /** What the hub and its agents wrote to stderr. */
  readonly log: string;
  close(): Promise<void>;
}

export const AGENTS = ['east', 'west'] as const;

export async function startInstallation(
  parentServers: (hubDnsPort: number) => Readonly<Record<string, readonly string[]>>,
  /** Of the clusters, in the order of `AGENTS`; loopback ones may be probed. */
  addresses: readonly string[] = ['192.0.2.1', '192.0.2.2'],
): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-signed-'));
  const home = join(folder, 'hub');
  const [hubDnsPort, apiPort, joinPort, linkPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const agentPorts = [await freePort(), await freePort()];
  const children = new Map<string, ChildProcess>();
  let log = '';
  await initHub(
    home,
    [
      'dataDir: data',
      'secrets: { keyFile: data.key }',
      `api: { host: 127.0.0.1, port: ${apiPort} }`,
      `agents: { joinListen: '127.0.0.1:${joinPort}', linkListen: '127.0.0.1:${linkPort}' }`,
      `dns: { listen: ['127.0.0.1:${hubDnsPort}'] }`,
      `dnssec: { parentServers: ${JSON.stringify(parentServers(hubDnsPort))} }`,
      `network: { allowedRanges: ['127.0.0.0/8'] }`,
      'logLevel: info',
      '',
    ].join('\n'),
  );

  function start(name: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH },
    });
    children.set(name, child);
    child.stderr.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString('utf8')).slice(-500_000);
    });
    return child;
  }

  async function end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = children.get(name);
    children.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async function startHub(): Promise<void> {
    const child = start('hub', [program('hub/main.ts'), '--config', join(home, 'hub.yaml')]);
    const line = await new Promise<string>((resolve, reject) => {
      if (child.stdout !== null) createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', () => reject(new Error(`the hub ended: ${log}`)));
    });
    ready.parse(JSON.parse(line));
  }

  const dataDir = (index: number): string => join(folder, `agent-${AGENTS[index] ?? ''}`);
  const startAgent = async (index: number): Promise<void> => {
    const listen = `127.0.0.1:${agentPorts[index] ?? 0}`;
    const peer = ['--peer-listen', '127.0.0.1:0'];
    start(`agent-${index}`, [
      program('spoke-agent/main.ts'),
      '--data-dir',
      dataDir(index),
      '--dns',
      listen,
      ...peer,
      '--allow-range',
      '127.0.0.0/8',
    ]);
  };
  const close = async (): Promise<void> => {
    await Promise.all([...children.keys()].map((name) => end(name, 'SIGTERM')));
    await rm(folder, { recursive: true, force: true });
  };

  try {
    await startHub();
    const token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
    const client = createClient({ server: `http://127.0.0.1:${apiPort}`, token });
    const apply: Installation['apply'] = async (...documents) => {
      await client.apply({
        documents: documents.map((document) => ({ apiVersion: 'portolan.dev/v1alpha1', ...document })),
      });
    };
    await apply(
      ...AGENTS.map((name, i) => ({
        kind: 'Cluster',
        metadata: { name },
        spec: { location: { country: i === 0 ? 'DE' : 'US' }, addresses: addresses.slice(i, i + 1) },
      })),
    );
    for (const [index, name] of AGENTS.entries()) {
      const { token: joinToken } = await client.clusterToken({ namespace: 'default', name });
      await run(process.execPath, [program('spoke-agent/join-main.ts'), '--data-dir', dataDir(index)], {
        env: { PATH: process.env.PATH, PORTOLAN_JOIN_TOKEN: joinToken },
      });
      await startAgent(index);
    }
    const dnssec: Installation['dnssec'] = async (zone) =>
      (await client.get('Zone', { namespace: 'default', name: zone }))?.status?.dnssec;
    return {
      folder,
      client,
      hubDnsPort,
      agentPorts,
      apply,
      dnssec,
      async untilState(zone, state, limitMs = 60_000) {
        let last: ZoneDnssecStatus | undefined;
        try {
          await until(
            `${zone} is ${state}`,
            async () => {
              last = await dnssec(zone);
              return last?.state === state;
            },
            limitMs,
            200,
          );
        } catch (cause) {
          throw new Error(`${zone} is not ${state} but ${JSON.stringify(last)}`, { cause });
        }
        if (last === undefined) throw new Error('it has no status');
        return last;
      },
      async untilServed() {
        let last: readonly string[] = [];
        try {
          await until(
            'every agent serves what was published last',
            async () => {
              const { nameServers } = await client.status();
              last = nameServers.map((s) => `${s.id} ${s.state}: ${s.detail}`);
              return (
                nameServers.length === AGENTS.length + 1 && nameServers.every((s) => s.state === 'serving')
              );
            },
            120_000,
            100,
          );
        } catch (cause) {
          throw new Error(`not served: ${last.join('; ')}\n${log.slice(-3_000)}`, { cause });
        }
      },
      stopAgent: (index) => end(`agent-${index}`, 'SIGTERM'),
      startAgent,
      killHub: () => end('hub', 'SIGKILL'),
      startHub,
      async portolan(...args) {
        const env = {
          PATH: process.env.PATH,
          PORTOLAN_SERVER: `http://127.0.0.1:${apiPort}`,
          PORTOLAN_TOKEN: token,
        };
        return (await run(process.execPath, [program('cli/main.ts'), ...args], { env })).stdout;
      },
      async metrics() {
        const headers = { authorization: `Bearer ${token}` };
        return (await fetch(`http://127.0.0.1:${apiPort}/metrics`, { headers })).text();
      },
      get log() {
        return log;
      },
      close,
    };
  } catch (error) {
    await close();
    throw new Error(`the installation does not start: ${log.slice(-3_000)}`, { cause: error });
  }
}
