import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HUB_RULES } from '../../hub/sources/kubernetes/rules.ts';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient } from '../../kube/contract.ts';
import { ENDPOINT_SLICES, SECRETS, SERVICES } from '../../spoke-agent/kubernetes/resources.ts';
import { createClient } from '../../src/client/client.ts';
import { requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { grant } from '../support/kube-grants.ts';
import { requireKubectl } from '../support/kubectl.ts';
import { containing } from '../support/matchers.ts';
import { ownAddress } from '../support/own-address.ts';
import { type FollowedPage, followedPage } from '../support/page-commands.ts';
import { pathOf, requireServer, skipped } from '../support/servers.ts';
import { until } from '../support/until.ts';

/*
 * docs/guides/kubernetes-failover.md with two real API servers and a real kubectl: every file of the page is written, and every line of it typed, as it
 * stands there. There is no kubelet, no load balancer and no container here, so the test plays them: it runs hub and agents as processes, with service
 * accounts of the shipped manifests, gives Services their addresses, and writes EndpointSlices that lead to servers of its own.
 */
const SUITE = 'two Kubernetes clusters, failing over';
const program = await requireKubeApiserver(SUITE);
const gatewayApi = await requireGatewayApiCrds(SUITE);
const kubectlProgram = await requireKubectl(SUITE);
const curl = await requireServer('curl', SUITE);
const pods = ownAddress(SUITE);
const port80 =
  process.getuid?.() === 0
    ? { available: true }
    : skipped(SUITE, 'the gateways of the page listen on port 80', 'run the tests as root');
const available =
  program.available &&
  gatewayApi.available &&
  kubectlProgram.available &&
  curl.available &&
  pods.available &&
  port80.available;
const run = promisify(execFile);

const ROOT = join(import.meta.dirname, '..', '..');
const built = (name: string): string => join(ROOT, 'dist', `${name}.mjs`);
const PAGE = join(ROOT, 'docs', 'guides', 'kubernetes-failover.md');
const HOST = 'shop.example.com';
const CLUSTERS = ['frankfurt', 'ohio'] as const;
type Name = (typeof CLUSTERS)[number];
const SLOW_MS = 45_000;

const ready = z.object({ api: z.string() });
const tokenStatus = z.object({ status: z.object({ token: z.string() }) });

/** Lines of the page that want images and a kubelet: the hub is a process here, its address is known. */
const PLAYED = [
  /^helm .* install portolan-hub /,
  /^kubectl .* rollout status /,
  /^kubectl .* port-forward /,
  /^export PORTOLAN_SERVER=/,
];
/** The page names the definitions of the Gateway API at their repository; here they come out of the Go module of the same release. */
const GATEWAY_API_URL = /'https:\/\/github\.com\/kubernetes-sigs\/gateway-api\/config\/crd\?ref=(v[\d.]+)'/;

interface Cluster {
  readonly server: KubeApiserver;
  readonly admin: KubeClient;
  /** Where clients reach it: an address of loopback that nobody else has. */
  readonly address: string;
  readonly backend: Server;
}

describe.skipIf(!available)(SUITE, () => {
  const clusters = new Map<Name, Cluster>();
  const children: ChildProcess[] = [];
  let folder: string;
  let page: FollowedPage;
  /** With `kubectl`, `portolan` and `kubectl-portolan`. */
  let programs: string;
  const typed = new Set<string>();
  let log = '';
  let api = '';
  let token = '';

  const cluster = (name: Name): Cluster => {
    const found = clusters.get(name);
    if (found === undefined) throw new Error(`there is no cluster ${name}`);
    return found;
  };
  /** Where somebody works who follows the page. */
  const shell = async (line: string): Promise<string> => {
    const env = {
      ...process.env,
      PATH: [programs, dirname(process.execPath), process.env.PATH].join(delimiter),
      KUBECONFIG: join(folder, 'kubeconfig'),
      HOME: folder,
      PORTOLAN_SERVER: api,
      PORTOLAN_TOKEN: token,
    };
    return (await run('sh', ['-ec', line], { env, cwd: join(folder, 'desk') })).stdout;
  };
  /** Types the lines of a block of the page. @returns what they printed together */
  const follow = async (block: number): Promise<string> => {
    let said = '';
    for (const line of page.blocks[block] ?? []) {
      typed.add(line);
      if (PLAYED.some((pattern) => pattern.test(line))) continue;
      said += await shell(
        line.replace(GATEWAY_API_URL, (_, release: string) => {
          const at = dirname(pathOf(gatewayApi));
          if (!at.includes(`@${release}/`)) throw new Error(`the page names ${release}, the tests use ${at}`);
          return at;
        }),
      );
    }
    return said;
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
    page = await followedPage(PAGE);
    programs = join(folder, 'programs');
    await mkdir(programs);
    await mkdir(join(folder, 'desk'));
    await symlink(join(ROOT, 'deploy'), join(folder, 'desk', 'deploy'));
    await symlink(pathOf(kubectlProgram), join(programs, 'kubectl'));
    for (const name of ['portolan', 'kubectl-portolan'])
      await symlink(join(ROOT, 'cli', `${name}.mjs`), join(programs, name));
    for (const [name, text] of page.files) await writeFile(join(folder, 'desk', name), text);
    const net = 1 + Math.floor(Math.random() * 253);
    await Promise.all(
      CLUSTERS.map(async (name, index) => {
        const server = await startKubeApiserver(pathOf(program), { 'hub-token': { user: 'hub' } });
        const admin = createKubeClient(
          await openKubeAccess({ file: await server.kubeconfig(server.adminToken) }),
        );
        const backend = createServer((_, response) => response.end(name)).listen(0, pathOf(pods));
        await once(backend, 'listening');
        clusters.set(name, {
          server,
          admin,
          backend,
          address: `127.${net}.${process.pid % 250}.${index + 1}`,
        });
      }),
    );
    const { admin, server } = cluster('frankfurt');
    await writeFile(join(folder, 'kubeconfig'), kubeconfigOf([...clusters]), { mode: 0o600 });
    await follow(0);
    for (const name of CLUSTERS)
      await shell(`kubectl --context ${name} wait --for=condition=Established --timeout=60s --all crd`);
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

  it('finds the plug-in, which is the same program', async () => {
    expect(await shell('kubectl plugin list')).toContain(join(programs, 'kubectl-portolan'));
    expect(await shell('kubectl portolan --help')).toContain('Usage: kubectl portolan');
    await expect(shell('kubectl portolan cluster lst')).rejects.toMatchObject({
      stderr: containing('kubectl portolan cluster --help'),
    });
  });

  it('takes the clusters from custom resources, and their agents join', async () => {
    expect([...page.files.keys()]).toEqual(['clusters.yaml', 'shop.yaml', 'traffic.yaml', 'limits.yaml']);
    const said = await explained(follow(1));
    for (const name of CLUSTERS) {
      expect(said).toContain(`cluster.portolan.dev/${name} condition met`);
      await giveAddress(name);
      await startAgent(name);
    }
    expect(await shell('kubectl portolan cluster list')).toMatch(/\nfrankfurt .*\nohio /);
  });

  it('serves the shop of both clusters from their pods, at addresses that nobody wrote down', async () => {
    await follow(2);
    for (const name of CLUSTERS) await writePods(name, true);
    for (const name of CLUSTERS) {
      await explained(until(`${name} serves`, async () => (await fetched(name)) === `${name}|200`, SLOW_MS));
      await explained(
        shell(
          `kubectl --context ${name} -n shop wait --for=condition=Programmed --timeout=${SLOW_MS}ms gateway/web`,
        ),
      );
    }
    // Addresses may come a moment after the rest.
    const columns = /NAME +CLASS +ADDRESS +PROGRAMMED +AGE\nweb +portolan +127\.[\d.]+ +True /;
    await explained(
      until(
        'the Gateway has an address',
        async () => {
          const said = await shell('kubectl --context ohio -n shop get gateway');
          if (!columns.test(said)) throw new Error(said);
          return true;
        },
        SLOW_MS,
      ),
    );
  });

  it('answers with Frankfurt, with Ohio while Frankfurt has no pods, and with Frankfurt again', async () => {
    const said = await explained(follow(3));
    expect(said).toContain(
      'trafficpolicy.portolan.dev/shop condition met\nzone.portolan.dev/shop condition met\n',
    );
    expect(said).toMatch(
      /NAME +ACCEPTED +READY +PROGRAMMED +HOSTNAMES +ROUTING +AGE\ntrafficpolicy\.portolan\.dev\/shop +True +True +True +\["shop\.example\.com"\] +weighted /,
    );
    expect(said).toContain('the first tier with a healthy member answers');
    await answeredBy('frankfurt');
    await follow(4);
    await writePods('frankfurt', false);
    await answeredBy('ohio');
    expect(await fetched('ohio')).toBe('ohio|200');
    await follow(5);
    await writePods('frankfurt', true);
    await answeredBy('frankfurt');
  });

  it('counts the requests of both clusters against one limit', async () => {
    await follow(6);
    const refused = async (name: Name): Promise<boolean> => (await fetched(name)).endsWith('|429');
    await explained(until('Frankfurt refuses', () => refused('frankfurt'), SLOW_MS));
    // A request or two later, if the minute ends just now.
    await explained(until('Ohio refuses what Frankfurt let pass', () => refused('ohio'), 5_000));
  });

  it('was every line of the page', () => {
    expect(page.blocks.flat().filter((line) => !typed.has(line))).toEqual([]);
    expect(typed.size).toBeGreaterThan(20);
  });
});

/** What an administrator of both has. */
function kubeconfigOf(clusters: readonly (readonly [Name, Cluster])[]): string {
  const servers = clusters.map(([name, { server }]) => ({
    name,
    cluster: { server: server.url, 'certificate-authority': server.caFile },
  }));
  const users = clusters.map(([name, { server }]) => ({ name, user: { token: server.adminToken } }));
  const contexts = clusters.map(([name]) => ({ name, context: { cluster: name, user: name } }));
  return JSON.stringify({ apiVersion: 'v1', kind: 'Config', clusters: servers, users, contexts });
}
