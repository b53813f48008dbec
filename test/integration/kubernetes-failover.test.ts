import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { HUB_RULES } from '../../hub/sources/kubernetes/rules.ts';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient, KubeObject } from '../../kube/contract.ts';
import { applyManifests } from '../../kube/manifests.ts';
import { ENDPOINT_SLICES, GATEWAYS, SECRETS, SERVICES } from '../../spoke-agent/kubernetes/resources.ts';
import { createClient } from '../../src/client/client.ts';
import { applyCrds, requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { grant } from '../support/kube-grants.ts';
import { ownAddress } from '../support/own-address.ts';
import { pathOf, requireServer, skipped } from '../support/servers.ts';
import { until } from '../support/until.ts';

/*
 * docs/guides/kubernetes-failover.md with two real API servers: every manifest of the page is applied as it stands there. There is no kubelet, no load balancer and no
 * container here, so the test plays them: it runs hub and agents as processes, with service accounts of the shipped manifests, gives Services their
 * addresses, and writes EndpointSlices that lead to servers of its own.
 */
const SUITE = 'two Kubernetes clusters, failing over';
const program = await requireKubeApiserver(SUITE);
const gatewayApi = await requireGatewayApiCrds(SUITE);
const curl = await requireServer('curl', SUITE);
const pods = ownAddress(SUITE);
const port80 =
  process.getuid?.() === 0
    ? { available: true }
    : skipped(SUITE, 'the gateways of the page listen on port 80', 'run the tests as root');
const available =
  program.available && gatewayApi.available && curl.available && pods.available && port80.available;
const run = promisify(execFile);

const ROOT = join(import.meta.dirname, '..', '..');
const built = (name: string): string => join(ROOT, 'dist', `${name}.mjs`);
const PAGE = join(ROOT, 'docs', 'guides', 'kubernetes-failover.md');
const HOST = 'shop.example.com';
const CLUSTERS = ['frankfurt', 'ohio'] as const;
type Name = (typeof CLUSTERS)[number];
const SLOW_MS = 45_000;

const ready = z.object({ api: z.string() });
const conditions = z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })) });
const tokenStatus = z.object({ status: z.object({ token: z.string() }) });

/** Manifests of the page, by the name in their first line. */
async function manifestsOfPage(): Promise<ReadonlyMap<string, readonly KubeObject[]>> {
  const text = await readFile(PAGE, 'utf8');
  const blocks = [...text.matchAll(/```yaml\n# (\S+)\n([\s\S]*?)```/g)];
  return new Map(
    blocks.map(([, name = '', yaml = '']) => [
      name,
      parseAllDocuments(yaml).map((document) => document.toJS() as KubeObject),
    ]),
  );
}

interface Cluster {
  readonly server: KubeApiserver;
  readonly admin: KubeClient;
  readonly kubeconfig: string;
  /** Where clients reach it: an address of loopback that nobody else has. */
  readonly address: string;
  readonly backend: Server;
}

