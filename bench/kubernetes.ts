import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { programArguments } from '../cli/programs.ts';
import { createPrograms } from '../demo/programs.ts';
import { createKubeClient } from '../kube/client.ts';
import { openKubeAccess } from '../kube/config.ts';
import type { KubeClient, KubeObject, KubeResource } from '../kube/contract.ts';
import {
  ENDPOINT_SLICES,
  GATEWAY_CLASSES,
  GATEWAYS,
  HTTP_ROUTES,
} from '../spoke-agent/kubernetes/resources.ts';
import { AGENT_RULES } from '../spoke-agent/kubernetes/rules.ts';
import { createClient } from '../src/client/client.ts';
import { freePort } from '../test/support/free-port.ts';
import { applyCrds, requireGatewayApiCrds } from '../test/support/gateway-api-crds.ts';
import {
  type KubeApiserver,
  requireKubeApiserver,
  startKubeApiserver,
} from '../test/support/kube-apiserver.ts';
import { grant } from '../test/support/kube-grants.ts';
import { pathOf } from '../test/support/servers.ts';
import { until } from '../test/support/until.ts';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';
import { createFrame, createRoutes, hostOf, NAMESPACE, routeObject } from './kubernetes-world.ts';

/*
 * A cluster with many routes and pods: a real API server, a hub, and an agent as in a pod (its service account's files, the shipped rules), started
 * as the CLI starts them. What a change costs is measured from sending it to the API server to the first answer of the gateway that shows it.
 */

const ROUTES = Number(process.env.BENCH_KUBERNETES_ROUTES ?? 5_000);
const SLICES_PER_SERVICE = 4;
const ENDPOINTS_PER_SLICE = 2;
const SLICE_CHANGES = 200;
const ROUTE_CHANGES = 20;
const SETTLE_MS = 20_000;
const STATUSES_MS = 120_000;
const HOST = '127.0.0.1';
const TOKEN = 'token-of-the-agent';
/** Whose first slice leads to a backend that is there: the first, and the last, which shows that all was read. */
const LIVE: ReadonlySet<number> = new Set([0, ROUTES - 1]);
const GOALS = { rssMb: 300, firstSyncS: 15, changeMs: 300 };

const say = (line: string): void => void process.stderr.write(`bench kubernetes: ${line}\n`);

