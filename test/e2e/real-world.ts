import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { ResolveResult } from '../../src/client/client.ts';
import { createNetwork, type Host, type Network } from '../support/network.ts';
import { until } from '../support/until.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const node = process.execPath;
const dist = (file: string): string => join(root, 'dist', file);

export const HOSTNAME = 'www.e2e.example';
export const BACKEND_PORT = 8080;
export const DNS_PORT = 5353;
/** Networks that the packaged GeoIP database puts in these countries; found by `resolve --from`. */
export type Place = 'DE' | 'FR' | 'US';

export interface Site {
  readonly name: string;
  readonly country: Place;
}
export const SITES: readonly Site[] = [
  { name: 'berlin', country: 'DE' },
  { name: 'paris', country: 'FR' },
  { name: 'ohio', country: 'US' },
];
const backendOf = (site: string): string => `be-${site}`;

/** A hub, an agent a site and a backend a site, each the real program on a test host of its own. */
export interface RealWorld {
  readonly network: Network;
  readonly folder: string;
  backendAddress(site: string): string;
  startHub(): Promise<void>;
  /** `kill -9`. */
  killHub(): Promise<void>;
  startBackend(site: string): Promise<void>;
  killBackend(site: string): Promise<void>;
  stopAgent(site: string): Promise<void>;
  startAgent(site: string): Promise<void>;
  /** Runs the CLI on the hub's host; its JSON. */
  portolan<T>(...args: readonly string[]): Promise<T>;
  resolve(place: Place): Promise<ResolveResult>;
  /** `dig +subnet` at a name server, asked from that host itself; sorted addresses. */
  dig(server: string, place: Place, options?: readonly string[]): Promise<readonly string[]>;
  /** Whether a name server is reached from another test host at all. */
  reaches(from: string, server: string): Promise<boolean>;
  /** The first of `servers` that answers something else than `expected` for a place; `undefined` when all agree. */
  disagreement(
    servers: readonly string[],
    expected: Readonly<Record<Place, string>>,
  ): Promise<string | undefined>;
  logOf(program: string): string;
  close(): Promise<void>;
}