describe.skipIf(!available)(SUITE, () => {
  const clusters = new Map<Name, Cluster>();
  const children: ChildProcess[] = [];
  let folder: string;
  let manifests: ReadonlyMap<string, readonly KubeObject[]>;
  let log = '';
  let api = '';
  let token = '';

  const cluster = (name: Name): Cluster => {
    const found = clusters.get(name);
    if (found === undefined) throw new Error(`there is no cluster ${name}`);
    return found;
  };
  const kubectlApply = async (name: Name, file: string): Promise<void> => {
    const objects = manifests.get(file);
    if (objects === undefined) throw new Error(`the page has no ${file}`);
    await applyManifests(cluster(name).admin, objects, { fieldManager: 'kubectl', force: true });
  };
  const portolan = async (...words: readonly string[]): Promise<string> => {
    const env = { ...process.env, PORTOLAN_SERVER: api, PORTOLAN_TOKEN: token };
    return (await run(process.execPath, [join(ROOT, 'cli', 'portolan.mjs'), ...words], { env })).stdout;
  };
  const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess => {
    const child = spawn(process.execPath, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...env },
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-100_000);
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-100_000);
    });
    children.push(child);
    return child;
  };
  const explained = <T>(promise: Promise<T>): Promise<T> =>
    promise.catch((error: unknown) => {
      throw new Error(`${String(error)}\n${log.slice(-8_000)}`);
    });

  /** As the endpoint slice controller would. */
  const writePods = async (name: Name, isReady: boolean): Promise<void> => {
    const { admin, backend } = cluster(name);
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: (backend.address() as AddressInfo).port }],
      endpoints: [{ addresses: [pathOf(pods)], conditions: { ready: isReady, serving: isReady } }],
    };
    await admin.apply(slice, ENDPOINT_SLICES, { fieldManager: 'controller', force: true });
  };
  /** As a load balancer controller would. */
  const giveAddress = async (name: Name): Promise<void> => {
    const { admin, address } = cluster(name);
    const metadata = { name: 'portolan-agent-gateway', namespace: 'portolan' };
    const status = { loadBalancer: { ingress: [{ ip: address }] } };
    await admin.apply({ apiVersion: 'v1', kind: 'Service', metadata, status }, SERVICES, {
      fieldManager: 'load-balancer',
      force: true,
      subresource: 'status',
    });
  };
  const tokenOf = async (name: Name, account: string): Promise<string> => {
    const { admin } = cluster(name);
    const plural = `serviceaccounts/${account}/token`;
    const asked = await admin.create(
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { name: account, namespace: 'portolan' },
        spec: { expirationSeconds: 3600 },
      },
      { group: '', version: 'v1', plural, kind: 'TokenRequest', namespaced: true },
    );
    return tokenStatus.parse(asked).status.token;
  };
  /** As the kubelet would: what the manifests of the agent say, as a process. */
  const startAgent = async (name: Name): Promise<void> => {
    const { admin, server, address } = cluster(name);
    const secret = await admin.get({ resource: SECRETS, namespace: 'portolan', name: 'portolan-agent-join' });
    const encoded = z.object({ data: z.object({ token: z.string() }) }).parse(secret).data.token;
    const dataDir = join(folder, name);
    await run(process.execPath, [built('agent-join'), '--data-dir', dataDir], {
      env: { PATH: process.env.PATH, PORTOLAN_JOIN_TOKEN: Buffer.from(encoded, 'base64').toString() },
    });
    const kubeconfig = await server.kubeconfig(await tokenOf(name, 'portolan-agent'), 'portolan');
    const config = join(folder, `${name}.json`);
    await writeFile(
      config,
      JSON.stringify({
        dataDir,
        dns: { enabled: false },
        gateway: { host: address, ports: { '80': 80 } },
        peer: { listen: '127.0.0.1:0' },
        network: { allowedRanges: ['127.0.0.0/8'] },
        kubernetes: { enabled: true, kubeconfig, gatewayService: 'portolan/portolan-agent-gateway' },
      }),
    );
    start([built('agent'), '--config', config]);
  };

  /** What a client in Germany is answered. */
  const resolved = async (): Promise<readonly string[]> => {
    const { answers } = await createClient({ server: api, token }).resolve({ hostname: HOST, from: 'DE' });
    return answers.map(({ data }) => data);
  };
  const answeredBy = (name: Name) => {
    const wanted = JSON.stringify([cluster(name).address]);
    return explained(
      until(`${name} is the answer`, async () => JSON.stringify(await resolved()) === wanted, SLOW_MS),
    );
  };
  const fetched = async (name: Name): Promise<string> => {
    const { address } = cluster(name);
    const { stdout } = await run(pathOf(curl), [
      ...['-s', '--max-time', '5', '-w', '|%{http_code}'],
      ...['-H', `Host: ${HOST}`, `http://${address}/`],
    ]).catch((error: unknown) => error as { readonly stdout: string });
    return stdout;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-failover-'));
    manifests = await manifestsOfPage();
    await run(process.execPath, [join(ROOT, 'cli', 'portolan.mjs'), '--version']);
    const net = 1 + Math.floor(Math.random() * 253);
    await Promise.all(
      CLUSTERS.map(async (name, index) => {
        const server = await startKubeApiserver(pathOf(program), { 'hub-token': { user: 'hub' } });
        const kubeconfig = await server.kubeconfig(server.adminToken);
        const admin = createKubeClient(await openKubeAccess({ file: kubeconfig }));
        await applyCrds(admin, pathOf(gatewayApi));
        const backend = createServer((_, response) => response.end(name)).listen(0, pathOf(pods));
        await once(backend, 'listening');
        clusters.set(name, {
          server,
          admin,
          kubeconfig,
          backend,
          address: `127.${net}.${process.pid % 250}.${index + 1}`,
        });
      }),
    );
    const { admin, server } = cluster('frankfurt');
    await applyCrds(admin, join(ROOT, 'deploy', 'crds'));
    await grant(admin, { user: 'hub', namespace: 'default' }, HUB_RULES);
    const home = join(folder, 'hub');
    const template = join(folder, 'hub.json');
    await writeFile(
      template,
      JSON.stringify({
        dataDir: 'data',
        dns: { listen: ['127.0.0.1:0'] },
        network: { allowedRanges: ['127.0.0.0/8'] },
        health: { holdMs: 1000 },
        sources: { kubernetes: { enabled: true, kubeconfig: await server.kubeconfig('hub-token') } },
      }),
    );
    await run(process.execPath, [built('hub'), 'init', '--directory', home, '--config-text', template]);
    token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
    const hub = start([built('hub'), '--config', join(home, 'hub.yaml')], {
      PORTOLAN_API_PORT: '0',
      PORTOLAN_JOIN_LISTEN: '127.0.0.1:0',
      PORTOLAN_LINK_LISTEN: '127.0.0.1:0',
    });
    const line = await new Promise<string>((resolve, reject) => {
      if (hub.stdout !== null) createInterface({ input: hub.stdout }).once('line', resolve);
      hub.once('exit', () => reject(new Error(`the hub ended: ${log}`)));
    });
    api = ready.parse(JSON.parse(line)).api;
  });

  afterAll(async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    }
    for (const { server, backend } of clusters.values()) {
      backend.closeAllConnections();
      backend.close();
      await server[Symbol.asyncDispose]();
    }
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  it('has every manifest of the page', () => {
    expect([...manifests.keys()]).toEqual(['clusters.yaml', 'shop.yaml', 'traffic.yaml', 'limits.yaml']);
  });

  it('takes the clusters from custom resources, and their agents join', async () => {
    await kubectlApply('frankfurt', 'clusters.yaml');
    for (const name of CLUSTERS)
      await explained(
        until(
          `the hub knows ${name}`,
          async () => (await portolan('get', 'clusters')).includes(name),
          SLOW_MS,
          500,
        ),
      );
    for (const name of CLUSTERS) {
      const { kubeconfig } = cluster(name);
      await portolan('cluster', 'join', name, '--kubernetes', '--apply', '--kubeconfig', kubeconfig);
      await giveAddress(name);
      await startAgent(name);
    }
  });

  it('serves the shop of both clusters from their pods, at addresses that nobody wrote down', async () => {
    for (const name of CLUSTERS) {
      await kubectlApply(name, 'shop.yaml');
      await writePods(name, true);
    }
    for (const name of CLUSTERS) {
      await explained(until(`${name} serves`, async () => (await fetched(name)) === `${name}|200`, SLOW_MS));
      const programmed = async (): Promise<boolean> => {
        const gateway = await cluster(name).admin.get({ resource: GATEWAYS, namespace: 'shop', name: 'web' });
        const status = conditions.safeParse(gateway?.status).data;
        return status?.conditions.some((c) => c.type === 'Programmed' && c.status === 'True') === true;
      };
      await explained(until(`the Gateway of ${name} says so`, programmed, SLOW_MS));
    }
  });

  it('answers with Frankfurt, with Ohio while Frankfurt has no pods, and with Frankfurt again', async () => {
    await kubectlApply('frankfurt', 'traffic.yaml');
    await answeredBy('frankfurt');
    await writePods('frankfurt', false);
    await answeredBy('ohio');
    expect(await fetched('ohio')).toBe('ohio|200');
    await writePods('frankfurt', true);
    await answeredBy('frankfurt');
  });

  it('counts the requests of both clusters against one limit', async () => {
    await kubectlApply('frankfurt', 'limits.yaml');
    const refused = async (name: Name): Promise<boolean> => (await fetched(name)).endsWith('|429');
    await explained(until('Frankfurt refuses', () => refused('frankfurt'), SLOW_MS));
    // A request or two later, if the minute ends just now.
    await explained(until('Ohio refuses what Frankfurt let pass', () => refused('ohio'), 5_000));
  });
});
