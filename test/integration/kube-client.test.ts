import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type {
  KubeClient,
  KubeObject,
  KubeResource,
  LeaseElection,
  Reflector,
  ReflectorOptions,
} from '../../kube/contract.ts';
import { createKubeEvents, EVENTS } from '../../kube/events.ts';
import { createLeaseElection, LEASES } from '../../kube/lease.ts';
import { createReflector } from '../../kube/reflector.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { type CuttableRelay, startCuttableRelay } from '../support/cuttable-relay.ts';
import { applyCrds, CRDS, requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { pathOf } from '../support/servers.ts';
import { until } from '../support/until.ts';

const SUITE = 'the client of the Kubernetes API';
const found = await requireKubeApiserver(SUITE);
const gatewayApi = await requireGatewayApiCrds(SUITE);
const NOBODY = 'token-of-nobody';

const core = (plural: string, kind: string, namespaced = true): KubeResource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
});
const CONFIG_MAPS = core('configmaps', 'ConfigMap');
const NAMESPACES = core('namespaces', 'Namespace', false);
const ROUTES: KubeResource = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'httproutes',
  kind: 'HTTPRoute',
  namespaced: true,
};

const after = (delayMs: number, task: () => void) => {
  const timer = setTimeout(task, delayMs);
  return () => clearTimeout(timer);
};
const clock = { monotonicMs: () => performance.now(), now: () => new Date(), after, random: Math.random };

async function failure(work: Promise<unknown>): Promise<PortolanError> {
  const thrown: unknown = await work.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );
  if (!(thrown instanceof PortolanError)) throw thrown;
  return thrown;
}

