import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient, KubeObject, KubeResource } from '../../kube/contract.ts';
import { systemClock } from '../../spoke-agent/clock.ts';
import { type ClusterAgent, startClusterAgent } from '../../spoke-agent/kubernetes/cluster-agent.ts';
import {
  ENDPOINT_SLICES,
  GATEWAY_CLASSES,
  GATEWAYS,
  HTTP_ROUTES,
  NAMESPACES,
  NODES,
  SECRETS,
  SERVICES,
} from '../../spoke-agent/kubernetes/resources.ts';
import { AGENT_RULES, secretRule } from '../../spoke-agent/kubernetes/rules.ts';
import { newDigestKey, readClusterSecrets } from '../../spoke-agent/kubernetes/secret-file.ts';
import { SUPPORTED_FEATURES } from '../../spoke-agent/kubernetes/supported-features.ts';
import type { InventoryContent, InventoryFacts } from '../../src/inventory/contract.ts';
import type { Slice } from '../../src/kubernetes/endpoint-slices.ts';
import { type Inventory, InventoryStatusesSchema } from '../../src/protocol/generated/portolan_pb.js';
import { startAdmissionWebhook, WEBHOOK_CONFIGURATIONS } from '../support/admission-webhook.ts';
import { testAuthority } from '../support/certificates.ts';
import { applyCrds, requireGatewayApiCrds } from '../support/gateway-api-crds.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { grant } from '../support/kube-grants.ts';
import { containing, matching } from '../support/matchers.ts';
import { pathOf } from '../support/servers.ts';
import { until } from '../support/until.ts';

const SUITE = "the agent's part in a Kubernetes cluster";
const program = await requireKubeApiserver(SUITE);
const gatewayApi = await requireGatewayApiCrds(SUITE);
const available = program.available && gatewayApi.available;

const TOKENS = { agent: 'token-of-agent', other: 'token-of-other', poor: 'token-of-poor' };
const CONTROLLER = 'portolan.dev/gateway-controller';
const APPLY = { fieldManager: 'portolan-tests', force: true };
const SLOW_MS = 20_000;

function gatewayObject(changes: object = {}): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'web', namespace: 'infra' },
    spec: {
      gatewayClassName: 'ours',
      listeners: [
        { name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } },
        {
          name: 'https',
          port: 443,
          protocol: 'HTTPS',
          tls: { certificateRefs: [{ name: 'cert' }] },
        },
      ],
      ...changes,
    },
  };
}

function routeObject(name: string, parents: readonly object[], namespace = 'shop'): KubeObject {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace },
    spec: { parentRefs: parents, rules: [{ backendRefs: [{ name: 'cart', port: 80 }] }] },
  };
}

const WEB = { name: 'web', namespace: 'infra' };

/** A hub that takes what it is told, as the protocol says. */
function standInHub() {
  let sequence = 0n;
  const state = {
    complete: false,
    messages: 0,
    objects: new Map<string, InventoryContent>(),
    facts: undefined as InventoryFacts | undefined,
    wholeSets: 0,
    blocked: false,
    send(message: Inventory): boolean {
      if (state.blocked) return false;
      if (message.sequence === 1n) {
        state.objects.clear();
        state.complete = false;
        state.wholeSets += 1;
        sequence = 0n;
      }
      if (message.sequence !== sequence + 1n) throw new Error(`gap: ${message.sequence} after ${sequence}`);
      sequence = message.sequence;
      state.messages += 1;
      for (const { kind, namespace, name, content } of message.changed)
        state.objects.set(`${kind} ${namespace}/${name}`, JSON.parse(content) as InventoryContent);
      for (const key of message.removed)
        if (!state.objects.delete(key)) throw new Error(`${key} is not known`);
      if (message.facts !== undefined) state.facts = JSON.parse(message.facts) as InventoryFacts;
      state.complete = message.complete;
      return true;
    },
    of: (kind: string) => [...state.objects.keys()].filter((key) => key.startsWith(`${kind} `)).sort(),
  };
  return state;
}