export async function createRealWorld(tag: string): Promise<RealWorld> {
  const built = spawnSync(node, [join(root, 'scripts', 'build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`build failed: ${built.stderr}`);
  const folder = mkdtempSync(join(tmpdir(), `portolan-${tag}-`));
  const network = await createNetwork(`${tag}${process.pid}`, [
    'hub',
    ...SITES.map((s) => s.name),
    ...SITES.map((s) => backendOf(s.name)),
  ]);
  const children = new Map<string, ChildProcess>();
  const logs = new Map<string, string>();
  const subnets = new Map<Place, string>();
  const hubHost = network.host('hub');
  const home = join(folder, 'hub');
  mkdirSync(home, { recursive: true });

  function start(
    name: string,
    host: Host,
    args: readonly string[],
  ): { readonly child: ChildProcess; readonly line: Promise<string> } {
    const child = host.start([node, ...args]);
    children.set(name, child);
    child.stderr?.on('data', (chunk: Buffer) =>
      logs.set(name, ((logs.get(name) ?? '') + chunk.toString('utf8')).slice(-200_000)),
    );
    const line = new Promise<string>((resolve, reject) => {
      if (child.stdout !== null) createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}: ${logs.get(name) ?? ''}`)));
    });
    line.catch(() => undefined);
    return { child, line };
  }

  /** `ip netns exec` replaces itself with the program, so the child's id is the program's. */
  async function end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = children.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
    children.delete(name);
  }

  const cliEnv = (): Readonly<Record<string, string>> => ({
    PORTOLAN_SERVER: 'http://127.0.0.1:7460',
    PORTOLAN_TOKEN: readFileSync(join(home, 'admin.token'), 'utf8').trim(),
    NO_COLOR: '1',
  });

  async function portolan<T>(...args: readonly string[]): Promise<T> {
    const text = await hubHost.run([node, dist('portolan.mjs'), ...args, '-o', 'json'], cliEnv());
    return JSON.parse(text) as T;
  }

  const resolve = (place: Place): Promise<ResolveResult> => portolan('resolve', HOSTNAME, '--from', place);

  async function subnetOf(place: Place): Promise<string> {
    const known = subnets.get(place) ?? (await resolve(place)).client.address ?? '';
    subnets.set(place, known);
    return known;
  }

  async function dig(
    server: string,
    place: Place,
    options: readonly string[] = [],
  ): Promise<readonly string[]> {
    const host = network.host(server);
    const subnet = await subnetOf(place);
    const text = await host.run([
      'dig',
      `@${host.address}`,
      '-p',
      String(DNS_PORT),
      HOSTNAME,
      'A',
      `+subnet=${subnet}`,
      '+short',
      '+tries=1',
      '+time=2',
      ...options,
    ]);
    return text
      .trim()
      .split('\n')
      .filter((l) => l !== '')
      .sort();
  }

  const world: RealWorld = {
    network,
    folder,
    backendAddress: (site) => network.host(backendOf(site)).address,
    async startHub() {
      if (!children.has('hub-init')) {
        const config = join(folder, 'hub-config.yaml');
        writeFileSync(
          config,
          stringify({
            dataDir: 'data',
            agents: {
              joinListen: `${hubHost.address}:7461`,
              linkListen: `${hubHost.address}:7462`,
              advertise: [hubHost.address],
            },
            dns: { listen: [`${hubHost.address}:${DNS_PORT}`] },
            // The defaults but for the hold: half a minute of damping after every fault would make the test an hour.
            health: { holdMs: 1_000, maxHoldMs: 2_000, flapWindowMs: 5_000 },
          }),
        );
        await hubHost.run([node, dist('hub.mjs'), 'init', '--directory', home, '--config-text', config]);
      }
      await start('hub', hubHost, [dist('hub.mjs'), '--config', join(home, 'hub.yaml')]).line;
    },
    killHub: () => end('hub', 'SIGKILL'),
    async startBackend(site) {
      const host = network.host(backendOf(site));
      await start(backendOf(site), host, [dist('demo-backend.mjs'), host.address, String(BACKEND_PORT), site])
        .line;
    },
    killBackend: (site) => end(backendOf(site), 'SIGKILL'),
    stopAgent: (site) => end(`agent-${site}`, 'SIGTERM'),
    async startAgent(site) {
      const host = network.host(site);
      const dataDir = join(folder, 'agents', site);
      mkdirSync(dataDir, { recursive: true });
      if (!logs.has(`joined-${site}`)) {
        const { token } = await portolan<{ token: string }>('cluster', 'token', site);
        await host.run([node, dist('agent-join.mjs'), '--data-dir', dataDir], { PORTOLAN_JOIN_TOKEN: token });
        logs.set(`joined-${site}`, 'yes');
      }
      start(`agent-${site}`, host, [
        dist('agent.mjs'),
        '--data-dir',
        dataDir,
        '--dns',
        `${host.address}:${DNS_PORT}`,
        '--peer-listen',
        `${host.address}:7463`,
      ]);
    },
    portolan,
    resolve,
    dig,
    reaches: (from, server) =>
      network
        .host(from)
        .run([
          'dig',
          `@${network.host(server).address}`,
          '-p',
          String(DNS_PORT),
          HOSTNAME,
          'A',
          '+tries=1',
          '+time=1',
        ])
        .then(
          () => true,
          () => false,
        ),
    async disagreement(servers, expected) {
      for (const server of servers) {
        for (const [place, address] of Object.entries(expected) as [Place, string][]) {
          const got = await dig(server, place).catch((error: Error) => [error.message.slice(0, 200)]);
          if (got.join(' ') !== address)
            return `${server} answers ${place} with ${got.join(' ') || 'nothing'} instead of ${address}`;
        }
      }
      return undefined;
    },
    logOf: (program) => logs.get(program) ?? '',
    async close() {
      await Promise.all([...children.keys()].map((name) => end(name, 'SIGTERM')));
      await network.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return world;
}

/** The resources of the test: what a person would write. */
export function resources(world: RealWorld): string {
  const one = (endpoint: string) => ({ members: [{ endpoint }] });
  const object = (kind: string, name: string, spec: unknown) => ({
    apiVersion: 'portolan.dev/v1alpha1',
    kind,
    metadata: { name },
    spec,
  });
  return [
    ...SITES.map((s) =>
      object('Cluster', s.name, {
        location: { country: s.country },
        addresses: [world.backendAddress(s.name)],
      }),
    ),
    object('Zone', 'e2e', {
      origin: 'e2e.example',
      nameServers: [{ name: 'ns.e2e.example', addresses: [world.network.host('hub').address] }],
    }),
    object('HealthCheck', 'web', {
      protocol: 'http',
      port: BACKEND_PORT,
      path: '/healthz',
      expectedStatuses: [200],
    }),
    object('TrafficPolicy', 'www', {
      hostnames: [HOSTNAME],
      ttlSeconds: 5,
      minTtlSeconds: 1,
      endpoints: SITES.map((s) => ({ name: s.name, cluster: s.name })),
      healthCheck: { ref: 'web' },
      routing: {
        geo: [
          { name: 'de', match: { countries: ['DE'] }, tiers: [one('berlin'), one('paris')] },
          { name: 'fr', match: { countries: ['FR'] }, tiers: [one('paris'), one('berlin')] },
        ],
        default: { tiers: [one('ohio'), one('paris')] },
      },
      residency: [{ region: 'EU', unknownLocation: 'allow' }],
    }),
  ]
    .map((o) => stringify(o))
    .join('---\n');
}

/** Waits until every name server serves and every backend is up. */
export async function untilServing(world: RealWorld): Promise<void> {
  interface Status {
    readonly nameServers: readonly { readonly state: string }[];
    readonly targets: readonly { readonly state: string }[];
  }
  await until(
    'every name server serves and every backend is up',
    async () => {
      const status = await world.portolan<Status>('status');
      return (
        status.nameServers.filter((s) => s.state === 'serving').length === SITES.length + 1 &&
        status.targets.filter((t) => t.state === 'up').length === SITES.length
      );
    },
    60_000,
    250,
  );
}
