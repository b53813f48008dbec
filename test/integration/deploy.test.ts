import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../hub/config.ts';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient, KubeObject } from '../../kube/contract.ts';
import { applyManifests, manifestOf } from '../../kube/manifests.ts';
import { CHARTS, type Chart, type Manifest, manifestsIn, rendered } from '../../scripts/deploy/manifests.ts';
import { generatedWithHelm, generatedWithoutHelm, staleFiles } from '../../scripts/deploy.ts';
import { agentConfigSchema } from '../../spoke-agent/config.ts';
import { applyCrds, requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { requireHelm } from '../support/helm.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { containing } from '../support/matchers.ts';
import { pathOf } from '../support/servers.ts';
import { requireServiceMonitorCrd } from '../support/service-monitor-crd.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const chartOf = (chart: Chart): string => join(root, `deploy/helm/portolan-${chart}`);

const suite = 'charts and manifests of deploy/';
const helm = await requireHelm(suite);
const apiserver = await requireKubeApiserver(suite);
const gatewayApi = await requireGatewayApiCrds(suite);
const serviceMonitor = await requireServiceMonitorCrd(suite);

/** Every values file that comes with a chart. */
const cases = (
  await Promise.all(
    CHARTS.map(async (chart) =>
      (await readdir(join(chartOf(chart), 'ci'))).map((file) => [chart, file] as const),
    ),
  )
).flat();

const render = (chart: Chart, args: readonly string[] = []): Promise<readonly Manifest[]> =>
  rendered(pathOf(helm), chartOf(chart), args, 'edge', 'shop');
const valuesOf = (chart: Chart, file: string): readonly string[] => [
  '--values',
  join(chartOf(chart), 'ci', file),
];

const podSpec = z.looseObject({
  serviceAccountName: z.string(),
  automountServiceAccountToken: z.boolean(),
  enableServiceLinks: z.literal(false),
  securityContext: z.looseObject({
    runAsNonRoot: z.literal(true),
    seccompProfile: z.object({ type: z.literal('RuntimeDefault') }),
  }),
  initContainers: z.array(z.unknown()).default([]),
  containers: z.array(z.unknown()),
  volumes: z.array(z.looseObject({ name: z.string() })),
});
const container = z.looseObject({
  name: z.string(),
  args: z.array(z.string()),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
  ports: z
    .array(
      z.object({
        name: z.string().max(15),
        containerPort: z.number().min(1024),
        protocol: z.string().optional(),
      }),
    )
    .default([]),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  resources: z.looseObject({
    requests: z.looseObject({ cpu: z.string(), memory: z.string() }),
    limits: z.looseObject({ memory: z.string() }),
  }),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })),
});
const workload = z.looseObject({
  spec: z.looseObject({
    replicas: z.number(),
    template: z.looseObject({ metadata: z.looseObject({}), spec: podSpec }),
    volumeClaimTemplates: z.array(z.looseObject({ metadata: z.object({ name: z.string() }) })).default([]),
  }),
});

function workloadOf(objects: readonly Manifest[]) {
  const found = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
  expect(found).toHaveLength(1);
  const { spec } = workload.parse(found[0]);
  const pod = spec.template.spec;
  return {
    kind: found[0]?.kind,
    spec,
    pod,
    containers: [...pod.initContainers, ...pod.containers].map((one) => container.parse(one)),
  };
}

function configTextOf(objects: readonly Manifest[]): string {
  const map = objects.find(({ kind }) => kind === 'ConfigMap');
  return Object.values(z.object({ data: z.record(z.string(), z.string()) }).parse(map).data)[0] ?? '';
}

describe('what of deploy/ is made of the code', () => {
  it('is what scripts/deploy.ts writes: schemas and roles of the charts, tables of the guide', async () => {
    expect(await staleFiles(await generatedWithoutHelm())).toEqual([]);
  });

  it('has each default in a schema that knows every value, with a sentence for each', async () => {
    const wrong: string[] = [];
    const look = (schema: unknown, values: unknown, path: string): void => {
      const { properties, description } = z
        .looseObject({
          properties: z.record(z.string(), z.unknown()).optional(),
          description: z.string().optional(),
        })
        .parse(schema);
      if (path !== '' && description === undefined) wrong.push(`${path} is not described`);
      if (properties === undefined || path === 'config') return;
      const given = z.record(z.string(), z.unknown()).parse(values);
      for (const name of Object.keys(given))
        if (!(name in properties)) wrong.push(`${path}.${name} is unknown`);
      for (const [name, inner] of Object.entries(properties)) {
        if (path === '' && name === 'global') continue;
        if (name in given) look(inner, given[name], path === '' ? name : `${path}.${name}`);
        else wrong.push(`${path}.${name} has no default`);
      }
    };
    for (const chart of CHARTS) {
      const read = (file: string) => readFile(join(chartOf(chart), file), 'utf8');
      look(JSON.parse(await read('values.schema.json')), parse(await read('values.yaml')), '');
    }
    expect(wrong).toEqual([]);
  });
});