export async function run(): Promise<readonly Figure[]> {
  const suite = 'bench kubernetes';
  const program = await requireKubeApiserver(suite);
  const crds = await requireGatewayApiCrds(suite);
  if (!program.available || !crds.available) return [];
  const root = fileURLToPath(new URL('..', import.meta.url));
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
  const entry = new URL('../dist/portolan.mjs', import.meta.url).href;
  const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  const programs = createPrograms(folder, entry, () => undefined);
  const pods: Server[] = [];
  const agents: RunningAgent[] = [];
  await using server = await startKubeApiserver(pathOf(program), { [TOKEN]: { user: 'agent' } });
  try {
    const admin = createKubeClient(
      await openKubeAccess({ file: await server.kubeconfig(server.adminToken) }),
    );
    await applyCrds(admin, pathOf(crds));
    await createFrame(admin);
    await grant(admin, { user: 'agent', namespace: 'portolan' }, AGENT_RULES);
    const address = ownAddress();
    for (const name of ['a', 'b']) pods.push(await pod(name, address));
    const ports = pods.map(portOf);
    const size = {
      routes: ROUTES,
      slicesPerService: SLICES_PER_SERVICE,
      endpointsPerSlice: ENDPOINTS_PER_SLICE,
    };
    const began = performance.now();
    await createRoutes(admin, size, { address, port: ports[0] ?? 0, services: LIVE });
    say(`${ROUTES} routes and ${ROUTES * SLICES_PER_SERVICE} slices made in ${seconds(began)} s`);

    const gatewayPort = await freePort();
    const dataDir = await joinHub(programs, folder);
    const agentAt = (): RunningAgent => {
      const one = startAgent({ entry, folder, dataDir, server, gatewayPort });
      agents.push(one);
      return one;
    };
    const started = performance.now();
    let agent = agentAt();
    const last = asker(gatewayPort, hostOf(ROUTES - 1));
    await until('the last route is served', async () => (await last.ask()).body === 'a', 300_000, 50);
    const firstSyncS = Number(seconds(started));
    say(`first sync ${firstSyncS} s; ${memory(agent)}`);
    const statuses = await statusesWritten(admin);
    say(`${statuses} routes have their status ${seconds(started)} s after the start; ${memory(agent)}`);
    await pause(SETTLE_MS);
    const resident = residentOf(agent);
    const charged = chargedTo(agent);
    say(memory(agent));

    const changes = await sliceChanges(admin, gatewayPort, ports);
    say(
      `slice changes: p50 ${percentile(changes, 50).toFixed(0)} ms, p99 ${percentile(changes, 99).toFixed(0)} ms; ${memory(agent)}`,
    );
    const routes = await routeChanges(admin, gatewayPort);
    say(
      `route changes: p50 ${percentile(routes, 50).toFixed(0)} ms, p99 ${percentile(routes, 99).toFixed(0)} ms; ${memory(agent)}`,
    );
    await pause(SETTLE_MS);

    const before = await versions(admin);
    await agent.stop();
    const again = performance.now();
    agent = agentAt();
    await until('it serves again', async () => (await last.ask()).body !== '', 300_000, 20);
    const restartS = Number(seconds(again));
    await pause(SETTLE_MS);
    const after = await versions(admin);
    const written = [...after].filter(([name, version]) => before.get(name) !== version).length;
    say(`restart: serves after ${restartS} s, ${written} objects written; ${memory(agent)}`);
    last.close();

    const figure = (name: string, ours: number, peer: number, unit: string): Figure =>
      lowerIsBetter({ bench: 'kubernetes', case: name, ours, peerName: 'goal', peer, unit });
    return [
      figure('agent-rss', resident, GOALS.rssMb, 'MB resident, the sum of both processes'),
      figure('agent-charged', charged, GOALS.rssMb, 'MB, pages that both share counted once'),
      figure('first-sync', firstSyncS, GOALS.firstSyncS, 's from the start of the agent to the last route'),
      figure('endpoint-change-p50', percentile(changes, 50), GOALS.changeMs, 'ms'),
      figure('endpoint-change-p99', percentile(changes, 99), GOALS.changeMs, `ms, ${changes.length} changes`),
      figure('route-change-p50', percentile(routes, 50), GOALS.changeMs, 'ms'),
      figure('route-change-p99', percentile(routes, 99), GOALS.changeMs, `ms, ${routes.length} changes`),
      figure('restart-writes', written, 0, 'objects written by a restart'),
    ];
  } finally {
    for (const one of agents) await one.stop();
    await programs.stopAll();
    for (const one of pods) {
      one.closeAllConnections();
      one.close();
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/** API servers refuse loopback addresses in EndpointSlices. */
function ownAddress(): string {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4');
  if (own === undefined)
    throw new Error('this machine has no IPv4 address but loopback: pods of the bench need one');
  return own.address;
}

async function pod(name: string, address: string): Promise<Server> {
  const server = createServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const seconds = (sinceMs: number): string => ((performance.now() - sinceMs) / 1_000).toFixed(1);

/** A hub, and the identity of an agent of its cluster `one`. */
async function joinHub(programs: ReturnType<typeof createPrograms>, folder: string): Promise<string> {
  const home = join(folder, 'hub');
  const template = join(folder, 'template.yaml');
  writeFileSync(
    template,
    `dataDir: data\napi: {port: 0}\nagents: {joinListen: '${HOST}:0', linkListen: '${HOST}:0'}\ndns: {listen: ['${HOST}:0']}\n`,
  );
  const made = await programs.run('init', 'hub', ['init', '--directory', home, '--config-text', template]);
  const hub = programs.start('hub', 'hub', ['--config', String(made.config)]);
  const client = createClient({
    server: String((await hub.ready).api),
    token: readFileSync(String(made.tokenFile), 'utf8').trim(),
  });
  const cluster = {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'Cluster',
    metadata: { namespace: 'default', name: 'one' },
    spec: { location: { country: 'DE' }, addresses: [] },
  };
  await client.apply({ documents: [cluster] });
  const dataDir = join(folder, 'agent');
  mkdirSync(dataDir);
  const { token } = await client.clusterToken({ namespace: 'default', name: 'one' });
  await programs.run('join', 'agent-join', ['--data-dir', dataDir], { PORTOLAN_JOIN_TOKEN: token });
  return dataDir;
}

interface RunningAgent {
  readonly pid: number;
  stop(): Promise<void>;
}

/** In a mount namespace of its own, where the files of a service account are: reading a kubeconfig would load a library that pods do not need. */
function startAgent(options: {
  readonly entry: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly server: KubeApiserver;
  readonly gatewayPort: number;
}): RunningAgent {
  const { entry, folder, dataDir, server, gatewayPort } = options;
  const account = join(folder, 'serviceaccount');
  mkdirSync(account, { recursive: true });
  writeFileSync(join(account, 'token'), TOKEN);
  writeFileSync(join(account, 'namespace'), 'portolan');
  writeFileSync(join(account, 'ca.crt'), readFileSync(server.caFile));
  const config = join(folder, 'agent.json');
  writeFileSync(
    config,
    JSON.stringify({
      dataDir,
      kubernetes: { enabled: true },
      dns: { listen: [`${HOST}:0`] },
      gateway: { host: HOST, ports: { 80: gatewayPort }, accessLog: { file: '/dev/null' } },
    }),
  );
  const { hostname, port } = new URL(server.url);
  const mounted =
    'mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io && cp -r "$0" /run/secrets/kubernetes.io/serviceaccount && exec "$@"';
  const child = spawn(
    'unshare',
    [
      '-m',
      'sh',
      '-c',
      mounted,
      account,
      process.execPath,
      ...programArguments('agent', entry),
      '--config',
      config,
    ],
    {
      stdio: ['pipe', 'ignore', process.env.BENCH_LOG === undefined ? 'ignore' : 'inherit'],
      env: {
        ...process.env,
        PORTOLAN_LIFELINE: 'stdin',
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
        NODE_NAME: 'node-1',
        POD_NAME: 'agent',
      },
    },
  );
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  return {
    pid: child.pid ?? 0,
    async stop() {
      if (ended) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

function processesOf({ pid }: RunningAgent): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number))];
}

function megabytes(pid: number, field: 'VmRSS' | 'VmHWM' | 'RssAnon' | 'RssFile' | 'RssShmem'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024);
}

const residentOf = (agent: RunningAgent): number =>
  processesOf(agent).reduce((sum, pid) => sum + megabytes(pid, 'VmRSS'), 0);

/** What a pod is charged for: pages of the program, which its processes share, once. */
function chargedTo(agent: RunningAgent): number {
  const pids = processesOf(agent);
  const own = pids.map((pid) => megabytes(pid, 'RssAnon') + megabytes(pid, 'RssShmem'));
  return Math.max(...pids.map((pid) => megabytes(pid, 'RssFile'))) + own.reduce((sum, one) => sum + one, 0);
}

function memory(agent: RunningAgent): string {
  const each = processesOf(agent).map(
    (pid) => `${megabytes(pid, 'VmRSS')} (peak ${megabytes(pid, 'VmHWM')})`,
  );
  return `RSS data, control: ${each.join(', ')} MB`;
}

/** Asks the gateway over one connection that is kept. */
function asker(port: number, host: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    ask: (): Promise<{ readonly body: string; readonly version: string }> =>
      new Promise((resolve, reject) => {
        get({ host: HOST, port, agent, headers: { host } }, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            body += chunk;
          });
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              body: response.statusCode === 200 ? body : '',
              version: String(response.headers['x-route-version'] ?? ''),
            }),
          );
        }).on('error', reject);
      }),
    close: () => agent.destroy(),
  };
}

