import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { createFrame, createRoutes, hostOf, NAMESPACE } from '../../bench/kubernetes-world.ts';
import { createPrograms, type Programs } from '../../demo/programs.ts';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient, KubeObject, KubeResource } from '../../kube/contract.ts';
import { SECRETS } from '../../spoke-agent/kubernetes/resources.ts';
import { AGENT_RULES } from '../../spoke-agent/kubernetes/rules.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import {
  type AgentInPod,
  type ServiceAccountFolder,
  serviceAccountFolder,
  startAgentInPod,
} from '../support/agent-in-pod.ts';
import { type CuttableRelay, startCuttableRelay } from '../support/cuttable-relay.ts';
import { freePort } from '../support/free-port.ts';
import { applyCrds, requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { grant } from '../support/kube-grants.ts';
import { ownAddress } from '../support/own-address.ts';
import { pathOf } from '../support/servers.ts';

const HOST = '127.0.0.1';
const SUITE = 'faults of a Kubernetes cluster';
const ACCOUNT = 'portolan-agent';
const SERVICE_ACCOUNTS: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
};
const TICKS_A_SECOND = 100;
export const ROUTES = 50;

export const say = (line: string): void =>
  void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

/** A real API server with etcd, a hub, and an agent as in a pod with the shipped rules; 50 routes, of which `r0` and the last lead to the first pod. */
export interface TestCluster extends AsyncDisposable {
  readonly folder: string;
  readonly server: KubeApiserver;
  readonly admin: KubeClient;
  readonly hub: Client;
  readonly account: ServiceAccountFolder;
  /** Between the agent and its API server. */
  readonly relay: CuttableRelay;
  /** Ports of two pods that answer `a` and `b`. */
  readonly pods: readonly number[];
  startAgent(environment?: Readonly<Record<string, string>>): AgentInPod;
  /** Makes the agent known to the hub, once. @returns what `agent-join` said */
  join(environment?: Readonly<Record<string, string>>): Promise<string>;
  ask(host: string): Promise<Answer>;
  metrics(): Promise<string>;
}

/** What the gateway answered. */
export interface Answer {
  /** Of 200; else the status and the body. */
  readonly body: string;
  /** Header by which a version of a route shows. */
  readonly version: string;
}

export async function startCluster(options: { readonly watchCache?: boolean } = {}): Promise<TestCluster> {
  const program = await requireKubeApiserver(SUITE);
  const crds = await requireGatewayApiCrds(SUITE);
  const address = pathOf(ownAddress(SUITE));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
  const entry = new URL('../../dist/portolan.mjs', import.meta.url).href;
  const folder = mkdtempSync(join(tmpdir(), 'portolan-long-'));
  const programs = createPrograms(folder, entry, () => undefined);
  const server = await startKubeApiserver(pathOf(program), {}, options);
  const relay = await startCuttableRelay(server.server.port);
  const backends: Server[] = [];
  const agents: AgentInPod[] = [];
  const close = async (): Promise<void> => {
    for (const agent of agents) await agent.stop();
    await programs.stopAll();
    for (const one of backends) {
      one.closeAllConnections();
      one.close();
    }
    await relay[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const admin = createKubeClient(
      await openKubeAccess({ file: await server.kubeconfig(server.adminToken) }),
    );
    await applyCrds(admin, pathOf(crds));
    await createFrame(admin);
    await admin.create(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ACCOUNT, namespace: 'portolan' } },
      SERVICE_ACCOUNTS,
    );
    const user = `system:serviceaccount:portolan:${ACCOUNT}`;
    await grant(admin, { user, namespace: 'portolan', name: ACCOUNT }, AGENT_RULES);
    for (const name of ['a', 'b']) backends.push(await backend(name, address));
    const pods = backends.map((one) => (one.address() as AddressInfo).port);
    await createRoutes(
      admin,
      { routes: ROUTES, slicesPerService: 4, endpointsPerSlice: 2 },
      { address, port: pods[0] ?? 0, services: new Set([0, ROUTES - 1]) },
    );
    const account = serviceAccountFolder(join(folder, 'serviceaccount'), server.caFile, 'portolan');
    const [gatewayPort, adminPort] = [await freePort(), await freePort()];
    const dataDir = join(folder, 'agent');
    const configFile = join(folder, 'agent.json');
    writeFileSync(
      configFile,
      JSON.stringify({
        dataDir,
        kubernetes: { enabled: true },
        admin: { listen: `${HOST}:${adminPort}` },
        dns: { listen: [`${HOST}:0`] },
        gateway: { host: HOST, ports: { 80: gatewayPort }, accessLog: { file: '/dev/null' } },
      }),
    );
    const hub = await startHub(programs, folder);
    return {
      folder,
      server,
      admin,
      hub,
      account,
      relay,
      pods,
      startAgent(environment = {}) {
        const url = `https://${HOST}:${relay.port}`;
        const agent = startAgentInPod({ entry, account, configFile, server: url, environment });
        agents.push(agent);
        return agent;
      },
      async join(environment = {}) {
        mkdirSync(dataDir, { recursive: true });
        const { token } = await hub.clusterToken({ namespace: 'default', name: 'one' });
        return JSON.stringify(
          await programs.run('join', 'agent-join', ['--data-dir', dataDir], {
            PORTOLAN_JOIN_TOKEN: token,
            ...environment,
          }),
        );
      },
      ask: (host) => ask(gatewayPort, host),
      metrics: async () => await (await fetch(`http://${HOST}:${adminPort}/metrics`)).text(),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A route beside the others, to the first pod. @param version as `routeObject` has it */
export function newRoute(version: string): KubeObject {
  const set = [{ name: 'x-route-version', value: version }];
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `r${ROUTES}`, namespace: NAMESPACE },
    spec: {
      parentRefs: [{ name: 'web' }],
      hostnames: [hostOf(ROUTES)],
      rules: [
        {
          filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set } }],
          backendRefs: [{ name: 's0', port: 80 }],
        },
      ],
    },
  };
}