describe.skipIf(!helm.available)('the charts', () => {
  it.each(CHARTS)('portolan-%s passes helm lint --strict with every values file', async (chart) => {
    for (const [, file] of cases.filter(([of]) => of === chart)) {
      const { stdout } = await run(pathOf(helm), [
        'lint',
        '--strict',
        ...valuesOf(chart, file),
        chartOf(chart),
      ]);
      expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
    }
  });

  it.each(cases)('%s with %s: the program takes the configuration that is rendered', async (chart, file) => {
    const objects = await render(chart, valuesOf(chart, file));
    const text = configTextOf(objects);
    const { containers } = workloadOf(objects);
    if (chart === 'agent') {
      expect(agentConfigSchema.parse(parse(text)).dataDir).toBe('/var/lib/portolan/agent');
      return;
    }
    const env: Record<string, string> = {};
    for (const { name, value } of containers[0]?.env ?? [])
      if (name.startsWith('PORTOLAN_'))
        env[name] =
          value?.replace('$(POD_IP)', '192.0.2.1').replace('$(POD_NAME)', 'hub-0') ?? 'postgres://db';
    expect(parseConfig({ text, name: 'hub.yaml', baseDir: '/etc/portolan', env }).dataDir).toBe(
      '/var/lib/portolan/data',
    );
  });

  it.each(cases)(
    '%s with %s: the pod has no privilege, and every mount has its volume',
    async (chart, file) => {
      const { spec, pod, containers } = workloadOf(await render(chart, valuesOf(chart, file)));
      const volumes = [...pod.volumes, ...spec.volumeClaimTemplates.map(({ metadata }) => metadata)].map(
        ({ name }) => name,
      );
      for (const { volumeMounts } of containers)
        for (const { name } of volumeMounts) expect(volumes).toContain(name);
      expect(new Set(volumes).size).toBe(volumes.length);
    },
  );

  it('keep the hub with SQLite to one pod with a volume, and let one with PostgreSQL be many', async () => {
    const single = workloadOf(await render('hub'));
    expect([single.kind, single.spec.replicas, single.pod.automountServiceAccountToken]).toEqual([
      'StatefulSet',
      1,
      false,
    ]);
    const many = workloadOf(await render('hub', valuesOf('hub', 'replicas-values.yaml')));
    expect([many.kind, many.spec.replicas, many.pod.automountServiceAccountToken]).toEqual([
      'Deployment',
      3,
      true,
    ]);
    expect(many.spec.volumeClaimTemplates).toEqual([]);
  });

  it('give a pod a token of the API server and roles only where it talks to it', async () => {
    const kinds = async (chart: Chart, args: readonly string[]) =>
      (await render(chart, args)).map(({ kind }) => kind).filter((kind) => kind.includes('Role'));
    expect(await kinds('hub', [])).toEqual([]);
    expect(await kinds('hub', valuesOf('hub', 'replicas-values.yaml'))).toEqual(['Role', 'RoleBinding']);
    expect(await kinds('agent', valuesOf('agent', 'witness-values.yaml'))).toEqual([]);
    const named = 'config.sources.kubernetes.secrets.names={shop/dns,infra/tsig,shop/acme}';
    const roles = (await render('hub', ['--set', 'customResources.enabled=true', '--set', named])).filter(
      ({ kind }) => kind === 'Role',
    );
    expect(roles.map(({ metadata, rules }) => [metadata.namespace, rules])).toEqual([
      [
        'infra',
        [{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'], resourceNames: ['tsig'] }],
      ],
      [
        'shop',
        [
          {
            apiGroups: [''],
            resources: ['secrets'],
            verbs: ['list', 'watch'],
            resourceNames: ['dns', 'acme'],
          },
        ],
      ],
    ]);
    const { pod } = workloadOf(await render('agent', valuesOf('agent', 'witness-values.yaml')));
    expect(pod.automountServiceAccountToken).toBe(false);
  });

  it('hold no secret of their own', async () => {
    for (const [chart, file] of cases)
      expect((await render(chart, valuesOf(chart, file))).map(({ kind }) => kind)).not.toContain('Secret');
  });

  it.each([
    ['hub', 'replicas=two', 'replicas'],
    ['hub', 'replicas=0', 'replicas'],
    ['hub', 'replicas=2', 'more than one hub needs a PostgreSQL that all of them share'],
    ['hub', 'replicas=2,postgres.urlSecret.name=db', 'set api.tlsSecret'],
    ['hub', 'replica=2', "additional properties 'replica' not allowed"],
    ['hub', 'config.logLevel=loud', "at '/config/logLevel': value must be one of"],
    ['hub', 'config.dataDir=/tmp', "additional properties 'dataDir' not allowed"],
    ['hub', 'dns.service.type=Balancer', "at '/dns/service/type': value must be one of"],
    ['hub', 'image.digest=latest', '/image/digest'],
    ['agent', 'gateway.ports.80=80', "at '/gateway/ports/80': minimum"],
    ['agent', 'config.gateway.workers=0', "at '/config/gateway/workers': minimum"],
    ['agent', 'config.dns.port=53', "additional properties 'port' not allowed"],
    ['agent', 'resources.limits.memory=much', '/resources/limits/memory'],
  ] as const)('refuse for the %s: %s', async (chart, set, message) => {
    await expect(render(chart, ['--set', set])).rejects.toThrow(message);
  });

  it('are what the manifests without Helm are made of', async () => {
    expect(await staleFiles(await generatedWithHelm(pathOf(helm)))).toEqual([]);
  });
});

const bothThere = apiserver.available && gatewayApi.available;
describe.skipIf(!bothThere)('a real API server', () => {
  let server: KubeApiserver;
  let client: KubeClient;
  const manager = { fieldManager: 'portolan-tests', force: true };
  const namespace = (name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  });

  beforeAll(async () => {
    server = await startKubeApiserver(pathOf(apiserver));
    client = createKubeClient(await openKubeAccess({ file: await server.kubeconfig(server.adminToken) }));
    await applyCrds(client, pathOf(gatewayApi));
    if (serviceMonitor.available) {
      const folder = await mkdtemp(join(tmpdir(), 'portolan-crd-'));
      await copyFile(serviceMonitor.path, join(folder, 'service-monitors.yaml'));
      await applyCrds(client, folder);
      await rm(folder, { recursive: true, force: true });
    }
    for (const name of ['edge', 'shop', 'payments']) await applyManifests(client, [namespace(name)], manager);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  it.skipIf(!helm.available).each(cases)('takes every object of %s with %s', async (chart, file) => {
    const objects = await render(chart, valuesOf(chart, file));
    const known = objects.filter(({ kind }) => serviceMonitor.available || kind !== 'ServiceMonitor');
    const kept = await applyManifests(client, known.map(manifestOf), { ...manager, dryRun: true });
    expect(kept).toHaveLength(known.length);
    expect(kept.length).toBeGreaterThan(6);
  });

  it.each(CHARTS)('takes install-%s.yaml, and a second time changes nothing', async (chart) => {
    const objects = manifestsIn(await readFile(join(root, `deploy/install-${chart}.yaml`), 'utf8')).map(
      manifestOf,
    );
    const first = await applyManifests(client, objects, manager);
    expect(first).toHaveLength(objects.length);
    const second = await applyManifests(client, objects, manager);
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
      const kept = await applyManifests(client, objects, { ...manager, dryRun: true });
      expect(kept.map(({ kind }) => kind)).toEqual(['CustomResourceDefinition']);
    }
  });

  it('has nothing written of an installation when a kind of it is not there', async () => {
    const [alien, map] = manifestsIn(
      'apiVersion: example.com/v1\nkind: Alien\nmetadata: { name: a }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: half, namespace: edge }',
    ).map(manifestOf);
    if (alien === undefined || map === undefined) throw new Error('two documents');
    await expect(applyManifests(client, [map, alien], manager)).rejects.toMatchObject({
      code: 'KUBERNETES_REFUSED',
    });
    const resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
    expect(await client.get({ resource, namespace: 'edge', name: 'half' })).toBeUndefined();
  });

  it('refuses a field that does not exist, so that the runs above say something', async () => {
    const [broken] = manifestsIn(
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: edge }\ndatum: { a: b }',
    ).map(manifestOf);
    if (broken === undefined) throw new Error('no document');
    await expect(applyManifests(client, [broken], { ...manager, dryRun: true })).rejects.toMatchObject({
      message: containing('.datum: field not declared in schema'),
    });
  });

  it('says which kind is not installed', async () => {
    const [alien] = manifestsIn('apiVersion: example.com/v1\nkind: Alien\nmetadata: { name: a }').map(
      manifestOf,
    );
    if (alien === undefined) throw new Error('no document');
    await expect(applyManifests(client, [alien], manager)).rejects.toMatchObject({
      code: 'KUBERNETES_REFUSED',
      message: `${server.url} has no Alien of example.com/v1, which a is`,
    });
  });
});
