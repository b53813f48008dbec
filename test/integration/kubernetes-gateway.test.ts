import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient, KubeObject, KubeResource } from '../../kube/contract.ts';
import {
  ENDPOINT_SLICES,
  GATEWAY_CLASSES,
  GATEWAYS,
  HTTP_ROUTES,
  NAMESPACES,
  SECRETS,
  SERVICES,
} from '../../spoke-agent/kubernetes/resources.ts';
import { AGENT_RULES, secretRule } from '../../spoke-agent/kubernetes/rules.ts';
import { type TestAuthority, testAuthority } from '../support/certificates.ts';
import { applyCrds, requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { grant } from '../support/kube-grants.ts';
import { ownAddress } from '../support/own-address.ts';
import { pathOf, requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Installation, startInstallation } from './gateway-agents/installation.ts';

const SUITE = 'a Kubernetes cluster behind a hub';
const program = await requireKubeApiserver(SUITE);
const gatewayApi = await requireGatewayApiCrds(SUITE);
const curl = await requireServer('curl', SUITE);
const pods = ownAddress(SUITE);
const available = program.available && gatewayApi.available && curl.available && pods.available;
const run = promisify(execFile);

const TOKEN = 'token-of-agent';
const HOST = 'shop.example.com';
const SLOW_MS = 40_000;
const GATEWAY_API = 'gateway.networking.k8s.io/v1';

const conditions = z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() }));
const gatewayStatus = z.object({
  addresses: z.array(z.object({ value: z.string() })).optional(),
  conditions,
  listeners: z.array(z.object({ name: z.string(), attachedRoutes: z.number() })).optional(),
});
const routeStatus = z.object({ parents: z.array(z.object({ controllerName: z.string(), conditions })) });

