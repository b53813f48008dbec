import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient, KubeObject, KubeResource } from '../../kube/contract.ts';
import { applyManifests, manifestOf } from '../../kube/manifests.ts';
import { runCli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { applyCrds, requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { CLI_MAIN, type HubProcess, startHub } from '../support/hub-process.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { pathOf } from '../support/servers.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const SUITE = 'an agent in a Kubernetes cluster with the shipped roles';
const program = await requireKubeApiserver(SUITE);
const gatewayApi = await requireGatewayApiCrds(SUITE);

const AGENT_MAIN = fileURLToPath(new URL('../../spoke-agent/main.ts', import.meta.url));
const NAMESPACE = 'edge';
const ACCOUNT = `system:serviceaccount:${NAMESPACE}:portolan-agent`;
const APPLY = { fieldManager: 'portolan-tests', force: true };

/** What is granted and was not asked for in this run, and why it is granted all the same. */
const UNUSED: Readonly<Record<string, string>> = {};

const core = (kind: string, plural: string, namespaced = true): KubeResource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
});
const gatewayApiOf = (kind: string, plural: string): KubeResource => ({
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});

const OBJECTS = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Node
metadata: { name: node-1, labels: { topology.kubernetes.io/zone: eu-1a } }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: cart-1, namespace: shop, labels: { kubernetes.io/service-name: cart } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [192.0.2.1], conditions: { ready: true } }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: old, namespace: shop }
spec: { defaultBackend: { service: { name: cart, port: { number: 80 } } } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: shop }
spec: { gatewayClassName: portolan, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: cart, namespace: shop }
spec: { parentRefs: [{ name: web }], hostnames: [shop.example], rules: [{ backendRefs: [{ name: cart, port: 80 }] }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: cart, namespace: shop }
spec: { parentRefs: [{ name: web }], hostnames: [rpc.shop.example], rules: [{ backendRefs: [{ name: cart, port: 80 }] }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: cart, namespace: shop }
spec:
  targetRefs: [{ group: '', kind: Service, name: cart }]
  validation: { hostname: cart.example, wellKnownCACertificates: System }
`;

const rule = z.looseObject({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  verbs: z.array(z.string()),
});
const event = z.looseObject({
  verb: z.string(),
  stage: z.string(),
  requestURI: z.string(),
  user: z.looseObject({ username: z.string() }),
  objectRef: z
    .looseObject({
      apiGroup: z.string().default(''),
      resource: z.string(),
      subresource: z.string().optional(),
    })
    .optional(),
  responseStatus: z.looseObject({ code: z.number() }).optional(),
});
const statusText = z.looseObject({ status: z.unknown() });

describe.skipIf(!program.available || !gatewayApi.available)(SUITE, () => {
  let folder: string;
  let server: KubeApiserver;
  let admin: KubeClient;
  let hub: HubProcess;
  let kubeconfig: string;
  const portolan = async (...argv: readonly string[]): Promise<string> => {
    const token = (await readFile(join(folder, 'hub/admin.token'), 'utf8')).trim();
    const env = { PORTOLAN_SERVER: hub.api, PORTOLAN_TOKEN: token };
    const { code, out, err } = await runCli(argv, { folder, env });
    if (code !== 0) throw new Error(err);
    return out;
  };
  const read = async (resource: KubeResource, namespace: string, name: string): Promise<KubeObject> => {
    const found = await admin.get({ resource, namespace, name });
    if (found === undefined) throw new Error(`there is no ${resource.kind} ${namespace}/${name}`);
    return found;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-permissions-'));
    server = await startKubeApiserver(pathOf(program), {}, { audit: true });
    kubeconfig = await server.kubeconfig(server.adminToken);
    admin = createKubeClient(await openKubeAccess({ file: kubeconfig }));
    await applyCrds(admin, pathOf(gatewayApi));
    await run(process.execPath, [CLI_MAIN, 'init', '--dir', join(folder, 'hub'), '--no-context']);
    hub = await startHub(join(folder, 'hub'));
    await portolan('cluster', 'create', 'frankfurt', '--country', 'DE');
  });
  afterAll(async () => {
    await hub?.stop();
    await server?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('joins by `cluster join --kubernetes --apply`, serves the cluster, and uses just what it was granted', async () => {
    const said = await portolan(
      ...['cluster', 'join', 'frankfurt', '--kubernetes', '--apply'],
      ...['--kube-namespace', NAMESPACE, '--kubeconfig', kubeconfig, '--image', 'registry.example/agent:1'],
    );
    expect(said).toContain('statefulset/portolan-agent applied');
    const pod = z
      .looseObject({
        spec: z.looseObject({
          template: z.looseObject({
            spec: z.looseObject({ containers: z.array(z.looseObject({ image: z.string() })) }),
          }),
        }),
      })
      .parse(
        await read(
          { group: 'apps', version: 'v1', plural: 'statefulsets', kind: 'StatefulSet', namespaced: true },
          NAMESPACE,
          'portolan-agent',
        ),
      );
    expect(pod.spec.template.spec.containers.map(({ image }) => image)).toEqual(['registry.example/agent:1']);
    const objects = OBJECTS.split('\n---\n').map((text) => manifestOf(parse(text)));
    await applyManifests(admin, objects, APPLY);

    // There is no kubelet here. What it would do: the files of the Secret, the ConfigMap and the service account, and the process.
    const { data: secret } = z
      .looseObject({ data: z.object({ token: z.string() }) })
      .parse(await read(core('Secret', 'secrets'), NAMESPACE, 'portolan-agent-join'));
    await writeFile(join(folder, 'token'), Buffer.from(secret.token, 'base64'));
    const { data: files } = z
      .looseObject({ data: z.object({ 'agent.yaml': z.string() }) })
      .parse(await read(core('ConfigMap', 'configmaps'), NAMESPACE, 'portolan-agent'));
    const config = z.record(z.string(), z.looseObject({}).or(z.string())).parse(parse(files['agent.yaml']));
    const adminPort = await freePort();
    const part = (name: string): object => (typeof config[name] === 'object' ? config[name] : {});
    const here = {
      ...config,
      dataDir: join(folder, 'agent'),
      joinTokenFile: join(folder, 'token'),
      admin: { listen: `127.0.0.1:${adminPort}` },
      dns: { ...part('dns'), listen: ['127.0.0.1:0'] },
      peer: { ...part('peer'), listen: '127.0.0.1:0' },
      gateway: { ...part('gateway'), host: '127.0.0.1', ports: { '80': 0, '443': 0 } },
      kubernetes: { ...part('kubernetes'), kubeconfig: await accountKubeconfig() },
      network: { allowedRanges: ['127.0.0.0/8'] },
    };
    await writeFile(join(folder, 'agent.yaml'), JSON.stringify(here));
    const agent = spawn(process.execPath, [AGENT_MAIN, '--config', join(folder, 'agent.yaml')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, NODE_NAME: 'node-1', POD_NAME: 'portolan-agent-0', POD_NAMESPACE: NAMESPACE },
    });
    let log = '';
    agent.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    const ended = new Promise<void>((resolve) => agent.once('close', () => resolve()));
    try {
      for (const [resource, name, sign] of [
        [gatewayApiOf('HTTPRoute', 'httproutes'), 'cart', '"type":"Accepted"'],
        [gatewayApiOf('GRPCRoute', 'grpcroutes'), 'cart', '"type":"Accepted"'],
        [gatewayApiOf('BackendTLSPolicy', 'backendtlspolicies'), 'cart', '"type":"Accepted"'],
        [gatewayApiOf('Gateway', 'gateways'), 'web', '"attachedRoutes":2'],
      ] as const)
        await until(
          `the status of ${resource.kind} ${name} is written`,
          async () => {
            const { status } = statusText.parse({ status: {}, ...(await read(resource, 'shop', name)) });
            return JSON.stringify(status).includes(sign);
          },
          40_000,
        );
    } catch (thrown) {
      throw new Error(`${String(thrown)}\n${log.slice(-6000)}`);
    } finally {
      agent.kill('SIGTERM');
      await ended;
    }
    expect(log).toContain('joined as agent');
    const { used, denied, elsewhere } = await asked();
    expect(denied).toEqual([]);
    // Which groups and versions there are may be asked by whoever has a token.
    expect(elsewhere.filter((uri) => !/^\/(api|apis|version)(\/|\?|$)/.test(uri))).toEqual([]);
    expect(used.size).toBeGreaterThan(15);
    const granted = await grantedVerbs();
    expect([...used].filter((verb) => !granted.has(verb))).toEqual([]);
    expect([...granted].filter((verb) => !used.has(verb)).sort()).toEqual(Object.keys(UNUSED).sort());
  }, 120_000);

  /** A kubeconfig with a token of the service account, as the kubelet gets one for a pod. */
  async function accountKubeconfig(): Promise<string> {
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: 'portolan-agent', namespace: NAMESPACE },
      spec: { expirationSeconds: 3600 },
    };
    const made = await admin.create(request, core('TokenRequest', 'serviceaccounts/portolan-agent/token'));
    const { status } = z.looseObject({ status: z.looseObject({ token: z.string() }) }).parse(made);
    return server.kubeconfig(status.token, NAMESPACE);
  }

  /** What the agent asked of the server: `group/resource verb`, what was refused, and what is no resource. */
  async function asked() {
    const used = new Set<string>();
    const denied: string[] = [];
    const elsewhere: string[] = [];
    for (const line of (await readFile(server.auditLog, 'utf8')).split('\n')) {
      if (line === '') continue;
      const { verb, user, objectRef, responseStatus, requestURI, stage } = event.parse(JSON.parse(line));
      if (user.username !== ACCOUNT || stage === 'RequestReceived') continue;
      if (responseStatus?.code === 403) denied.push(`${verb} ${requestURI}`);
      if (objectRef === undefined) elsewhere.push(requestURI);
      else used.add(keyOf(objectRef.apiGroup, objectRef.resource, objectRef.subresource, verb));
    }
    return { used, denied, elsewhere };
  }

  async function grantedVerbs(): Promise<ReadonlySet<string>> {
    const granted = new Set<string>();
    for (const [plural, kind, name] of [
      ['clusterroles', 'ClusterRole', `${NAMESPACE}-portolan-agent`],
      ['roles', 'Role', 'portolan-agent'],
    ] as const) {
      const resource = {
        group: 'rbac.authorization.k8s.io',
        version: 'v1',
        plural,
        kind,
        namespaced: kind === 'Role',
      };
      const found = await admin.get({ resource, name, ...(kind === 'Role' ? { namespace: NAMESPACE } : {}) });
      const { rules } = z.looseObject({ rules: z.array(rule) }).parse(found);
      for (const { apiGroups, resources, verbs } of rules)
        for (const group of apiGroups)
          for (const full of resources)
            for (const verb of verbs) {
              const [name_ = '', sub] = full.split('/');
              granted.add(keyOf(group, name_, sub, verb));
            }
    }
    return granted;
  }
});

function keyOf(group: string, resource: string, subresource: string | undefined, verb: string): string {
  const name = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${group === '' ? 'core' : group} ${name} ${verb}`;
}