/** A token of the agent's service account, void once the Secret of this name is gone: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ */
export async function boundToken({ admin }: TestCluster, name: string): Promise<string> {
  const secret = await admin.create(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'portolan' }, stringData: { a: 'b' } },
    SECRETS,
  );
  const made = await admin.create(
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: ACCOUNT, namespace: 'portolan' },
      spec: {
        expirationSeconds: 7_200,
        boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid: secret.metadata.uid },
      },
    },
    {
      group: '',
      version: 'v1',
      plural: `serviceaccounts/${ACCOUNT}/token`,
      kind: 'TokenRequest',
      namespaced: true,
    },
  );
  return z.looseObject({ status: z.looseObject({ token: z.string() }) }).parse(made).status.token;
}

/** How the API server answers who has this token. */
export function statusOfToken({ url, caFile }: KubeApiserver, token: string): number {
  const asked = spawnSync('curl', [
    ...['-s', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', caFile],
    ...[
      '-H',
      `authorization: Bearer ${token}`,
      `${url}/apis/gateway.networking.k8s.io/v1/httproutes?limit=1`,
    ],
  ]);
  return Number(asked.stdout.toString('utf8'));
}

/** Asks the etcd behind an API server: https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/ */
export async function askEtcd({ etcd }: KubeApiserver, path: string, body: object): Promise<string> {
  const answer = await fetch(`http://${HOST}:${etcd.port}/v3/kv/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`etcd: ${answer.status} ${text}`);
  return text;
}

/** A metric of the agent's Kubernetes part, by the end of its name. */
export function kubernetesMetric(text: string, name: string): number {
  return Number(new RegExp(`^portolan_agent_kubernetes_${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** Watches of the agent in this state. */
export function watchesIn(text: string, state: string): number {
  return [...text.matchAll(/^portolan_agent_kubernetes_watches\{[^}]*state="([a-z]+)"[^}]*\} (\d+)$/gm)]
    .filter(([, name]) => name === state)
    .reduce((all, [, , count]) => all + Number(count), 0);
}

/** User and system time of an agent in seconds: fields 14 and 15 of `proc_pid_stat(5)`. */
export function cpuSeconds({ pids }: AgentInPod): number {
  return pids.reduce((all, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return all + (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  }, 0);
}

/** Of each process of an agent. */
export function residentMb({ pids }: AgentInPod): readonly number[] {
  return pids.map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
  });
}

/** How often each message came, numbers left out. */
export function messagesOf(agent: AgentInPod, sinceMs = 0): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { atMs, line } of agent.log) {
    if (atMs < sinceMs) continue;
    const what = line
      .replace(/"(time|pid|level)":\d+,?/g, '')
      .replace(/\d+(\.\d+)?/g, '#')
      .slice(0, 400);
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

function ask(port: number, host: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(5_000);
    get({ host: HOST, port, agent: false, signal, headers: { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          body: response.statusCode === 200 ? body : `${response.statusCode ?? 0} ${body}`,
          version: String(response.headers['x-route-version'] ?? ''),
        }),
      );
    }).on('error', reject);
  });
}

async function backend(name: string, address: string): Promise<Server> {
  const server = createServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return server;
}

/** A hub with the cluster `one`. */
async function startHub(programs: Programs, folder: string): Promise<Client> {
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
  return client;
}