describe.skipIf(!available)(SUITE, () => {
  let server: KubeApiserver;
  let admin: KubeClient;
  let at: Installation;
  let authority: TestAuthority;
  const backends: Server[] = [];
  /** Its port. */
  let secondPod = 0;

  const apply = (object: KubeObject, resource: KubeResource) =>
    admin.apply(object, resource, { fieldManager: 'portolan-tests', force: true });

  const startBackend = async (text: string): Promise<number> => {
    const backend = createServer((_, response) => response.end(text)).listen(0, pathOf(pods));
    await once(backend, 'listening');
    backends.push(backend);
    return (backend.address() as AddressInfo).port;
  };

  /** As the endpoint slice controller would, when a pod is ready. */
  const publishPod = (port: number) =>
    apply(
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'cart-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'cart' } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port }],
        endpoints: [{ addresses: [pathOf(pods)], conditions: { ready: true } }],
      },
      ENDPOINT_SLICES,
    );

  const answer = async (...options: readonly string[]): Promise<string> => {
    const { stdout } = await run(pathOf(curl), ['-s', '--max-time', '5', ...options]).catch(
      (error: unknown) => error as { readonly stdout: string },
    );
    return stdout;
  };
  const [east] = [0];
  const fromShop = () => answer('-H', `Host: ${HOST}`, `http://127.0.0.1:${at.agents[east]?.http ?? 0}/`);

  const fromShopByTls = async ({ certificatePem }: TestAuthority): Promise<string> => {
    const ca = join(at.folder, 'ca.pem');
    await writeFile(ca, certificatePem);
    const port = at.agents[east]?.https ?? 0;
    return answer('--cacert', ca, '--resolve', `${HOST}:${port}:127.0.0.1`, `https://${HOST}:${port}/`);
  };
  const putCertificate = async (from: TestAuthority): Promise<void> => {
    const { certificatePem, keyPem } = await from.issue({ dns: [HOST] });
    await apply(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'shop-tls', namespace: 'infra' },
        type: 'kubernetes.io/tls',
        data: {
          'tls.crt': Buffer.from(certificatePem).toString('base64'),
          'tls.key': Buffer.from(keyPem).toString('base64'),
        },
      },
      SECRETS,
    );
  };

  beforeAll(async () => {
    authority = await testAuthority();
    server = await startKubeApiserver(pathOf(program), { [TOKEN]: { user: 'agent' } });
    const file = await server.kubeconfig(server.adminToken);
    admin = createKubeClient(await openKubeAccess({ file }));
    await applyCrds(admin, pathOf(gatewayApi));
    for (const name of ['portolan', 'infra', 'shop'])
      await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, NAMESPACES);
    await grant(admin, { user: 'agent', namespace: 'portolan' }, AGENT_RULES);
    await grant(admin, { user: 'agent', namespace: 'infra', name: 'agent-secrets' }, [
      { ...secretRule(['shop-tls']), scope: 'namespace' },
    ]);
    const kubeconfig = await server.kubeconfig(TOKEN, 'portolan');
    at = await startInstallation('DE', false, (name) =>
      name === 'east' ? { kubernetes: { enabled: true, kubeconfig } } : {},
    );
  });

  afterAll(async () => {
    await at?.close();
    await server?.[Symbol.asyncDispose]();
    for (const backend of backends) backend.close();
  });

  it('serves a Gateway and an HTTPRoute of the cluster from its pods, and says so in their statuses', async () => {
    await putCertificate(authority);
    await apply(
      {
        apiVersion: GATEWAY_API,
        kind: 'GatewayClass',
        metadata: { name: 'portolan' },
        spec: { controllerName: 'portolan.dev/gateway-controller' },
      },
      GATEWAY_CLASSES,
    );
    await apply(
      {
        apiVersion: GATEWAY_API,
        kind: 'Gateway',
        metadata: { name: 'web', namespace: 'infra' },
        spec: {
          gatewayClassName: 'portolan',
          listeners: [
            { name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } },
            {
              name: 'https',
              port: 443,
              protocol: 'HTTPS',
              hostname: HOST,
              tls: { certificateRefs: [{ name: 'shop-tls' }] },
              allowedRoutes: { namespaces: { from: 'All' } },
            },
          ],
        },
      },
      GATEWAYS,
    );
    await apply(
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'cart', namespace: 'shop' },
        spec: { ports: [{ name: 'http', port: 80 }] },
      },
      SERVICES,
    );
    await publishPod(await startBackend('first pod'));
    await apply(
      {
        apiVersion: GATEWAY_API,
        kind: 'HTTPRoute',
        metadata: { name: 'cart', namespace: 'shop' },
        spec: {
          parentRefs: [{ name: 'web', namespace: 'infra' }],
          hostnames: [HOST],
          rules: [{ backendRefs: [{ name: 'cart', port: 80 }] }],
        },
      },
      HTTP_ROUTES,
    );
    await until('the pod answers', async () => (await fromShop()) === 'first pod', SLOW_MS).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${at.log.slice(-6_000)}`);
      },
    );

    const status = await until(
      'the Gateway is programmed',
      async () => {
        const found = await admin.get({ resource: GATEWAYS, namespace: 'infra', name: 'web' });
        const read = gatewayStatus.safeParse(found?.status);
        const programmed = read.data?.conditions.find(({ type }) => type === 'Programmed');
        return programmed?.status === 'True' ? read.data : undefined;
      },
      SLOW_MS,
    );
    expect(status.value.conditions).toContainEqual({ type: 'Accepted', status: 'True', reason: 'Accepted' });
    expect(status.value.listeners).toEqual([
      { name: 'http', attachedRoutes: 1 },
      { name: 'https', attachedRoutes: 1 },
    ]);
    const route = routeStatus.parse(
      (await admin.get({ resource: HTTP_ROUTES, namespace: 'shop', name: 'cart' }))?.status,
    );
    expect(route.parents).toHaveLength(1);
    expect(route.parents[0]?.conditions).toContainEqual({
      type: 'ResolvedRefs',
      status: 'True',
      reason: 'ResolvedRefs',
    });
  });

  it('answers with the certificate of a Secret that never left the cluster, and with the next one at once', async () => {
    await until(
      'the certificate is shown',
      async () => (await fromShopByTls(authority)) === 'first pod',
      SLOW_MS,
    );
    const next = await testAuthority('the next authority');
    expect(await fromShopByTls(next)).toBe('');
    await putCertificate(next);
    const { tookMs } = await until(
      'the next certificate is shown',
      async () => (await fromShopByTls(next)) === 'first pod',
      SLOW_MS,
    );
    expect(tookMs).toBeLessThan(10_000);
    authority = next;
  });

  it('goes to the pod that took the place of another', async () => {
    secondPod = await startBackend('second pod');
    await publishPod(secondPod);
    const { tookMs } = await until(
      'the new pod answers',
      async () => (await fromShop()) === 'second pod',
      SLOW_MS,
      10,
    );
    expect(tookMs).toBeLessThan(5_000);
  });

  it('serves on while the API server is away, also when the agent starts anew and without the hub', async () => {
    await server.server.stop();
    await until(
      'the agent noticed',
      async () => at.log.includes('the Kubernetes API server does not answer'),
      SLOW_MS,
    );
    expect(await fromShop()).toBe('second pod');
    // Endpoints are on the disk two seconds after they changed, at the latest.
    const file = join(at.folder, 'east', 'endpoints.json');
    await until(
      'the second pod is on the disk',
      async () => (await readFile(file, 'utf8')).includes(`${secondPod}`),
      SLOW_MS,
    );
    await at.killHub();
    await at.stopAgent(east);
    at.startAgent(east);
    await until(
      'the agent serves what it has on the disk',
      async () => (await fromShopByTls(authority)) === 'second pod',
      SLOW_MS,
    );
    expect(await fromShop()).toBe('second pod');
  });
});