describe.skipIf(!available)(SUITE, () => {
  let server: KubeApiserver;
  let admin: KubeClient;
  let dataDir: string;
  const agents: ClusterAgent[] = [];

  const clientOf = async (token: string, namespace = 'portolan'): Promise<KubeClient> =>
    createKubeClient(await openKubeAccess({ file: await server.kubeconfig(token, namespace) }));

  const startAgent = async (
    token: string,
    session: string,
    changes: object = {},
    waits = (delayMs: number) => delayMs,
    namespace = 'portolan',
  ) => {
    const hub = standInHub();
    const slices = new Map<string, Slice | undefined>();
    const seen = { slices, synced: 0, zone: undefined as string | undefined, secretsWritten: 0 };
    const lines: string[] = [];
    const note = (details: object, text: string) => void lines.push(`${text} ${JSON.stringify(details)}`);
    const agent = startClusterAgent({
      client: await clientOf(token, namespace),
      settings: { nodeAddresses: false, ...changes },
      dataDir,
      secretFile: (await readClusterSecrets(dataDir)) ?? { digestKey: newDigestKey(), secrets: {} },
      session,
      nodeName: 'node-1',
      feed: {
        services: () => undefined,
        slices(changed) {
          for (const [key, slice] of changed) slices.set(key, slice);
        },
        synced() {
          seen.synced += 1;
        },
        zone(zone) {
          seen.zone = zone;
        },
      },
      send: (message) => hub.send(message),
      onSecrets() {
        seen.secretsWritten += 1;
      },
      clock: { ...systemClock, after: (delayMs, task) => systemClock.after(waits(delayMs), task) },
      random: Math.random,
      log: { debug: note, info: note, warn: note, error: note },
    });
    agents.push(agent);
    agent.streamOpened();
    return { agent, hub, seen, lines };
  };

  const apply = (object: KubeObject, resource: KubeResource) => admin.apply(object, resource, APPLY);
  const statusOf = async (resource: KubeResource, namespace: string | undefined, name: string) =>
    (await admin.get({ resource, name, ...(namespace === undefined ? {} : { namespace }) }))?.status;
  const pair = async (name: string): Promise<{ 'tls.crt': string; 'tls.key': string }> => {
    const { certificatePem, keyPem } = await (await testAuthority()).issue({ dns: [name] });
    return {
      'tls.crt': Buffer.from(certificatePem).toString('base64'),
      'tls.key': Buffer.from(keyPem).toString('base64'),
    };
  };

  beforeAll(async () => {
    server = await startKubeApiserver(pathOf(program), {
      [TOKENS.agent]: { user: 'agent' },
      [TOKENS.other]: { user: 'other' },
      [TOKENS.poor]: { user: 'poor' },
    });
    admin = await clientOf(server.adminToken);
    dataDir = await mkdtemp(join(tmpdir(), 'portolan-agent-kube-'));
    await applyCrds(admin, pathOf(gatewayApi));
    for (const name of ['portolan', 'infra', 'shop', 'elsewhere'])
      await apply(
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { team: name } } },
        NAMESPACES,
      );
    await grant(
      admin,
      { user: 'other', namespace: 'elsewhere', name: 'other-elsewhere' },
      AGENT_RULES.filter(({ scope }) => scope === 'namespace'),
    );
    for (const user of ['agent', 'other']) {
      await grant(admin, { user, namespace: 'portolan' }, AGENT_RULES);
      await grant(admin, { user, namespace: 'infra', name: `${user}-secrets` }, [
        { ...secretRule(['cert']), scope: 'namespace' },
      ]);
    }
    await apply(
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'GatewayClass',
        metadata: { name: 'ours' },
        spec: { controllerName: CONTROLLER },
      },
      GATEWAY_CLASSES,
    );
    await apply(
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'GatewayClass',
        metadata: { name: 'theirs' },
        spec: { controllerName: 'example.com/other' },
      },
      GATEWAY_CLASSES,
    );
    await apply(gatewayObject(), GATEWAYS);
    await apply(
      {
        ...gatewayObject({ gatewayClassName: 'theirs' }),
        metadata: { name: 'foreign', namespace: 'infra' },
      },
      GATEWAYS,
    );
    await apply(routeObject('cart', [WEB]), HTTP_ROUTES);
    await apply(routeObject('both', [{ name: 'foreign', namespace: 'infra' }, WEB]), HTTP_ROUTES);
    await apply(routeObject('theirs', [{ name: 'foreign', namespace: 'infra' }]), HTTP_ROUTES);
    await apply(
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'cart', namespace: 'shop' },
        spec: { ports: [{ port: 80, name: 'http', appProtocol: 'kubernetes.io/h2c' }] },
      },
      SERVICES,
    );
    await apply(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'cert', namespace: 'infra' },
        type: 'kubernetes.io/tls',
        data: await pair('one.example.com'),
      },
      SECRETS,
    );
  });

  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.close()));
    await server?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('tells the hub what is ours, under no more than its rules', async () => {
    const { agent, hub, seen } = await startAgent(TOKENS.agent, 'first');
    await until('the inventory is complete', async () => hub.complete, SLOW_MS).catch((error: unknown) => {
      throw new Error(`${String(error)} ${JSON.stringify(agent.stats)}`);
    });
    expect(hub.of('Gateway')).toEqual(['Gateway infra/web']);
    expect(hub.of('HTTPRoute')).toEqual(['HTTPRoute shop/both', 'HTTPRoute shop/cart']);
    expect(hub.objects.get('HTTPRoute shop/both')?.spec).toMatchObject({ parentRefs: [WEB] });
    expect(hub.objects.get('Gateway infra/web')?.spec).toMatchObject({ gatewayClassName: 'portolan' });
    expect(hub.objects.get('Service shop/cart')?.spec).toEqual({
      type: 'ClusterIP',
      ports: [{ port: 80, name: 'http', appProtocol: 'kubernetes.io/h2c' }],
    });
    expect(hub.of('Secret')).toEqual(['Secret infra/cert']);
    expect(hub.objects.get('Namespace /shop')?.labels).toMatchObject({ team: 'shop' });
    expect(seen.synced).toBe(1);
    expect(agent.stats.problems).toEqual([]);
    await agent.close();
  });

  it('writes what the hub says into statuses, once, beside the entries of others', async () => {
    const { agent, hub, lines } = await startAgent(TOKENS.agent, 'writer');
    await until('the inventory is complete', async () => hub.complete, SLOW_MS);
    await until('it holds the Lease', async () => agent.stats.leads, SLOW_MS);
    const foreign = {
      parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'foreign', namespace: 'infra' },
      controllerName: 'example.com/other',
      conditions: [condition('Accepted', 1)],
    };
    const both = await admin.get({ resource: HTTP_ROUTES, namespace: 'shop', name: 'both' });
    if (both === undefined) throw new Error('the route is gone');
    await admin.replace({ ...both, status: { parents: [foreign] } }, HTTP_ROUTES, 'status');

    agent.statuses(saidOf('writer', hub.objects));
    await until(
      'the statuses stand there',
      async () => JSON.stringify(await statusOf(HTTP_ROUTES, 'shop', 'both')).includes(CONTROLLER),
      SLOW_MS,
    );
    expect(await statusOf(HTTP_ROUTES, 'shop', 'both')).toMatchObject({
      parents: [
        foreign,
        {
          parentRef: WEB,
          controllerName: CONTROLLER,
          conditions: [{ type: 'Accepted' }, { type: 'Programmed' }],
        },
      ],
    });
    await until(
      'the Gateway has its status',
      async () => JSON.stringify(await statusOf(GATEWAYS, 'infra', 'web')).includes('192.0.2.7'),
      SLOW_MS,
    );
    expect(await statusOf(GATEWAYS, 'infra', 'web')).toMatchObject({
      addresses: [{ type: 'IPAddress', value: '192.0.2.7' }],
      conditions: [
        { type: 'Accepted', status: 'True', observedGeneration: 1 },
        { type: 'Programmed', status: 'True', observedGeneration: 1 },
      ],
      listeners: [{ name: 'http', attachedRoutes: 2, supportedKinds: [{ kind: 'HTTPRoute' }] }],
    });
    await until(
      'the GatewayClass is accepted',
      async () =>
        JSON.stringify(await statusOf(GATEWAY_CLASSES, undefined, 'ours')).includes('SupportedVersion'),
      SLOW_MS,
    );
    expect(await statusOf(GATEWAY_CLASSES, undefined, 'ours')).toMatchObject({
      supportedFeatures: SUPPORTED_FEATURES.map((name) => ({ name })),
    });
    expect(JSON.stringify(await statusOf(GATEWAY_CLASSES, undefined, 'theirs'))).not.toContain(
      'SupportedVersion',
    );
    expect(lines.join('\n')).toContain('this agent writes the statuses');
    await until('nothing is under way', async () => agent.stats.statuses.waiting === 0, SLOW_MS);
    const versions = await versionsOf();

    // Another process with the same word of the hub: nothing changed, so that nothing is written.
    await agent.close();
    const again = await startAgent(TOKENS.agent, 'restarted');
    await until('the inventory is complete', async () => again.hub.complete, SLOW_MS);
    await until('it holds the Lease', async () => again.agent.stats.leads, SLOW_MS);
    again.agent.statuses(saidOf('restarted', again.hub.objects));
    await until('all were looked at', async () => again.agent.stats.statuses.waiting === 0, SLOW_MS);
    expect(again.agent.stats.statuses).toEqual({ written: 0, failed: 0, waiting: 0, failing: 0 });
    expect(await versionsOf()).toEqual(versions);

    // A second agent of the cluster follows it and writes nothing.
    const second = await startAgent(TOKENS.other, 'second');
    await until('the inventory is complete', async () => second.hub.complete, SLOW_MS);
    await until('it knows who writes', async () => second.agent.stats.holder?.includes('restarted'), SLOW_MS);
    second.agent.statuses(saidOf('second', second.hub.objects, '192.0.2.99'));
    await until('all were looked at', async () => second.agent.stats.statuses.waiting === 0, SLOW_MS);
    expect(second.agent.stats).toMatchObject({ leads: false, statuses: { written: 0 } });
    await second.agent.close();

    // An installation in another namespace has a Lease of its own, and leaves statuses to this one for as long as that holds its.
    const elsewhere = await startAgent(TOKENS.other, 'elsewhere', {}, undefined, 'elsewhere');
    await until('its own Lease is held', async () => elsewhere.agent.stats.leads, SLOW_MS);
    elsewhere.agent.statuses(saidOf('elsewhere', elsewhere.hub.objects, '192.0.2.98'));
    await until('all were looked at', async () => elsewhere.agent.stats.statuses.waiting === 0, SLOW_MS);
    expect(elsewhere.agent.stats.problems).toContainEqual({
      resource: 'gatewayclasses/status',
      message: containing('the agents of namespace portolan write the statuses of this cluster'),
    });
    expect(elsewhere.lines.filter((line) => line.includes('another installation')).length).toBe(1);
    expect(elsewhere.agent.stats.statuses.written).toBe(0);
    expect(await versionsOf()).toEqual(versions);
    await elsewhere.agent.close();

    // A route that leaves our Gateway keeps nothing of ours.
    await apply(routeObject('both', [{ name: 'foreign', namespace: 'infra' }]), HTTP_ROUTES);
    await until(
      'our entry is gone',
      async () => !JSON.stringify(await statusOf(HTTP_ROUTES, 'shop', 'both')).includes(CONTROLLER),
      SLOW_MS,
    );
    expect(await statusOf(HTTP_ROUTES, 'shop', 'both')).toMatchObject({ parents: [foreign] });
    expect(again.hub.of('HTTPRoute')).toEqual(['HTTPRoute shop/cart']);
    await again.agent.close();
  });

  it('keeps certificates of the cluster beside the snapshots, and takes a new one at once', async () => {
    const { agent, hub, seen } = await startAgent(TOKENS.agent, 'secrets');
    await until('the inventory is complete', async () => hub.complete, SLOW_MS);
    const before = await until(
      'the pair is on the disk',
      async () => (await readClusterSecrets(dataDir))?.secrets['infra/cert'],
      SLOW_MS,
    );
    expect(before.value['tls.key']).toContain('PRIVATE KEY');
    const told = hub.objects.get('Secret infra/cert');
    expect(told?.spec).toMatchObject({ type: 'kubernetes.io/tls', keys: ['tls.crt', 'tls.key'] });
    expect(JSON.stringify([...hub.objects.values()])).not.toContain('PRIVATE KEY');

    const next = await pair('two.example.com');
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cert', namespace: 'infra' } };
    await apply({ ...secret, type: 'kubernetes.io/tls', data: next }, SECRETS);
    await until(
      'the new pair is on the disk',
      async () =>
        (await readClusterSecrets(dataDir))?.secrets['infra/cert']?.['tls.crt'] ===
        Buffer.from(next['tls.crt'], 'base64').toString(),
      SLOW_MS,
    );
    await until('the data process is told', async () => seen.secretsWritten > 0, SLOW_MS);
    await until(
      'the hub knows that it is another',
      async () => JSON.stringify(hub.objects.get('Secret infra/cert')?.spec) !== JSON.stringify(told?.spec),
      SLOW_MS,
    );

    // What cannot be served is said, and the last pair that could be stays.
    const { 'tls.key': strange } = await pair('three.example.com');
    await apply({ ...secret, type: 'kubernetes.io/tls', data: { ...next, 'tls.key': strange } }, SECRETS);
    await until(
      'the hub hears of it',
      async () =>
        JSON.stringify(hub.objects.get('Secret infra/cert')?.spec).includes('no certificate with its key'),
      SLOW_MS,
    );
    expect(hub.objects.get('Secret infra/cert')?.spec).toMatchObject({ instead: 'earlier' });
    const kept = await readClusterSecrets(dataDir);
    expect(kept?.secrets['infra/cert']?.['tls.key']).toBe(Buffer.from(next['tls.key'], 'base64').toString());
    await agent.close();

    // After a restart it still knows which one fitted; and that there was none, when the Secret is made with a pair that does not fit.
    const again = await startAgent(TOKENS.agent, 'secrets again');
    const instead = async (): Promise<unknown> => {
      const spec = again.hub.objects.get('Secret infra/cert')?.spec;
      return z.object({ instead: z.string() }).safeParse(spec).data?.instead;
    };
    await until('the earlier pair is known', async () => (await instead()) === 'earlier', SLOW_MS);
    await admin.delete({ resource: SECRETS, namespace: 'infra', name: 'cert' });
    await until(
      'it is on no disk',
      async () => (await readClusterSecrets(dataDir))?.secrets['infra/cert'] === undefined,
      SLOW_MS,
    );
    await apply({ ...secret, type: 'kubernetes.io/tls', data: { ...next, 'tls.key': strange } }, SECRETS);
    await until('nothing ever fitted', async () => (await instead()) === 'nothing', SLOW_MS);
    await apply({ ...secret, type: 'kubernetes.io/tls', data: next }, SECRETS);
    await until(
      'it fits',
      async () => (await instead()) === undefined && again.hub.of('Secret').length === 1,
      SLOW_MS,
    );
    await again.agent.close();
  });

  it('finds addresses, zones and endpoints, and tells what changes', async () => {
    await apply(
      {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/zone': 'ams-1' } },
      },
      NODES,
    );
    const node = await admin.get({ resource: NODES, name: 'node-1' });
    if (node === undefined) throw new Error('there is no node');
    const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' };
    await admin.replace(
      { ...node, status: { conditions: [ready], allocatable: { cpu: '3920m', memory: '15Gi' } } },
      NODES,
      'status',
    );
    const edge = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'edge',
        namespace: 'infra',
        labels: { 'gateway.networking.k8s.io/gateway-name': 'web' },
      },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    };
    const { metadata } = await apply(edge, SERVICES);
    const { hub, seen, agent } = await startAgent(TOKENS.agent, 'facts');
    await until('the inventory is complete', async () => hub.complete, SLOW_MS);
    const current = await admin.get({ resource: SERVICES, namespace: 'infra', name: metadata.name });
    if (current === undefined) throw new Error('there is no Service');
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.80' }] } };
    await admin.replace({ ...current, status }, SERVICES, 'status');
    await until('the address is told', async () => (hub.facts?.addresses.length ?? 0) > 0, SLOW_MS);
    expect(hub.facts).toMatchObject({
      version: matching(/^v/),
      addresses: [{ type: 'IPAddress', value: '192.0.2.80', from: 'Service infra/edge' }],
      nodes: { ready: 1, all: 1, zones: { 'ams-1': 1 }, cpuMillis: 3920, memoryBytes: 15 * 2 ** 30 },
    });
    expect(seen.zone).toBe('ams-1');

    await apply(
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'cart-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'cart' } },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: 8080 }],
        endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }],
      },
      ENDPOINT_SLICES,
    );
    await until('the endpoint is told', async () => seen.slices.get('shop/cart-1') !== undefined, SLOW_MS);

    const { messages } = hub;
    hub.blocked = true;
    await apply(routeObject('slow', [WEB]), HTTP_ROUTES);
    await apply(routeObject('slow', [{ ...WEB, sectionName: 'http' }]), HTTP_ROUTES);
    await until('it is seen', async () => agent.stats.objects.httproutes === 4, SLOW_MS);
    hub.blocked = false;
    await until('the hub has it', async () => hub.of('HTTPRoute').includes('HTTPRoute shop/slow'), SLOW_MS);
    expect(hub.messages - messages).toBeLessThanOrEqual(2);
    await admin.delete({ resource: HTTP_ROUTES, namespace: 'shop', name: 'slow' });
    await until('it is gone', async () => !hub.of('HTTPRoute').includes('HTTPRoute shop/slow'), SLOW_MS);

    // A stream that ended: all of it again, and nothing that is no more.
    agent.streamEnded();
    agent.streamOpened();
    await until('the set is told anew', async () => hub.wholeSets === 2 && hub.complete, SLOW_MS);
    expect(hub.of('HTTPRoute')).toEqual(['HTTPRoute shop/cart']);
    await agent.close();
  });

  it('goes on without what it may not read, and names the rule that is missing', async () => {
    await grant(
      admin,
      { user: 'poor', namespace: 'portolan' },
      AGENT_RULES.filter(
        ({ resources }) => !resources.includes('nodes') && !resources.includes('gatewayclasses/status'),
      ),
    );
    const { agent, hub, lines } = await startAgent(TOKENS.poor, 'poor', {}, (ms) => Math.min(ms, 500));
    await until('the inventory is complete', async () => hub.complete, SLOW_MS);
    // It is there, and the pair of before is on the disk: that there is none would be wrong, and would close its listener.
    const told = () => JSON.stringify(hub.objects.get('Secret infra/cert')?.spec);
    expect(hub.objects.get('Secret infra/cert')?.spec).toMatchObject({
      problem: matching(
        /may not read it .*resources: \["secrets"\], verbs: \["list", "watch"\], resourceNames: \["cert"\]/,
      ),
      instead: 'earlier',
    });
    expect(hub.of('HTTPRoute')).toEqual(['HTTPRoute shop/cart']);
    await until(
      'the facts name what is missing',
      async () => (hub.facts?.problems.length ?? 0) >= 2,
      SLOW_MS,
    );
    const problems = JSON.stringify(hub.facts?.problems);
    expect(problems).toContain('nodes');
    expect(problems).toContain('secrets');
    expect(lines.join('\n')).toMatch(/cannot be read, the rest goes on: .*nodes/);
    expect(agent.stats.watches).toContainEqual({ resource: 'nodes', state: 'forbidden' });
    await grant(admin, { user: 'poor', namespace: 'infra', name: 'poor-secrets' }, [
      { ...secretRule(['cert']), scope: 'namespace' },
    ]);
    await until('it may be read', async () => told()?.includes('"problem"') === false, SLOW_MS);
    await agent.close();
  });

  it('says which webhook keeps statuses from being written, asks it seldom, and writes them when it may', async () => {
    const routes = Array.from({ length: 12 }, (_, i) => `guarded-${i}`);
    await Promise.all(routes.map((name) => apply(routeObject(name, [WEB]), HTTP_ROUTES)));
    const webhook = await startAdmissionWebhook(admin, 'guard.example.com', 'httproutes/status');
    webhook.mood = 'hang';
    // Waits between tries are a quarter of what they are.
    const { agent, hub, lines } = await startAgent(TOKENS.agent, 'guarded', {}, (delayMs) => delayMs / 4);
    const told = (text: string) =>
      until(
        `the hub is told: ${text}`,
        async () => hub.facts?.problems.find(({ message }) => message.includes(text)),
        SLOW_MS,
      );
    await until('the inventory is complete', async () => hub.complete, SLOW_MS);
    await until('it holds the Lease', async () => agent.stats.leads, SLOW_MS);
    await until('the webhook is asked', () => isGuarded(), SLOW_MS, 100);
    agent.statuses(saidOf('guarded', hub.objects));

    const silence = await told('failed calling webhook "guard.example.com"');
    expect(silence.value).toMatchObject({
      resource: 'httproutes/status',
      message: matching(/does not answer: bring its Service back.* \(\d+ objects wait\)$/),
    });
    const waiting = agent.stats.statuses.failing;
    expect(waiting).toBeGreaterThanOrEqual(routes.length);
    webhook.mood = 'deny';
    const denial = await told('admission webhook "guard.example.com" denied the request: nobody touches');
    expect(denial.value?.message).toContain('guard.example.com refuses it: let it pass');
    // Each cause once, and one object asked for all of them.
    expect(lines.filter((line) => line.includes('cannot be written')).length).toBe(2);
    expect(webhook.asked).toBeLessThan(8 + 12);
    expect(agent.stats.statuses.failing).toBe(waiting);
    // Other resources are not kept waiting.
    expect(await statusOf(GATEWAYS, 'infra', 'web')).toMatchObject({ listeners: [{ attachedRoutes: 2 }] });

    webhook.mood = 'allow';
    await until('all have their status', async () => agent.stats.statuses.failing === 0, 60_000);
    for (const name of routes)
      expect(JSON.stringify(await statusOf(HTTP_ROUTES, 'shop', name))).toContain(CONTROLLER);
    await until('it is no problem any more', async () => hub.facts?.problems.length === 0, SLOW_MS);
    expect(lines.join('\n')).toContain('statuses are written again');
    await admin.delete({ resource: WEBHOOK_CONFIGURATIONS, name: 'guard.example.com' });
    await Promise.all(routes.map((name) => admin.delete({ resource: HTTP_ROUTES, namespace: 'shop', name })));
    await until('the routes are gone', async () => hub.of('HTTPRoute').length === 1, SLOW_MS);
    await agent.close();
    await webhook[Symbol.asyncDispose]();

    /** The configuration of webhooks reaches the API server's own cache a moment later. */
    async function isGuarded(): Promise<boolean> {
      const cart = await admin.get({ resource: HTTP_ROUTES, namespace: 'shop', name: 'cart' });
      if (cart === undefined) throw new Error('the route is gone');
      return admin.replace(cart, HTTP_ROUTES, 'status').then(
        () => false,
        () => true,
      );
    }
  });

  it('keeps what it found while the API server is away, and follows it again afterwards', async () => {
    const { agent, hub, lines, seen } = await startAgent(TOKENS.agent, 'away');
    await until('the inventory is complete', async () => hub.complete, SLOW_MS);
    const before = hub.of('HTTPRoute');
    await server.restart();
    await apply(routeObject('later', [WEB]), HTTP_ROUTES);
    await until('it follows again', async () => hub.of('HTTPRoute').length === before.length + 1, 40_000);
    expect(hub.wholeSets).toBe(1);
    expect(seen.synced).toBe(1);
    expect(hub.of('Gateway')).toEqual(['Gateway infra/web']);
    const away = lines.filter((line) => line.includes('does not answer; what was found before stays'));
    expect(away.length).toBeLessThanOrEqual(2);
    await agent.close();
  });

  async function versionsOf(): Promise<readonly (string | undefined)[]> {
    const objects = await Promise.all([
      admin.get({ resource: GATEWAYS, namespace: 'infra', name: 'web' }),
      admin.get({ resource: HTTP_ROUTES, namespace: 'shop', name: 'both' }),
      admin.get({ resource: HTTP_ROUTES, namespace: 'shop', name: 'cart' }),
      admin.get({ resource: GATEWAY_CLASSES, name: 'ours' }),
    ]);
    return objects.map((object) => object?.metadata.resourceVersion);
  }
});

