import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Outcome, WantedSet } from '../../hub/sources/contract.ts';
import { createKubernetesSource } from '../../hub/sources/kubernetes/controller.ts';
import { FINALIZER, MIRRORED_KINDS } from '../../hub/sources/kubernetes/kinds.ts';
import { HUB_RULES } from '../../hub/sources/kubernetes/rules.ts';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient, KubeObject, KubeResource } from '../../kube/contract.ts';
import { EVENTS } from '../../kube/events.ts';
import { parseText } from '../../src/resources/yaml.ts';
import { runCli } from '../support/cli.ts';
import { applyCrds, CRDS, requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { type HubProcess, startHub } from '../support/hub-process.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { askedBy, missing, verbsOf } from '../support/kube-audit.ts';
import { grant } from '../support/kube-grants.ts';
import { requireKubectl } from '../support/kubectl.ts';
import { containing, matching } from '../support/matchers.ts';
import { startPostgres } from '../support/postgres.ts';
import { pathOf, requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { leads, startFleet } from './hub-election/fleet.ts';

const SUITE = 'a hub that custom resources configure';
const program = await requireKubeApiserver(SUITE);
const gatewayApi = await requireGatewayApiCrds(SUITE);
const kubectl = await requireKubectl(SUITE);
const run = promisify(execFile);
const postgresql = await requireServer('postgresql', SUITE);
const SLOW_MS = 30_000;
const TOKEN = 'token-of-hub';
const POOR = 'token-of-poor';
const APPLY = { fieldManager: 'portolan-tests', force: true };
const CRD_FOLDER = join(import.meta.dirname, '../../deploy/crds');
const EXAMPLES = join(import.meta.dirname, '../../docs/examples');

const NAMESPACES: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
const SECRETS: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};

const resourceOf = (kind: string): KubeResource => {
  const found = MIRRORED_KINDS.find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found.resource;
};

const statusShape = z.object({
  observedGeneration: z.number().optional(),
  conditions: z
    .array(
      z.object({
        type: z.string(),
        status: z.string(),
        reason: z.string(),
        message: z.string(),
        observedGeneration: z.number().optional(),
        lastTransitionTime: z.string(),
      }),
    )
    .default([]),
});

/** An object of the hub, as far as the tests look at it. */
const storedShape = z.looseObject({
  metadata: z.looseObject({ generation: z.number(), labels: z.record(z.string(), z.string()) }),
  spec: z.looseObject({
    port: z.number().optional(),
    endpoints: z.array(z.unknown()).optional(),
    records: z.array(z.looseObject({ data: z.array(z.string()) })).optional(),
  }),
  status: z.looseObject({ keys: z.array(z.looseObject({ bytes: z.number() })).optional() }).optional(),
});

const check = (name: string, port: number, more: object = {}, namespace = 'shop'): KubeObject => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'HealthCheck',
  metadata: { name, namespace, ...more },
  spec: { protocol: 'tcp', port },
});

const policy = (name: string, clusters: readonly string[]): KubeObject => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'TrafficPolicy',
  metadata: { name, namespace: 'default' },
  spec: {
    hostnames: [`${name}.pages.shop.example`],
    endpoints: clusters.map((cluster) => ({ name: cluster, cluster })),
    routing: { default: { tiers: [{ members: clusters.map((endpoint) => ({ endpoint })) }] } },
  },
});

/** Statuses come at most every two seconds: what is read once that has passed without a change. */
async function restingValue<T>(look: () => Promise<T>): Promise<T> {
  let value = await look();
  let sinceMs = performance.now();
  await until(
    'nothing is written any more',
    async () => {
      const now = await look();
      if (JSON.stringify(now) !== JSON.stringify(value)) sinceMs = performance.now();
      value = now;
      return performance.now() - sinceMs > 4_000;
    },
    SLOW_MS,
    500,
  );
  return value;
}

