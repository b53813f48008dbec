import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ELECTION_RULES } from '../../hub/election/rules.ts';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient, KubeObject, KubeResource } from '../../kube/contract.ts';
import { createLeaseElection } from '../../kube/lease.ts';
import { applyManifests, manifestOf } from '../../kube/manifests.ts';
import { CHARTS, manifestsIn } from '../../scripts/deploy/manifests.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { chartCases, renderChart, valuesOf } from '../support/charts.ts';
import { runCli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { applyCrds, requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { requireHelm } from '../support/helm.ts';
import { type HubProcess, startHub } from '../support/hub-process.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { askedBy, missing, verbsOf } from '../support/kube-audit.ts';
import { grant } from '../support/kube-grants.ts';
import { containing } from '../support/matchers.ts';
import { pathOf } from '../support/servers.ts';
import { requireServiceMonitorCrd } from '../support/service-monitor-crd.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const SUITE = 'an agent in a Kubernetes cluster with the shipped roles';
const program = await requireKubeApiserver(SUITE);
const gatewayApi = await requireGatewayApiCrds(SUITE);
const helm = await requireHelm(SUITE);
const serviceMonitor = await requireServiceMonitorCrd(SUITE);
const cases = await chartCases();
const root = fileURLToPath(new URL('../..', import.meta.url));

const AGENT_MAIN = join(root, 'dist', 'agent.mjs');
const NAMESPACE = 'edge';
const ACCOUNT = `system:serviceaccount:${NAMESPACE}:portolan-agent`;
const HUB_USER = 'hub-of-the-test';
const HUB_TOKEN = 'token-of-the-hub';
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
    await mkdir(join(folder, 'crds'));
    server = await startKubeApiserver(pathOf(program), { [HUB_TOKEN]: { user: HUB_USER } }, { audit: true });
    kubeconfig = await server.kubeconfig(server.adminToken);
    admin = createKubeClient(await openKubeAccess({ file: kubeconfig }));
    await applyCrds(admin, pathOf(gatewayApi));
    // The launcher builds when a source is newer than what was built.
    await run(process.execPath, [
      join(root, 'cli', 'portolan.mjs'),
      'init',
      '--dir',
      join(folder, 'hub'),
      '--no-context',
    ]);
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
    const { used, denied, elsewhere } = await askedBy(server, ACCOUNT);
    expect(denied).toEqual([]);
    expect(elsewhere).toEqual([]);
    expect(used.size).toBeGreaterThan(15);
    const granted = verbsOf(await shippedRules());
    expect(missing(used, granted)).toEqual([]);
    expect(missing(granted, used)).toEqual(Object.keys(UNUSED).sort());
  });

  it('lets hubs elect who leads with the rules of the chart, and grants no verb more', async () => {
    await applyManifests(
      admin,
      [manifestOf(parse(`{ apiVersion: v1, kind: Namespace, metadata: { name: hubs } }`))],
      APPLY,
    );
    await grant(admin, { user: HUB_USER, namespace: 'hubs' }, ELECTION_RULES);
    const access = await openKubeAccess({ file: await server.kubeconfig(HUB_TOKEN, 'hubs') });
    const election = createLeaseElection({
      client: createKubeClient(access),
      namespace: 'hubs',
      name: 'shop',
      identity: 'hub-0',
      leaseSeconds: 3,
      renewDeadlineSeconds: 2,
      retrySeconds: 0.2,
      onChange: () => undefined,
      monotonicMs: () => performance.now(),
      now: () => new Date(),
      after(delayMs, task) {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
      random: Math.random,
    });
    election.start();
    await until('the hub leads', async () => election.leads, 20_000);
    await election.close();
    const { used, denied } = await askedBy(server, HUB_USER);
    expect(denied).toEqual([]);
    expect([...used].sort()).toEqual([...verbsOf(ELECTION_RULES)].sort());
  });

  it('has the definitions and namespaces that the objects below go into', async () => {
    if (serviceMonitor.available) {
      await copyFile(serviceMonitor.path, join(folder, 'crds', 'service-monitors.yaml'));
      expect(await applyCrds(admin, join(folder, 'crds'))).toHaveLength(1);
    }
    const names = ['edge', 'shop', 'payments'];
    const namespaces = names.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
    expect(await applyManifests(admin, namespaces, APPLY)).toHaveLength(names.length);
  });

  it.skipIf(!helm.available)(
    'I33 lets a hub follow the Secrets that are named, and asks for no other to be seen',
    async () => {
      const objects = await renderChart(pathOf(helm), 'hub', [
        ...['--set', 'customResources.enabled=true'],
        ...['--set', 'config.sources.kubernetes.secrets.names={shop/dns,shop/two,payments/dns}'],
      ]);
      const roles = objects.filter(
        ({ kind, metadata: { name } }) =>
          kind === 'ServiceAccount' || (/^Role(Binding)?$/.test(kind) && name.endsWith('-secrets')),
      );
      expect(await applyManifests(admin, roles.map(manifestOf), APPLY)).toHaveLength(5);
      const account = roles.find(({ kind }) => kind === 'ServiceAccount')?.metadata.name ?? '';
      const client = createKubeClient(await openKubeAccess({ file: await accountKubeconfig(account) }));
      const secret = core('Secret', 'secrets');
      const follow = async (namespace: string, name?: string): Promise<string> => {
        const options = { namespace, ...(name !== undefined && { fieldSelector: `metadata.name=${name}` }) };
        const stop = new AbortController();
        try {
          let resourceVersion = '';
          for await (const page of client.list(secret, options)) ({ resourceVersion } = page);
          const onOpen = () => stop.abort();
          const watch = client.watch(secret, { ...options, resourceVersion, signal: stop.signal, onOpen });
          for await (const event of watch) expect(event.object.metadata.namespace).toBe(namespace);
          return 'followed';
        } catch (thrown) {
          return PortolanError.from(thrown).code;
        }
      };
      const asked = [
        follow('shop', 'dns'),
        follow('shop', 'two'),
        follow('payments', 'dns'),
        follow('payments', 'two'),
        follow('shop'),
        follow('edge', 'dns'),
      ];
      expect(await Promise.all(asked)).toEqual([
        ...['followed', 'followed', 'followed'],
        ...Array.from({ length: 3 }, () => 'KUBERNETES_FORBIDDEN'),
      ]);
    },
  );

  it.skipIf(!helm.available).each(cases)('takes every object of %s with %s', async (chart, file) => {
    const objects = await renderChart(pathOf(helm), chart, valuesOf(chart, file));
    const known = objects.filter(({ kind }) => serviceMonitor.available || kind !== 'ServiceMonitor');
    const kept = await applyManifests(admin, known.map(manifestOf), { ...APPLY, dryRun: true });
    expect(kept).toHaveLength(known.length);
    expect(kept.length).toBeGreaterThan(6);
  });

  it.each(CHARTS)('takes install-%s.yaml, and a second time changes nothing', async (chart) => {
    const objects = manifestsIn(await readFile(join(root, `deploy/install-${chart}.yaml`), 'utf8')).map(
      manifestOf,
    );
    const first = await applyManifests(admin, objects, APPLY);
    expect(first).toHaveLength(objects.length);
    const second = await applyManifests(admin, objects, APPLY);
    // The CRD of GatewayClass has a default for its status, which the server writes with the first change after it was made.
    const written = (kept: readonly KubeObject[]) =>
      kept
        .filter(({ kind }) => kind !== 'GatewayClass')
        .map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);
    expect(written(second)).toEqual(written(first));
    const contents = (kept: readonly KubeObject[]) =>
      kept.map(({ metadata: { resourceVersion: _, ...metadata }, ...rest }) => ({ ...rest, metadata }));
    expect(contents(second)).toEqual(contents(first));
  });

  it('takes every definition of deploy/crds', async () => {
    const files = (await readdir(join(root, 'deploy/crds'))).filter((file) =>
      file.startsWith('portolan.dev_'),
    );
    expect(files.length).toBeGreaterThan(8);
    for (const file of files) {
      const objects = manifestsIn(await readFile(join(root, 'deploy/crds', file), 'utf8')).map(manifestOf);
      const kept = await applyManifests(admin, objects, { ...APPLY, dryRun: true });
      expect(kept.map(({ kind }) => kind)).toEqual(['CustomResourceDefinition']);
    }
  });

  it('has nothing written of an installation when a kind of it is not there', async () => {
    const [alien, map] = manifestsIn(
      'apiVersion: example.com/v1\nkind: Alien\nmetadata: { name: a }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: half, namespace: edge }',
    ).map(manifestOf);
    if (alien === undefined || map === undefined) throw new Error('two documents');
    await expect(applyManifests(admin, [map, alien], APPLY)).rejects.toMatchObject({
      code: 'KUBERNETES_REFUSED',
    });
    const resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
    expect(await admin.get({ resource, namespace: 'edge', name: 'half' })).toBeUndefined();
  });

  it('refuses a field that does not exist, so that the runs above say something', async () => {
    const [broken] = manifestsIn(
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: edge }\ndatum: { a: b }',
    ).map(manifestOf);
    if (broken === undefined) throw new Error('no document');
    await expect(applyManifests(admin, [broken], { ...APPLY, dryRun: true })).rejects.toMatchObject({
      message: containing('.datum: field not declared in schema'),
    });
  });

  it('says which kind is not installed', async () => {
    const [alien] = manifestsIn('apiVersion: example.com/v1\nkind: Alien\nmetadata: { name: a }').map(
      manifestOf,
    );
    if (alien === undefined) throw new Error('no document');
    await expect(applyManifests(admin, [alien], APPLY)).rejects.toMatchObject({
      code: 'KUBERNETES_REFUSED',
      message: `${server.url} has no Alien of example.com/v1, which a is`,
    });
  });

  /** A kubeconfig with a token of the service account, as the kubelet gets one for a pod. */
  async function accountKubeconfig(account = 'portolan-agent'): Promise<string> {
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: account, namespace: NAMESPACE },
      spec: { expirationSeconds: 3600 },
    };
    const made = await admin.create(request, core('TokenRequest', `serviceaccounts/${account}/token`));
    const { status } = z.looseObject({ status: z.looseObject({ token: z.string() }) }).parse(made);
    return server.kubeconfig(status.token, NAMESPACE);
  }

  /** The rules of the roles that the command above applied. */
  async function shippedRules() {
    const shipped = [];
    for (const [plural, kind, name] of [
      ['clusterroles', 'ClusterRole', `${NAMESPACE}-portolan-agent`],
      ['roles', 'Role', 'portolan-agent'],
    ] as const) {
      const namespaced = kind === 'Role';
      const resource = { group: 'rbac.authorization.k8s.io', version: 'v1', plural, kind, namespaced };
      const found = await admin.get({ resource, name, ...(namespaced ? { namespace: NAMESPACE } : {}) });
      shipped.push(...z.looseObject({ rules: z.array(rule) }).parse(found).rules);
    }
    return shipped;
  }
});