/** The one pod of a Service is replaced by another, again and again. @returns milliseconds each */
async function sliceChanges(admin: KubeClient, port: number, ports: readonly number[]): Promise<number[]> {
  const to = asker(port, hostOf(0));
  const took: number[] = [];
  for (let change = 1; change <= SLICE_CHANGES; change += 1) {
    const wanted = change % 2;
    const started = performance.now();
    const patched = admin.merge(
      { resource: ENDPOINT_SLICES, namespace: NAMESPACE, name: 's0-0' },
      { ports: [{ name: 'http', port: ports[wanted], protocol: 'TCP' }] },
    );
    await until('the other pod answers', async () => (await to.ask()).body === 'ab'[wanted], 30_000, 2);
    took.push(performance.now() - started);
    await patched;
  }
  to.close();
  return took;
}

async function routeChanges(admin: KubeClient, port: number): Promise<number[]> {
  const to = asker(port, hostOf(0));
  const took: number[] = [];
  for (let change = 1; change <= ROUTE_CHANGES; change += 1) {
    const started = performance.now();
    const { spec } = routeObject(0, String(change));
    const patched = admin.merge({ resource: HTTP_ROUTES, namespace: NAMESPACE, name: 'r0' }, { spec });
    await until(
      'the route is as it was written',
      async () => (await to.ask()).version === String(change),
      60_000,
      5,
    );
    took.push(performance.now() - started);
    await patched;
  }
  to.close();
  return took;
}

async function* all(admin: KubeClient, resource: KubeResource): AsyncGenerator<KubeObject> {
  for await (const { items } of admin.list(resource, {})) yield* items;
}

/** Waits until every route has a status, two minutes at most. @returns how many have */
async function statusesWritten(admin: KubeClient): Promise<number> {
  const deadline = performance.now() + STATUSES_MS;
  for (;;) {
    let written = 0;
    for await (const { status } of all(admin, HTTP_ROUTES)) {
      const parents =
        typeof status === 'object' && status !== null && 'parents' in status ? status.parents : [];
      if (Array.isArray(parents) && parents.length > 0) written += 1;
    }
    if (written === ROUTES || performance.now() > deadline) return written;
    await pause(2_000);
  }
}

/** Resource versions of all that the agent may write but its Lease. */
async function versions(admin: KubeClient): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const resource of [GATEWAY_CLASSES, GATEWAYS, HTTP_ROUTES])
    for await (const { metadata } of all(admin, resource))
      found.set(`${resource.kind} ${metadata.name}`, metadata.resourceVersion ?? '');
  return found;
}