function condition(type: string, observedGeneration: number) {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return { type, status: 'True', reason: type, message: 'fine', observedGeneration, lastTransitionTime };
}

/** What a hub says of all that it was told. */
function saidOf(session: string, objects: ReadonlyMap<string, InventoryContent>, address = '192.0.2.7') {
  const statuses = [...objects].flatMap(([key, { uid, generation }]) => {
    const [kind = '', place = ''] = key.split(' ');
    const [namespace = '', name = ''] = place.split('/');
    const conditions = [condition('Accepted', generation), condition('Programmed', generation)];
    const of = { kind, namespace, name, uid };
    if (kind === 'Gateway') {
      const supportedKinds = [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }];
      const listeners = [{ name: 'http', attachedRoutes: 2, supportedKinds, conditions }];
      const addresses = [{ type: 'IPAddress', value: address }];
      return [{ ...of, status: JSON.stringify({ addresses, conditions, listeners, clusters: [] }) }];
    }
    if (kind !== 'HTTPRoute') return [];
    const parentRef = { group: 'gateway.networking.k8s.io', kind: 'Gateway', ...WEB };
    return [{ ...of, status: JSON.stringify([{ parentRef, controllerName: CONTROLLER, conditions }]) }];
  });
  return create(InventoryStatusesSchema, { session, statuses });
}
