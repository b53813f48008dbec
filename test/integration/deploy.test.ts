import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../hub/config.ts';
import { CHARTS, type Chart, type Manifest } from '../../scripts/deploy/manifests.ts';
import { generatedWithHelm, generatedWithoutHelm, staleFiles } from '../../scripts/deploy.ts';
import { agentConfigSchema } from '../../spoke-agent/config.ts';
import { chartCases, chartOf, renderChart, valuesOf } from '../support/charts.ts';
import { requireHelm } from '../support/helm.ts';
import { pathOf } from '../support/servers.ts';

const run = promisify(execFile);

const suite = 'charts and manifests of deploy/';
const helm = await requireHelm(suite);
const cases = await chartCases();
const render = (chart: Chart, args: readonly string[] = []) => renderChart(pathOf(helm), chart, args);

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

  it.each<readonly [Chart, Readonly<Record<string, string>>]>([
    [
      'hub',
      {
        'replicas=two': "at '/replicas': got string, want integer",
        'replica=2': "additional properties 'replica' not allowed",
        'config.logLevel=loud': "at '/config/logLevel': value must be one of",
        'config.dataDir=/tmp': "additional properties 'dataDir' not allowed",
        'dns.service.type=Balancer': "at '/dns/service/type': value must be one of",
        'image.digest=latest': "at '/image/digest': 'latest' does not match",
        'image.repository=': "at '/image/repository': '' does not match",
      },
    ],
    [
      'hub',
      {
        'replicas=0': "at '/replicas': minimum",
        'image.repository=null': "at '/image': missing property 'repository'",
      },
    ],
    ['hub', { 'replicas=2': 'more than one hub needs a PostgreSQL that all of them share' }],
    ['hub', { 'replicas=2,postgres.urlSecret.name=db': 'set api.tlsSecret' }],
    [
      'agent',
      {
        'gateway.ports.80=80': "at '/gateway/ports/80': minimum",
        'config.gateway.workers=0': "at '/config/gateway/workers': minimum",
        'config.dns.port=53': "additional properties 'port' not allowed",
        'config.peer.advertise=agent.example': "at '/config/peer/advertise': 'agent.example' does not match",
        'config.dns.advertise={192.0.2.53}': "at '/config/dns/advertise/0': '192.0.2.53' does not match",
        'resources.limits.memory=much': '/resources/limits/memory',
        'image.repository=registry.example/agent:1.2': "at '/image/repository': 'registry.example/agent:1.2'",
      },
    ],
  ])('refuse for the %s, and say why: %o', async (chart, refused) => {
    const args = Object.keys(refused).flatMap((set) => ['--set', set]);
    const said = await render(chart, args).then(
      () => 'nothing refused',
      (error: unknown) => String(error),
    );
    for (const message of Object.values(refused)) expect(said).toContain(message);
  });

  it('are what the manifests without Helm are made of', async () => {
    expect(await staleFiles(await generatedWithHelm(pathOf(helm)))).toEqual([]);
  });
});