describe.skipIf(!program.available || !gatewayApi.available)(SUITE, () => {
  let server: KubeApiserver;
  let admin: KubeClient;
  let folder: string;
  let home: string;
  let hub: HubProcess | undefined;
  let token: string;
  let kubeconfig: string;

  const start = async (): Promise<void> => {
    hub = await startHub(home, { PORTOLAN_SOURCE_KUBERNETES: 'true', KUBECONFIG: kubeconfig });
  };
  const portolan = (...argv: readonly string[]) =>
    runCli(argv, { folder, env: { PORTOLAN_SERVER: hub?.api ?? '', PORTOLAN_TOKEN: token } });
  const put = (object: KubeObject) => admin.apply(object, resourceOf(object.kind), APPLY);
  const refOf = (kind: string, name: string, namespace = 'shop') => ({
    resource: resourceOf(kind),
    namespace,
    name,
  });
  const read = (kind: string, name: string, namespace = 'shop') => admin.get(refOf(kind, name, namespace));
  const stored = async (kind: string, name: string, namespace = 'shop') => {
    const { out, code } = await portolan('get', kind, name, '-n', namespace, '-o', 'json');
    return code === 0 ? storedShape.parse(JSON.parse(out)) : undefined;
  };
  /** Waits for a condition on an object in Kubernetes. */
  const condition = async (
    kind: string,
    name: string,
    type: string,
    status: string,
    reason?: string,
    namespace = 'shop',
  ) => {
    const { value } = await until(
      `${kind} ${name}: ${type}=${status} ${reason ?? ''}`,
      async () => {
        const object = await read(kind, name, namespace);
        const { conditions, observedGeneration } = statusShape.parse(object?.status ?? {});
        const found = conditions.find((one) => one.type === type);
        if (object === undefined || observedGeneration !== object.metadata.generation) return undefined;
        if (found?.status === status && (reason === undefined || found.reason === reason))
          return { found, conditions, object };
        throw new Error(JSON.stringify(object?.status));
      },
      SLOW_MS,
    );
    return value;
  };
  const events = async (name: string): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { items } of admin.list(EVENTS, {}))
      for (const item of items) {
        const { regarding, reason, type } = z
          .object({ regarding: z.object({ name: z.string() }), reason: z.string(), type: z.string() })
          .loose()
          .parse(item);
        if (regarding.name === name) found.push(`${type} ${reason}`);
      }
    return found;
  };
  const gone = (kind: string, name: string, namespace = 'shop') =>
    until(`${kind} ${name} is gone`, async () => (await read(kind, name, namespace)) === undefined, SLOW_MS);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-crs-'));
    home = join(folder, 'home');
    server = await startKubeApiserver(
      pathOf(program),
      { [TOKEN]: { user: 'hub' }, [POOR]: { user: 'poor' } },
      { audit: true },
    );
    admin = createKubeClient(await openKubeAccess({ file: await server.kubeconfig(server.adminToken) }));
    kubeconfig = await server.kubeconfig(TOKEN, 'portolan');
    await applyCrds(admin, CRD_FOLDER);
    await applyCrds(admin, pathOf(gatewayApi));
    for (const name of ['portolan', 'shop', 'doomed', 'pair'])
      await admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, NAMESPACES, APPLY);
    await grant(admin, { user: 'hub', namespace: 'portolan' }, HUB_RULES);
    expect((await runCli(['init', '--dir', home], { folder })).code).toBe(0);
    await start();
    token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
  });
  afterAll(async () => {
    await hub?.stop();
    await server?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('the examples act as custom resources, and say so', async () => {
    for (const file of ['clusters.yaml', 'zone.yaml', 'routing.yaml'])
      for (const { value } of parseText(await readFile(join(EXAMPLES, file), 'utf8'))) {
        const object = z
          .looseObject({
            apiVersion: z.string(),
            kind: z.string(),
            metadata: z.looseObject({ name: z.string() }),
          })
          .parse(value);
        await put({ ...object, metadata: { namespace: 'default', ...object.metadata } });
      }
    const { object, conditions } = await condition(
      'TrafficPolicy',
      'www',
      'Accepted',
      'True',
      'Applied',
      'default',
    );
    expect(object.metadata.finalizers).toEqual([FINALIZER]);
    await condition('TrafficPolicy', 'www', 'Ready', 'True', undefined, 'default');
    expect(conditions.every(({ observedGeneration }) => observedGeneration === 1)).toBe(true);
    const { value: answered } = await until(
      'answers',
      async () => {
        const { out, code } = await portolan('resolve', 'www.shop.example', '--from', 'DE');
        return code === 0 && out.includes('frankfurt') ? out : undefined;
      },
      SLOW_MS,
    );
    expect(answered).toContain('frankfurt');
    expect(await portolan('source', 'status')).toMatchObject({
      code: 0,
      out: matching(/^kubernetes .*: in sync\n {2}last pass 20/),
    });
    expect(await events('www')).toContain('Normal Applied');
  });

  it('an edit is in the hub within seconds, and the status is about it; nothing else is written', async () => {
    await put(check('edit', 1));
    const first = await condition('HealthCheck', 'edit', 'Ready', 'True');
    await put(check('edit', 2));
    const second = await condition('HealthCheck', 'edit', 'Ready', 'True');
    expect(second.object.metadata.generation).toBe(2);
    expect(second.found).toMatchObject({
      observedGeneration: 2,
      lastTransitionTime: first.found.lastTransitionTime,
    });
    expect(await stored('healthcheck', 'edit'))?.toMatchObject({
      spec: { port: 2 },
      metadata: { generation: 2, annotations: { 'portolan.dev/managed-by': 'kubernetes' } },
    });
    await put(check('edit', 2, { labels: { team: 'web' } }));
    await until(
      'the label',
      async () => (await stored('healthcheck', 'edit'))?.metadata.labels.team === 'web',
      SLOW_MS,
    );
  });

  it("what Kubernetes lets pass and the hub does not keeps what was before, with the hub's own words", async () => {
    const zone = (data: string): KubeObject => ({
      apiVersion: 'portolan.dev/v1alpha1',
      kind: 'Zone',
      metadata: { name: 'bad', namespace: 'shop' },
      spec: {
        origin: 'bad.example',
        nameServers: [{ name: 'ns1.bad.example', addresses: ['198.51.100.21'] }],
        records: [{ name: 'a', type: 'A', data: [data] }],
      },
    });
    await put(zone('192.0.2.1'));
    await condition('Zone', 'bad', 'Accepted', 'True', 'Applied');
    await put(zone('nonsense'));
    const { conditions, found } = await condition('Zone', 'bad', 'Accepted', 'False', 'Invalid');
    expect(found.message).toContain('spec.records[0].data[0]');
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'Stalled', status: 'True', reason: 'Invalid' }),
    );
    expect((await stored('zone', 'bad'))?.spec.records?.[0]?.data).toEqual(['192.0.2.1']);
    expect(await portolan('source', 'status')).toMatchObject({ code: 1, out: containing('Zone shop/bad') });
    await until('the Event', async () => (await events('bad')).includes('Warning Invalid'), SLOW_MS);
    await put(zone('192.0.2.2'));
    await condition('Zone', 'bad', 'Accepted', 'True', 'Applied');
    // Only the guards of the hub see that a cluster is not there; once it is, nobody has to touch the policy.
    await put(policy('waits', ['rome']));
    const refused = await condition('TrafficPolicy', 'waits', 'Accepted', 'False', 'Invalid', 'default');
    expect(refused.found.message).toContain('rome');
    await put({
      apiVersion: 'portolan.dev/v1alpha1',
      kind: 'Cluster',
      metadata: { name: 'rome', namespace: 'default' },
      spec: { location: { country: 'IT' }, addresses: ['198.51.100.24'] },
    });
    await condition('TrafficPolicy', 'waits', 'Accepted', 'True', 'Applied', 'default');
  });

  it('I7 what Kubernetes sets is not changed by the API', async () => {
    await writeFile(
      join(folder, 'edit.yaml'),
      JSON.stringify({ ...check('edit', 3), metadata: { name: 'edit', namespace: 'shop' } }),
    );
    const applied = await portolan('apply', '-f', join(folder, 'edit.yaml'));
    expect(applied.code).not.toBe(0);
    expect(applied.err).toContain('MANAGED_ELSEWHERE');
    expect(applied.err).toContain('healthchecks.portolan.dev shop/edit');
    expect((await portolan('delete', 'healthcheck', 'edit', '-n', 'shop')).err).toContain(
      'MANAGED_ELSEWHERE',
    );
  });

  it('what was made through the API is left alone until the document adopts it', async () => {
    await writeFile(
      join(folder, 'mine.yaml'),
      JSON.stringify({ ...check('mine', 5), metadata: { name: 'mine', namespace: 'shop' } }),
    );
    expect((await portolan('apply', '-f', join(folder, 'mine.yaml'))).code).toBe(0);
    await put(check('mine', 6));
    const { found, object } = await condition('HealthCheck', 'mine', 'Accepted', 'False', 'Conflict');
    expect(found.message).toContain('portolan.dev/adopt');
    expect(object.metadata.finalizers ?? []).toEqual([]);
    expect((await stored('healthcheck', 'mine'))?.spec.port).toBe(5);
    await put(check('mine', 6, { annotations: { 'portolan.dev/adopt': 'true' } }));
    await condition('HealthCheck', 'mine', 'Accepted', 'True', 'Applied');
    expect((await stored('healthcheck', 'mine'))?.spec.port).toBe(6);
    expect((await read('HealthCheck', 'mine'))?.metadata.finalizers).toEqual([FINALIZER]);
  });

  it('I7 a change that takes capacity away is held, and says which command lets it through', async () => {
    await put(policy('web', ['frankfurt', 'paris', 'virginia']));
    await condition('TrafficPolicy', 'web', 'Accepted', 'True', 'Applied', 'default');
    await put(policy('web', ['paris']));
    const { found } = await condition('TrafficPolicy', 'web', 'Accepted', 'False', 'GuardHeld', 'default');
    const [, id = ''] = /portolan source approve ([0-9a-f]{12}) --reason/.exec(found.message) ?? [];
    expect((await stored('trafficpolicy', 'web', 'default'))?.spec.endpoints).toHaveLength(3);
    expect((await portolan('source', 'approve', id, '--reason', 'Frankfurt closes')).code).toBe(0);
    await condition('TrafficPolicy', 'web', 'Accepted', 'True', 'Applied', 'default');
    expect((await stored('trafficpolicy', 'web', 'default'))?.spec.endpoints).toHaveLength(1);
  });

  it('an object goes from Kubernetes once it is gone from the hub', async () => {
    await admin.delete(refOf('HealthCheck', 'mine'));
    await gone('HealthCheck', 'mine');
    expect(await stored('healthcheck', 'mine'))?.toBeUndefined();
  });

  it('I7 a namespace that is deleted waits while its removals are held, and goes when they are approved', async () => {
    const names = [1, 2, 3, 4, 5, 6, 7].map((n) => `c${n}`);
    for (const [port, name] of names.entries()) await put(check(name, port + 1, {}, 'doomed'));
    // Objects of the Gateway API have no condition for that of their own: they say it where that specification has a place.
    const api = 'gateway.networking.k8s.io/v1';
    const metadata = { name: 'c8', namespace: 'doomed', labels: { 'portolan.dev/hub': 'true' } };
    const listeners = [{ name: 'http', port: 8080, protocol: 'HTTP' }];
    await put({
      apiVersion: api,
      kind: 'Gateway',
      metadata,
      spec: { gatewayClassName: 'portolan', listeners },
    });
    const rules = [{ backendRefs: [{ name: 'shop', port: 80 }] }];
    await put({
      apiVersion: api,
      kind: 'HTTPRoute',
      metadata,
      spec: { parentRefs: [{ name: 'c8' }], rules },
    });
    for (const name of names) await condition('HealthCheck', name, 'Ready', 'True', undefined, 'doomed');
    const shared = ['Gateway', 'HTTPRoute'] as const;
    for (const kind of shared)
      await until(
        `${kind} is the hub's`,
        async () => (await read(kind, 'c8', 'doomed'))?.metadata.finalizers?.includes(FINALIZER) === true,
        SLOW_MS,
      );
    // There is no controller of namespaces here: this is what it does.
    await admin.delete({ resource: NAMESPACES, name: 'doomed' });
    // The hub looks once all of them go: the first few alone would be few enough.
    hub?.freeze();
    for (const name of names) await admin.delete(refOf('HealthCheck', name, 'doomed'));
    for (const kind of shared) await admin.delete(refOf(kind, 'c8', 'doomed'));
    hub?.wake();
    const { found } = await condition('HealthCheck', 'c7', 'Accepted', 'False', 'GuardHeld', 'doomed');
    for (const kind of shared)
      await until(
        `${kind} says so`,
        async () => {
          const status = (await read(kind, 'c8', 'doomed'))?.status ?? {};
          const { parents } = z.object({ parents: z.array(statusShape).default([]) }).parse(status);
          const { conditions } = kind === 'Gateway' ? statusShape.parse(status) : (parents[0] ?? {});
          const accepted = conditions?.find(({ type }) => type === 'Accepted');
          if (accepted?.status === 'False' && accepted.message.includes('portolan source approve'))
            return true;
          throw new Error(JSON.stringify(status));
        },
        SLOW_MS,
      );
    expect(await stored('healthcheck', 'c1', 'doomed'))?.toBeDefined();
    await until(
      'all are held',
      async () => (await portolan('source', 'held')).out.split(/PRUNE_LIMIT|would be removed/).length >= 7,
      SLOW_MS,
    );
    const { out } = await portolan('source', 'held');
    const [, id = ''] = /^([0-9a-f]{12}) +delete/m.exec(out) ?? [];
    expect(found.message).toContain('portolan source approve');
    expect((await portolan('source', 'approve', id, '--reason', 'doomed is closed')).code).toBe(0);
    for (const name of names) await gone('HealthCheck', name, 'doomed');
    for (const kind of shared) await gone(kind, 'c8', 'doomed');
    expect(await stored('healthcheck', 'c1', 'doomed'))?.toBeUndefined();
  });

  it('I33 labelled Secrets become values of the hub, and no other', async () => {
    const secret = (name: string, value: string, labels: object): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'portolan', labels: { ...labels } },
      data: { token: Buffer.from(value).toString('base64') },
    });
    const place = { resource: SECRETS, namespace: 'portolan' };
    const apply = (object: KubeObject) => admin.apply(object, SECRETS, APPLY);
    await apply(secret('other', 'canary-other', {}));
    await apply(secret('dns', 'canary-value', { 'portolan.dev/sync': 'true' }));
    const { value } = await until('the Secret', () => stored('secret', 'dns', 'portolan'), SLOW_MS);
    expect(value.status?.keys).toMatchObject([{ key: 'token', bytes: 12 }]);
    await apply(secret('dns', 'canary-longer-value', { 'portolan.dev/sync': 'true' }));
    await until(
      'the value',
      async () => (await stored('secret', 'dns', 'portolan'))?.status?.keys?.[0]?.bytes === 19,
      SLOW_MS,
    );
    expect(await stored('secret', 'other', 'portolan'))?.toBeUndefined();
    // A Secret has no conditions: what is wrong with one, and that it is right again, is an Event.
    await apply({
      ...secret('odd', '', { 'portolan.dev/sync': 'true' }),
      data: { token: Buffer.from('canary-\xff', 'latin1').toString('base64') },
    });
    await until('the Event', async () => (await events('odd')).includes('Warning Invalid'), SLOW_MS);
    // By the command of the guide: the Events of a Secret are not in what `describe` prints.
    if (kubectl.available) {
      const env = { ...process.env, KUBECONFIG: await server.kubeconfig(server.adminToken) };
      const said = await run(kubectl.path, ['-n', 'portolan', 'events', '--for', 'secret/odd'], { env });
      expect(said.stdout).toMatch(/Warning +Invalid +Secret\/odd +data\.token is not UTF-8 text/);
    }
    await apply(secret('odd', 'canary-text', { 'portolan.dev/sync': 'true' }));
    await until('the end of it', async () => (await events('odd')).includes('Normal Applied'), SLOW_MS);
    expect(await events('dns')).toEqual([]);
    expect((await admin.get({ ...place, name: 'dns' }))?.metadata.finalizers).toBeUndefined();
    await admin.delete({ ...place, name: 'dns' });
    await until('it is gone', async () => (await stored('secret', 'dns', 'portolan')) === undefined, SLOW_MS);
    expect(hub?.said()).not.toContain('canary');
  });

  it('Gateways and routes with the label are the hub’s, with the status that the Gateway API has for them', async () => {
    const labels = { 'portolan.dev/hub': 'true' };
    const gateway = (name: string, metadata: object): KubeObject => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name, namespace: 'default', ...metadata },
      spec: { gatewayClassName: 'portolan', listeners: [{ name: 'http', port: 8080, protocol: 'HTTP' }] },
    });
    await put(gateway('agents', {}));
    await put(gateway('edge', { labels }));
    await put({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'shop', namespace: 'default', labels },
      spec: { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }] },
    });
    const { value: status } = await until(
      'statuses',
      async () => {
        const [edge, route] = [
          await read('Gateway', 'edge', 'default'),
          await read('HTTPRoute', 'shop', 'default'),
        ];
        const { conditions } = statusShape.parse(edge?.status ?? {});
        const { parents } = z
          .object({ parents: z.array(z.looseObject({ controllerName: z.string() })) })
          .parse(route?.status);
        const accepted = conditions.find(({ type }) => type === 'Accepted');
        return accepted?.reason === 'Accepted' && parents.length === 1 ? { accepted, parents } : undefined;
      },
      SLOW_MS,
    );
    expect(status.accepted).toMatchObject({ status: 'True', observedGeneration: 1 });
    expect(status.parents[0]).toMatchObject({
      controllerName: 'portolan.dev/gateway-controller',
      parentRef: { name: 'edge' },
    });
    expect(await stored('gateway', 'agents', 'default'))?.toBeUndefined();

    // What the hub does not take is said to who wrote it, and entries of other controllers stay as they are.
    const routeTo = (name: string, parentRefs: readonly object[], hostname: string): KubeObject => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name, namespace: 'default', labels },
      spec: { parentRefs, hostnames: [hostname], rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }] },
    });
    const parentsOf = async (name: string) => {
      const { parents } = z
        .object({
          parents: z
            .array(
              z.object({
                controllerName: z.string(),
                parentRef: z.looseObject({ name: z.string() }),
                conditions: statusShape.shape.conditions,
              }),
            )
            .default([]),
        })
        .parse((await read('HTTPRoute', name, 'default'))?.status ?? {});
      return parents.map(({ controllerName, parentRef, conditions }) => {
        const one = conditions.find(({ type }) => type === 'Accepted');
        return `${controllerName} ${parentRef.name} ${one?.status} ${one?.reason} ${one?.observedGeneration}`;
      });
    };
    const theirs = 'example.com/other mesh True Accepted 1';
    const shop = await read('HTTPRoute', 'shop', 'default');
    if (shop === undefined) throw new Error('no route');
    const other = {
      controllerName: 'example.com/other',
      parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'mesh' },
      conditions: [
        {
          ...{
            type: 'Accepted',
            status: 'True',
            reason: 'Accepted',
            message: 'theirs',
            observedGeneration: 1,
          },
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    };
    const shared = { ...shop, status: { parents: [other, ...status.parents] } };
    await admin.replace(shared, resourceOf('HTTPRoute'), 'status');
    await put(routeTo('shop', [{ name: 'edge' }], '192.0.2.7'));
    await put(routeTo('never', [{ name: 'edge' }, { name: 'agents' }], '192.0.2.7'));
    await put(routeTo('elsewhere', [{ name: 'agents' }], '192.0.2.7'));
    await put({
      ...gateway('odd-edge', { labels }),
      spec: {
        gatewayClassName: 'portolan',
        listeners: [{ name: 'http', port: 8081, protocol: 'HTTP', hostname: '192.0.2.7' }],
      },
    });
    const ours = 'portolan.dev/gateway-controller edge False UnsupportedValue';
    await until(
      'the refusals',
      async () => {
        const said = [await parentsOf('shop'), await parentsOf('never'), await parentsOf('elsewhere')];
        if (JSON.stringify(said) === JSON.stringify([[theirs, `${ours} 2`], [`${ours} 1`], []])) return true;
        throw new Error(JSON.stringify(said));
      },
      SLOW_MS,
    );
    const { value: refused } = await until(
      'the Gateway is refused',
      async () => {
        const { conditions } = statusShape.parse(
          (await read('Gateway', 'odd-edge', 'default'))?.status ?? {},
        );
        return conditions.find(({ type, status: is }) => type === 'Accepted' && is === 'False');
      },
      SLOW_MS,
    );
    expect(refused).toMatchObject({ reason: 'Invalid', observedGeneration: 1 });
    for (const [name, said] of [
      ['shop', 'Warning UnsupportedValue'],
      ['never', 'Warning UnsupportedValue'],
      ['elsewhere', 'Warning UnsupportedValue'],
      ['odd-edge', 'Warning Invalid'],
    ] as const)
      await until(`the Event of ${name}`, async () => (await events(name)).includes(said), SLOW_MS);
    // The one before is what the hub serves.
    expect((await stored('httproute', 'shop', 'default'))?.metadata.generation).toBe(1);
    await put(routeTo('shop', [{ name: 'edge' }], 'shop.example'));
    await until(
      'it is taken',
      async () => (await parentsOf('shop')).every((said) => !said.includes('UnsupportedValue')),
      SLOW_MS,
    );
    expect(await parentsOf('shop')).toContain(theirs);
    for (const name of ['never', 'elsewhere']) {
      await admin.delete(refOf('HTTPRoute', name, 'default'));
      await gone('HTTPRoute', name, 'default');
    }
    await admin.delete(refOf('Gateway', 'odd-edge', 'default'));
    await gone('Gateway', 'odd-edge', 'default');
    await admin.delete(refOf('HTTPRoute', 'shop', 'default'));
    await gone('HTTPRoute', 'shop', 'default');
    await until(
      'the Gateway says so',
      async () => {
        const edge = await read('Gateway', 'edge', 'default');
        const { listeners } = z
          .object({ listeners: z.array(z.object({ attachedRoutes: z.number() })) })
          .parse(edge?.status);
        return listeners[0]?.attachedRoutes === 0;
      },
      SLOW_MS,
    );
  });

  it('a restart writes nothing when nothing changed', async () => {
    const versions = async () => {
      const found: Record<string, string | undefined> = {};
      for (const { resource } of MIRRORED_KINDS)
        for await (const { items } of admin.list(resource, {}))
          for (const { kind, metadata } of items)
            found[`${kind} ${metadata.namespace}/${metadata.name}`] = metadata.resourceVersion;
      return found;
    };
    // Statuses come at most every two seconds: what is still on its way is let come first.
    const before = await restingValue(versions);
    await hub?.stop();
    const lines = async () => (await readFile(server.auditLog, 'utf8')).split('\n');
    const from = (await lines()).length - 1;
    await start();
    await put(check('mark', 99));
    await condition('HealthCheck', 'mark', 'Ready', 'True');
    const { 'HealthCheck shop/mark': _mark, ...after } = await versions();
    const written = (await lines()).slice(from).filter(
      (line) =>
        /"username":"hub"/.test(line) &&
        // A request has an event at its beginning too, in which a new object has no name yet.
        !line.includes('"stage":"RequestReceived"') &&
        /"verb":"(create|update|patch|delete)"/.test(line) &&
        !line.includes('"name":"mark'),
    );
    expect(written).toEqual([]);
    expect(after).toEqual(before);
    expect(Object.keys(after).length).toBeGreaterThan(8);
  });

  it('asks for nothing beyond its rules', async () => {
    const { used, denied, elsewhere } = await askedBy(server, 'hub');
    // A namespace that is on its way out takes no Events.
    expect(
      denied.filter((line) => !line.startsWith('create /apis/events.k8s.io/v1/namespaces/doomed/')),
    ).toEqual([]);
    expect(elsewhere).toEqual([]);
    expect(missing(used, verbsOf(HUB_RULES))).toEqual([]);
    expect(missing(verbsOf(HUB_RULES), used)).toEqual(
      [...missing(verbsOf(HUB_RULES), used)].filter((verb) =>
        /grpcroutes|backendtlspolicies|referencegrants|events|gatewaypolicies|authpolicies|ratelimitpolicies|callerroutings|backends|issuers|certificatepolicies|dnsproviders/.test(
          verb,
        ),
      ),
    );
  });

  it('while the API server is away the hub serves on, and catches up from an old version', async () => {
    await server.server.stop();
    await until(
      'it is noticed',
      async () => {
        const { code, out } = await portolan('source', 'status');
        return code === 1 && out.includes('does not answer');
      },
      SLOW_MS,
    );
    expect((await portolan('resolve', 'www.shop.example', '--from', 'DE')).out).toContain('frankfurt');
    expect(await stored('healthcheck', 'edit'))?.toBeDefined();
    await server.restart();
    await put(check('edit', 44));
    await condition('HealthCheck', 'edit', 'Ready', 'True');
    expect((await stored('healthcheck', 'edit'))?.spec.port).toBe(44);
    await until('all is well', async () => (await portolan('source', 'status')).code === 0, SLOW_MS);
  });

  /** The source by itself, with another user and without the patience of a program; what it wants of the hub is written down. */
  const alone = async (
    user: string,
    namespaces?: readonly string[],
    secrets: { readonly names?: readonly string[] } = {},
  ) => {
    const passes: WantedSet[] = [];
    const source = createKubernetesSource({
      open: async () =>
        createKubeClient(await openKubeAccess({ file: await server.kubeconfig(user, 'portolan') })),
      ...(namespaces === undefined ? {} : { namespaces }),
      secrets: { selector: 'portolan.dev/sync=true', ...secrets },
      sync: {
        async pass(_source, wanted) {
          passes.push(wanted);
          const outcomes = [...wanted.objects.keys()].map((id): [string, Outcome] => [
            id,
            { state: 'applied', changed: false, resourceVersion: '1', generation: 1 },
          ]);
          return { outcomes: new Map(outcomes), managed: 0, unmanaged: [] };
        },
      },
      store: {
        list: async () => ({ items: [], revision: 1 }),
        async *watch({ signal }) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      },
      instance: 'test',
      clock: {
        wallMs: Date.now,
        monotonicMs: () => performance.now(),
        after(delayMs, task) {
          const timer = setTimeout(task, Math.min(delayMs, 300));
          return () => clearTimeout(timer);
        },
      },
      random: Math.random,
      log: { info: () => undefined, warn: () => undefined },
    });
    source.start();
    return { source, last: () => passes.at(-1) };
  };

  it('while a definition is missing nothing is pruned, and once it is installed all is well', async () => {
    const definition = { resource: CRDS, name: 'callerroutings.portolan.dev' };
    await admin.delete(definition);
    await until('the definition is gone', async () => (await admin.get(definition)) === undefined, SLOW_MS);
    const { source, last } = await alone(TOKEN);
    try {
      await until('a pass', async () => last()?.objects.has('HealthCheck shop/edit') === true, SLOW_MS);
      expect(last()?.complete).toBe(false);
      expect(last()?.keep?.('CallerRouting shop/any')).toBe(true);
      expect(last()?.keep?.('HealthCheck shop/any')).toBe(false);
      expect(source.status.ready).toBe(false);
      expect(source.status.problems).toContainEqual({
        origin: 'callerroutings.portolan.dev',
        message: containing('no such resource'),
        fix: 'kubectl apply --server-side -k deploy/crds',
      });
      await applyCrds(admin, CRD_FOLDER);
      await until('it is complete', async () => last()?.complete === true, SLOW_MS);
      await until('it says so', async () => source.status.problems.length === 0, SLOW_MS);
    } finally {
      await source.close();
    }
  });

  it('what it may not do is said and left out; the rest goes on', async () => {
    const poor = HUB_RULES.map((rule) => ({
      ...rule,
      resources: rule.resources.filter((plural) => plural !== 'zones' && plural !== 'zones/status'),
    })).filter(({ resources, apiGroups }) => resources.length > 0 && apiGroups[0] !== 'events.k8s.io');
    await grant(
      admin,
      { user: 'poor', namespace: 'portolan' },
      poor.map((rule) => ({
        ...rule,
        // Its finalizer, neither.
        verbs: rule.resources.includes('healthchecks')
          ? rule.verbs.filter((verb) => verb !== 'patch')
          : rule.verbs,
      })),
    );
    await put(check('unheld', 7));
    await until(
      'the hub holds it',
      async () => (await read('HealthCheck', 'unheld'))?.metadata.finalizers?.length === 1,
      SLOW_MS,
    );
    await hub?.stop();
    await admin.merge(refOf('HealthCheck', 'unheld'), { metadata: { finalizers: null } });
    const { source, last } = await alone(POOR);
    try {
      await until(
        'a pass with it',
        async () => last()?.objects.has('HealthCheck shop/unheld') === true,
        SLOW_MS,
      );
      expect(last()?.complete).toBe(true);
      expect(last()?.keep?.('Zone shop/bad')).toBe(true);
      const { problems, ready } = source.status;
      expect(ready).toBe(false);
      expect(problems).toContainEqual({
        origin: 'zones.portolan.dev',
        message: containing('resources: ["zones"]'),
      });
      expect(problems).toContainEqual({
        origin: 'patch healthchecks.portolan.dev',
        message: containing('patch healthchecks.portolan.dev shop/unheld: 403'),
        fix: containing('verbs: ["patch"]'),
      });
      // So is the right to write Events, once something is to be told; what waits is written when the right is there.
      await admin.apply(
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'poor', namespace: 'portolan', labels: { 'portolan.dev/sync': 'true' } },
          data: { token: Buffer.from([255]).toString('base64') },
        },
        SECRETS,
        APPLY,
      );
      const aboutEvents = () => source.status.problems.filter(({ origin }) => origin === 'Events');
      await until('it is said', async () => aboutEvents().length === 1, SLOW_MS);
      expect(aboutEvents()[0]?.fix).toContain('resources: ["events"], verbs: ["create"]');
      expect(await events('poor')).toEqual([]);
      await grant(admin, { user: 'poor', namespace: 'portolan' }, HUB_RULES);
      await until('the Event', async () => (await events('poor')).includes('Warning Invalid'), SLOW_MS);
      await until('no right is missing', async () => aboutEvents().length === 0, SLOW_MS);
    } finally {
      await source.close();
    }
  });

  it('I33 Secrets that are named are read by their names alone, with a right to no other', async () => {
    const byName = HUB_RULES.map((rule) =>
      rule.resources.includes('secrets') ? { ...rule, resourceNames: ['named', 'later'] } : rule,
    );
    await grant(admin, { user: 'poor', namespace: 'portolan' }, byName);
    const secret = (name: string, value: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'portolan' },
      stringData: { token: value },
    });
    await admin.apply(secret('named', 'one'), SECRETS, APPLY);
    const names = ['portolan/named', 'portolan/later', 'portolan/not-granted'];
    const { source, last } = await alone(POOR, ['portolan'], { names });
    const secrets = () => [...(last()?.objects.keys() ?? [])].filter((id) => id.startsWith('Secret '));
    const tokenOf = (name: string) => {
      const input = last()?.objects.get(`Secret portolan/${name}`)?.input;
      return input?.kind === 'Secret' ? input.spec.stringData?.token : undefined;
    };
    try {
      await until('the Secret', async () => tokenOf('named') === 'one', SLOW_MS);
      expect(secrets()).toEqual(['Secret portolan/named']);
      await admin.apply(secret('named', 'two'), SECRETS, APPLY);
      await admin.apply(secret('later', 'three'), SECRETS, APPLY);
      await until(
        'the changes',
        async () => tokenOf('named') === 'two' && tokenOf('later') === 'three',
        SLOW_MS,
      );
      await admin.delete({ resource: SECRETS, namespace: 'portolan', name: 'later' });
      await until('it is gone', async () => !secrets().includes('Secret portolan/later'), SLOW_MS);
      // What is known to be gone may go from the hub; what is not seen stays.
      expect(last()?.keep?.('Secret portolan/later')).toBe(false);
      expect(last()?.keep?.('Secret portolan/not-granted')).toBe(true);
      expect(last()?.keep?.('Secret portolan/dns')).toBe(true);
      expect(source.status.problems).toContainEqual({
        origin: 'secrets portolan/not-granted',
        message: containing('403'),
      });
    } finally {
      await source.close();
    }
  });

  it('of namespaces that it does not follow nothing is wanted, and nothing is removed', async () => {
    const { source, last } = await alone(TOKEN, ['portolan', 'default']);
    try {
      await until('a pass', async () => last()?.objects.has('Cluster default/paris') === true, SLOW_MS);
      expect([...(last()?.objects.keys() ?? [])].filter((id) => id.includes(' shop/'))).toEqual([]);
      expect(last()?.keep?.('HealthCheck shop/edit')).toBe(true);
    } finally {
      await source.close();
    }
  });

  it.skipIf(!postgresql.available)(
    'I2 I7 of two hubs only the one that leads writes; the other goes on where that one was killed, and what was held is held by the same id',
    async () => {
      const [database] = await Promise.all([
        startPostgres(),
        hub?.stop(),
        grant(admin, { user: 'poor', namespace: 'portolan' }, HUB_RULES),
      ]);
      try {
        await using fleet = await startFleet(database, { leaseSeconds: 10 });
        const envOf = async (user: string) => ({
          PORTOLAN_SOURCE_KUBERNETES: 'true',
          PORTOLAN_SOURCE_KUBERNETES_NAMESPACES: 'pair',
          KUBECONFIG: await server.kubeconfig(user, 'portolan'),
        });
        const sites = ['berlin', 'madrid', 'oslo'];
        const names = [...sites, 'app', 'goes'];
        for (const [index, name] of sites.entries())
          await put({
            apiVersion: 'portolan.dev/v1alpha1',
            kind: 'Cluster',
            metadata: { name, namespace: 'pair' },
            spec: { location: { country: 'DE' }, addresses: [`198.51.100.${index + 1}`] },
          });
        const app = (clusters: readonly string[]): KubeObject => {
          const object = policy('app', clusters);
          return { ...object, metadata: { name: 'app', namespace: 'pair' } };
        };
        await put(app(sites));
        await put(check('goes', 1, {}, 'pair'));
        const auditFrom = (await readFile(server.auditLog, 'utf8')).length;
        const one = await fleet.start('one', { env: await envOf(TOKEN) });
        /** To which objects a hub wrote something, or an Event about them. */
        const writtenBy = async (user: string): Promise<readonly string[]> =>
          (await readFile(server.auditLog, 'utf8'))
            .slice(auditFrom)
            .split('\n')
            .filter(
              (line) => line.includes(`"username":"${user}"`) && line.includes('"stage":"ResponseComplete"'),
            )
            .flatMap(
              (line) => /"verb":"(?:create|update|patch|delete)".*?"name":"([^".]+)/.exec(line)?.[1] ?? [],
            );
        await condition('TrafficPolicy', 'app', 'Accepted', 'True', 'Applied', 'pair');
        await put(app(['oslo']));
        const { found } = await condition('TrafficPolicy', 'app', 'Accepted', 'False', 'GuardHeld', 'pair');
        const id = /portolan source approve ([0-9a-f]{12}) --reason/.exec(found.message)?.[1] ?? '';
        const versions = async () => {
          const all = [
            read('TrafficPolicy', 'app', 'pair'),
            ...sites.map((name) => read('Cluster', name, 'pair')),
          ];
          return (await Promise.all(all)).map((object) => object?.metadata.resourceVersion);
        };
        // The other one starts while that one writes what is still to be written.
        const [two, before] = await Promise.all([
          fleet.start('two', { env: await envOf(POOR) }),
          restingValue(versions),
        ]);
        const at = (...argv: readonly string[]) =>
          runCli(argv, { folder, env: { PORTOLAN_SERVER: two.api, PORTOLAN_TOKEN: fleet.token } });
        expect([await leads(fleet, one), await leads(fleet, two)]).toEqual([true, false]);
        expect(await writtenBy('poor')).toEqual([]);
        expect(new Set(await writtenBy('hub'))).toEqual(new Set(names));

        one.process.kill('SIGKILL');
        await until('the other leads', () => leads(fleet, two).catch(() => false), 2 * SLOW_MS);
        // Its finalizer is the next one's to take; once that has acted on this, it has looked at all.
        await admin.delete(refOf('HealthCheck', 'goes', 'pair'));
        await gone('HealthCheck', 'goes', 'pair');
        expect((await at('source', 'held')).out).toContain(id);
        expect(await versions()).toEqual(before);
        expect([...new Set(await writtenBy('poor'))]).toEqual(['goes']);
        expect((await at('source', 'approve', id, '--reason', 'they may go')).code).toBe(0);
        await condition('TrafficPolicy', 'app', 'Accepted', 'True', 'Applied', 'pair');
        expect((await read('TrafficPolicy', 'app', 'pair'))?.metadata.finalizers).toEqual([FINALIZER]);
      } finally {
        await database.stop();
      }
    },
    // Two programs start, and a lease has to run out: on a busy machine that takes minutes.
    480_000,
  );
});