describe.skipIf(!found.available)(SUITE, () => {
  let cluster: KubeApiserver;
  let client: KubeClient;
  const closing: (() => Promise<void>)[] = [];

  const clientOf = async (token: string, server?: string): Promise<KubeClient> => {
    const access = await openKubeAccess({ file: await cluster.kubeconfig(token) });
    return createKubeClient(server === undefined ? access : { ...access, server });
  };
  const namespace = async (name: string) => {
    await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, NAMESPACES);
    return name;
  };
  const put = (where: string, name: string, value: string) =>
    client.apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: where, name }, data: { value } },
      CONFIG_MAPS,
      { fieldManager: 'test', force: true },
    );
  const storedValue = ({ data }: KubeObject): string => z.object({ value: z.string() }).parse(data).value;
  const follow = (
    of: KubeClient,
    where: string,
    options: Partial<ReflectorOptions<string>> = {},
  ): { readonly reflector: Reflector<string>; readonly told: Record<string, string | undefined>[] } => {
    const told: Record<string, string | undefined>[] = [];
    const reflector = createReflector<string>({
      client: of,
      resource: CONFIG_MAPS,
      namespace: where,
      project: (object, before) => (storedValue(object) === before ? before : storedValue(object)),
      onChange: (changed) => told.push(Object.fromEntries(changed)),
      ...clock,
      ...options,
    });
    closing.push(() => reflector.close());
    reflector.start();
    return { reflector, told };
  };
  const throughRelay = async (): Promise<{ readonly relay: CuttableRelay; readonly relayed: KubeClient }> => {
    const relay = await startCuttableRelay(cluster.server.port);
    closing.push(async () => {
      await relay[Symbol.asyncDispose]();
    });
    return { relay, relayed: await clientOf(cluster.adminToken, `https://127.0.0.1:${relay.port}`) };
  };

  beforeAll(async () => {
    cluster = await startKubeApiserver(pathOf(found), { [NOBODY]: { user: 'nobody' } });
    client = await clientOf(cluster.adminToken);
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  it('lists more than one page, all of one version', async () => {
    const where = await namespace('many');
    const wanted = Array.from({ length: 510 }, (_, n) => `n${n}`);
    await Promise.all(
      wanted.map((name) =>
        client.create(
          { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: where, name } },
          CONFIG_MAPS,
        ),
      ),
    );
    const pages: KubeObject[][] = [];
    const versions = new Set<string>();
    for await (const page of client.list(CONFIG_MAPS, { namespace: where })) {
      pages.push([...page.items]);
      versions.add(page.resourceVersion);
    }
    expect(pages.map(({ length }) => length)).toEqual([500, 10]);
    expect(versions.size).toBe(1);
    const names = pages.flat().map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names.sort()).toEqual(wanted.map((name) => `ConfigMap ${name}`).sort());
  });

  it('watches on where it was when its connection is dropped, without a list', async () => {
    const where = await namespace('dropped');
    await put(where, 'a', '1');
    const { relay, relayed } = await throughRelay();
    const { reflector, told } = follow(relayed, where);
    await expect.poll(() => reflector.state.watches).toBe(1);
    await put(where, 'a', '2');
    await expect.poll(() => told).toEqual([{ 'dropped/a': '1' }, { 'dropped/a': '2' }]);
    relay.cut();
    await put(where, 'b', '1');
    await client.delete({ resource: CONFIG_MAPS, namespace: where, name: 'a' });
    relay.heal();
    await expect.poll(() => reflector.state.watches).toBe(2);
    await expect.poll(() => Object.fromEntries(reflector.items)).toEqual({ 'dropped/b': '1' });
    expect(reflector.state.lists).toBe(1);
    expect(reflector.state.problem).toBeUndefined();
  });

  it('lists anew when the server has forgotten its version, and tells only the difference', async () => {
    const where = await namespace('forgotten');
    for (const name of ['same', 'changed', 'gone']) await put(where, name, '1');
    const { relay, relayed } = await throughRelay();
    const { reflector, told } = follow(relayed, where);
    await expect.poll(() => reflector.state.watches).toBe(1);
    expect(told).toHaveLength(1);
    relay.cut();
    await put(where, 'changed', '2');
    await put(where, 'new', '1');
    await client.delete({ resource: CONFIG_MAPS, namespace: where, name: 'gone' });
    await compact(cluster);
    // Its watch cache begins anew after the versions that were missed, and etcd has them no more.
    await cluster.restart();
    const stale = reflector.state.resourceVersion ?? '';
    const signal = new AbortController().signal;
    const expired = client.watch(CONFIG_MAPS, { namespace: where, resourceVersion: stale, signal });
    expect((await failure(expired[Symbol.asyncIterator]().next())).code).toBe('KUBERNETES_GONE');
    relay.heal();
    await expect.poll(() => reflector.state.lists).toBe(2);
    expect(told.slice(1)).toEqual([
      { 'forgotten/changed': '2', 'forgotten/new': '1', 'forgotten/gone': undefined },
    ]);
    expect(reflector.items.size).toBe(3);
    await put(where, 'new', '2');
    await expect.poll(() => told.at(-1)).toEqual({ 'forgotten/new': '2' });
  });

  it('says which verb on which resource is forbidden, and follows once it is granted', async () => {
    const where = await namespace('closed');
    await put(where, 'a', '1');
    const nobody = await clientOf(NOBODY);
    const error = await failure(nobody.get({ resource: CONFIG_MAPS, namespace: where, name: 'a' }));
    expect(error.code).toBe('KUBERNETES_FORBIDDEN');
    expect(error.message).toMatch(/^get configmaps closed\/a: 403 .*nobody/);
    expect(error.fix).toBe(
      'Grant apiGroups: [""], resources: ["configmaps"], verbs: ["get"] in a Role of closed or a ClusterRole.',
    );
    const { reflector } = follow(nobody, where);
    await expect.poll(() => reflector.state.problem?.kind).toBe('forbidden');
    expect(reflector.state.problem?.message).toContain('list configmaps in closed');
    const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: true };
    const metadata = { namespace: where, name: 'reader' };
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    await client.create(
      {
        apiVersion,
        kind: 'Role',
        metadata,
        rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }],
      },
      { ...rbac, plural: 'roles', kind: 'Role' },
    );
    await client.create(
      {
        apiVersion,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'nobody' }],
      },
      { ...rbac, plural: 'rolebindings', kind: 'RoleBinding' },
    );
    await expect.poll(() => Object.fromEntries(reflector.items)).toEqual({ 'closed/a': '1' });
    expect(reflector.state.problem).toBeUndefined();
  });

  it('finds a resource that is installed later', async () => {
    const where = await namespace('later');
    const widgets: KubeResource = {
      group: 'test.portolan.dev',
      version: 'v1',
      plural: 'widgets',
      kind: 'Widget',
      namespaced: true,
    };
    expect(await client.serves(widgets)).toBe(false);
    const { reflector, told } = follow(client, where, {
      resource: widgets,
      project: ({ metadata }) => metadata.name,
      // A minute is a tenth of a second here.
      after: (delayMs, task) => after(delayMs / 600, task),
    });
    await expect.poll(() => reflector.state.problem?.kind).toBe('absent');
    expect(reflector.state.synced).toBe(false);
    await client.apply(
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'widgets.test.portolan.dev' },
        spec: {
          group: widgets.group,
          scope: 'Namespaced',
          names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
          versions: [
            { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
          ],
        },
      },
      CRDS,
      { fieldManager: 'test' },
    );
    await expect.poll(() => reflector.state.synced).toBe(true);
    expect(reflector.state.problem).toBeUndefined();
    await until(
      'a widget is stored',
      () =>
        client.create(
          { apiVersion: 'test.portolan.dev/v1', kind: 'Widget', metadata: { namespace: where, name: 'w' } },
          widgets,
        ),
      10_000,
    );
    await expect.poll(() => told.at(-1)).toEqual({ 'later/w': 'w' });
  });

  it('applies only its own fields: a conflict names the other manager, and force takes over', async () => {
    const where = await namespace('applied');
    const object = (data: Record<string, string>): KubeObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: where, name: 'a' },
      data,
    });
    await client.apply(object({ x: '1', y: '1' }), CONFIG_MAPS, { fieldManager: 'first' });
    const error = await failure(
      client.apply(object({ x: 'canary' }), CONFIG_MAPS, { fieldManager: 'second' }),
    );
    expect(error.code).toBe('KUBERNETES_CONFLICT');
    expect(error.message).toContain('"first"');
    expect(error.message).not.toContain('canary');
    const dry = await client.apply(object({ x: '2' }), CONFIG_MAPS, {
      fieldManager: 'second',
      force: true,
      dryRun: true,
    });
    expect(dry.data).toEqual({ x: '2', y: '1' });
    const ref = { resource: CONFIG_MAPS, namespace: where, name: 'a' };
    expect((await client.get(ref))?.data).toEqual({ x: '1', y: '1' });
    await client.apply(object({ x: '2' }), CONFIG_MAPS, { fieldManager: 'second', force: true });
    const stored = await client.get(ref);
    expect(stored?.data).toEqual({ x: '2', y: '1' });
    if (stored === undefined) throw new Error('it is stored');
    const stale = { ...stored, metadata: { ...stored.metadata, resourceVersion: '1' } };
    expect((await failure(client.replace(stale, CONFIG_MAPS))).code).toBe('KUBERNETES_CONFLICT');
    expect((await failure(client.create(object({}), CONFIG_MAPS))).code).toBe('KUBERNETES_CONFLICT');
    await client.merge(ref, { metadata: { annotations: { note: 'x' }, finalizers: ['portolan.dev/test'] } });
    await client.delete(ref);
    const ending = await client.get(ref);
    expect(ending?.metadata.deletionTimestamp).toBeDefined();
    await client.merge(ref, { metadata: { finalizers: null } });
    expect(await client.get(ref)).toBeUndefined();
    await client.delete(ref);
  });

  it('takes a pod’s credentials from the files of its service account, and reads a token anew when it is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'portolan-account-'));
    closing.push(() => rm(folder, { recursive: true, force: true }));
    const where = await namespace('pods');
    await client.create(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: where, name: 'agent' } },
      core('serviceaccounts', 'ServiceAccount'),
    );
    const issued = await client.create(
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { namespace: where, name: 'agent' },
        spec: { expirationSeconds: 600 },
      },
      core('serviceaccounts/agent/token', 'TokenRequest'),
    );
    const { token } = z.object({ token: z.string() }).parse(issued.status);
    await writeFile(join(folder, 'ca.crt'), await readFile(cluster.caFile));
    await writeFile(join(folder, 'namespace'), where);
    await writeFile(join(folder, 'token'), 'one that has ended\n');
    const access = await openKubeAccess({
      environment: {
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: String(cluster.server.port),
      },
      serviceAccountFolder: folder,
    });
    expect(access.namespace).toBe(where);
    const pod = createKubeClient(access);
    const ref = { resource: CONFIG_MAPS, name: 'a' };
    expect((await failure(pod.get(ref))).fix).toContain('renew its credentials');
    await writeFile(join(folder, 'token'), token);
    const known = await failure(pod.get(ref));
    expect(known.message).toContain('403');
    expect(known.message).toContain('system:serviceaccount:pods:agent');
  });

  it.skipIf(!gatewayApi.available)(
    'installs Gateway API, and is refused a field that it does not have',
    async () => {
      expect(await applyCrds(client, pathOf(gatewayApi))).toContain('httproutes.gateway.networking.k8s.io');
      const where = await namespace('routes');
      const route = (spec: object): KubeObject => ({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { namespace: where, name: 'web' },
        spec,
      });
      const error = await failure(client.create(route({ hostname: ['a.example'] }), ROUTES));
      expect(error.code).toBe('KUBERNETES_REFUSED');
      expect(error.message).toContain('spec.hostname');
      const made = await client.create(route({ hostnames: ['a.example'] }), ROUTES);
      const condition = {
        type: 'Accepted',
        status: 'True',
        reason: 'Accepted',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      };
      const parents = [
        { parentRef: { name: 'gw' }, controllerName: 'portolan.dev/gateway', conditions: [condition] },
      ];
      const written = await client.replace({ ...made, status: { parents } }, ROUTES, 'status');
      expect(written.metadata.generation).toBe(made.metadata.generation);
      expect(z.object({ parents: z.array(z.unknown()) }).parse(written.status).parents).toHaveLength(1);
    },
  );

  it('has one leader at most: handed over at once by one that closes, and within the lease by one that is cut off', async () => {
    const where = await namespace('elected');
    const electors: LeaseElection[] = [];
    const both: string[] = [];
    const elect = (of: KubeClient, identity: string, name = 'hub', leaseSeconds = 4): LeaseElection => {
      const election = createLeaseElection({
        client: of,
        namespace: where,
        name,
        identity,
        leaseSeconds,
        renewDeadlineSeconds: leaseSeconds - 1.5,
        retrySeconds: 0.2,
        onChange: () => {
          if (electors.filter(({ leads }) => leads).length > 1) both.push(identity);
        },
        ...clock,
      });
      electors.push(election);
      closing.push(() => election.close());
      election.start();
      return election;
    };
    const watching = setInterval(() => {
      if (electors.filter(({ leads }) => leads).length > 1) both.push('at any time');
    }, 1);
    closing.push(async () => clearInterval(watching));

    const first = elect(client, 'first', 'released', 60);
    await expect.poll(() => first.leads).toBe(true);
    const next = elect(client, 'next', 'released', 60);
    await expect.poll(() => next.holder).toBe('first');
    const closedMs = performance.now();
    await first.close();
    expect(first.leads).toBe(false);
    await expect.poll(() => next.leads, { interval: 10 }).toBe(true);
    // Long before the end of the Lease.
    expect(performance.now() - closedMs).toBeLessThan(30_000);
    await next.close();

    const { relay, relayed } = await throughRelay();
    const second = elect(relayed, 'second');
    await expect.poll(() => second.leads).toBe(true);
    const third = elect(client, 'third');
    await expect.poll(() => third.holder).toBe('second');
    relay.cut();
    const cutMs = performance.now();
    await expect.poll(() => third.leads, { interval: 10 }).toBe(true);
    expect(performance.now() - cutMs).toBeGreaterThan(2_500);
    expect(performance.now() - cutMs).toBeLessThan(16_000);
    expect(second.leads).toBe(false);
    relay.heal();
    await expect.poll(() => second.holder).toBe('third');
    const lease = await client.get({ resource: LEASES, namespace: where, name: 'hub' });
    expect(lease?.spec).toMatchObject({
      holderIdentity: 'third',
      leaseDurationSeconds: 4,
      leaseTransitions: 1,
    });
    expect(both).toEqual([]);
  });

  it('writes one Event for each object and reason, and counts the same again', async () => {
    const where = await namespace('told');
    const regarding = await put(where, 'a', '1');
    const later: (() => void)[] = [];
    const events = createKubeEvents({
      client,
      controller: 'portolan.dev/test',
      instance: 'test-0',
      ...clock,
      after: (_delayMs, task) => {
        later.push(task);
        return () => undefined;
      },
    });
    closing.push(() => events.close());
    const event = {
      regarding,
      type: 'Warning',
      reason: 'GuardHeld',
      action: 'Apply',
      note: 'held: 12 records would go',
    } as const;
    for (let n = 0; n < 5; n += 1) events.emit(event);
    events.emit({ ...event, type: 'Normal', reason: 'Applied', note: 'applied' });
    const stored = async () => {
      const all: KubeObject[] = [];
      for await (const { items } of client.list(EVENTS, { namespace: where })) all.push(...items);
      return all;
    };
    await until('both are stored', async () => (await stored()).length === 2, 10_000);
    for (const flush of later.splice(0)) flush();
    const { value } = await until(
      'the series is counted',
      async () => (await stored()).find(({ series }) => series !== undefined),
      10_000,
    );
    expect(value).toMatchObject({
      reason: 'GuardHeld',
      type: 'Warning',
      action: 'Apply',
      note: 'held: 12 records would go',
      reportingController: 'portolan.dev/test',
      regarding: { kind: 'ConfigMap', name: 'a', namespace: where },
      series: { count: 5 },
    });
    expect(events.dropped).toBe(0);
  });
});

/** Has etcd forget all versions before the newest, by its HTTP gateway. */
async function compact({ etcd }: KubeApiserver): Promise<void> {
  const ask = async (path: string, body: object) => {
    const answer = await fetch(`http://127.0.0.1:${etcd.port}/v3/kv/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`etcd: ${answer.status} ${await answer.text()}`);
    return z.object({ header: z.object({ revision: z.string() }) }).parse(await answer.json()).header
      .revision;
  };
  const key = Buffer.from('a').toString('base64');
  await ask('compaction', { revision: await ask('range', { key }), physical: true });
}
