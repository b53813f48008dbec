import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { InventoryMessage } from '../../src/inventory/apply.ts';
import {
  FACTS,
  found,
  foundGateway,
  foundRoute,
  foundService,
  message,
} from '../../src/inventory/testing/found-objects.ts';
import { compileInSteps } from '../../src/policy/compile.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import {
  HelloSchema,
  type HubMessage,
  InventoryObjectSchema,
  InventorySchema,
} from '../../src/protocol/generated/portolan_pb.js';
import { containing } from '../../test/support/matchers.ts';
import { explainRoute } from '../gateways/explain-route.ts';
import { createGateways, type Gateways } from '../gateways/gateways.ts';
import { startTestEngine, type TestEngine } from '../reconcile/engine-fixture.ts';
import { CONTEXT, document, policy, zone } from '../reconcile/testing.ts';
import { createInventoriesOfHub, type InventoriesOfHub } from './hub-part.ts';

let at: TestEngine;
let inventories: InventoriesOfHub;
let gateways: Gateways;
let agent: string;
let session: Awaited<ReturnType<typeof begin>>;
let told: HubMessage[];

const CLUSTER = 'default/k1';
const ALL = [
  foundGateway('shop', 'edge'),
  foundRoute('shop', 'web', 'edge', 'web'),
  foundService('shop', 'web'),
];
const facts = JSON.stringify(FACTS);

beforeEach(async () => {
  const log = { info: () => undefined, warn: () => undefined };
  inventories = createInventoriesOfHub({
    onChange: () => at.engine.inputsChanged(),
    onStatus: () => at.engine.statusesDue(),
    world: () => at?.engine.world,
    allowedRanges: [],
    wallMs: () => at?.wallMs() ?? 1_790_000_000_000,
    log,
  });
  gateways = createGateways({
    compile: compileInSteps,
    secretValues: {
      resolve: () =>
        Promise.resolve({ secrets: NO_GATEWAY_SECRETS, problems: new Map(), waiting: new Map() }),
      forgetGone: () => undefined,
    },
    regions: CONTEXT.regions,
    certificatesDue: () => false,
    found: inventories.desk,
    log,
  });
  at = await startTestEngine({
    gateways,
    inventories: inventories.statuses,
    onWorld: (world) => inventories.desk.keepOnly(world.objects.Cluster),
  });
  agent = await at.join('k1');
  await at.put(document('Cluster', 'k1', { location: { country: 'US' } }));
  told = [];
  session = await begin();
});
afterEach(() => at.close());

async function begin() {
  const cluster = await at.store.get({ kind: 'Cluster', namespace: 'default', name: 'k1' });
  return {
    agentUid: agent,
    clusterKey: CLUSTER,
    clusterUid: cluster?.metadata.uid ?? '',
    send: (one: HubMessage) => void told.push(one),
  };
}

/** A stream of the agent begins. */
async function connect(snapshotVersion: bigint, inventory = true): Promise<void> {
  session = await begin();
  const hello = create(HelloSchema, {
    agentVersion: '0.1.0',
    incarnation: 'i',
    wallMs: BigInt(at.wallMs()),
    snapshotParts: ['routing', 'gateway'],
    snapshotVersion,
    inventory,
  });
  inventories.desk.onHello(session, hello);
  at.engine.onHello(agent, hello);
}

async function tell({ sequence, changed, ...rest }: InventoryMessage): Promise<void> {
  inventories.desk.onInventory(
    session,
    create(InventorySchema, {
      ...rest,
      removed: [...rest.removed],
      ...(rest.facts === undefined ? {} : { facts: rest.facts }),
      sequence: BigInt(sequence),
      changed: changed.map((one) => create(InventoryObjectSchema, one)),
    }),
  );
}

const snapshots = () => at.sentTo(agent).flatMap((m) => (m.kind.case === 'snapshot' ? [m.kind.value] : []));
const lastVersion = (): bigint => {
  const manifest: unknown = JSON.parse(Buffer.from(snapshots().at(-1)?.manifest ?? []).toString('utf8'));
  return BigInt((manifest as { readonly version: number }).version);
};
const gatewayPart = (): string => {
  const part = snapshots()
    .at(-1)
    ?.parts.find(({ name }) => name === 'gateway');
  return part === undefined ? '' : Buffer.from(part.content).toString('utf8');
};
/** Conditions that were told last of an object: `type=status` and reason. */
const conditionsOf = (kind: string): readonly string[] => {
  const all = told.flatMap((m) => (m.kind.case === 'inventoryStatuses' ? m.kind.value.statuses : []));
  const text = all.filter((one) => one.kind === kind).at(-1)?.status ?? 'null';
  const status: unknown = JSON.parse(text);
  const one: unknown = Array.isArray(status) ? status[0] : status;
  const list = (
    one as { readonly conditions?: readonly { type: string; status: string; reason: string }[] } | null
  )?.conditions;
  return (list ?? []).map(({ type, status: is, reason }) => `${type}=${is} ${reason}`);
};
const ack = (): void => {
  const [last] = snapshots().slice(-1);
  if (last === undefined) throw new Error('no snapshot was sent');
  at.engine.onSnapshotAck(agent, {
    $typeName: 'portolan.v1.SnapshotAck',
    version: lastVersion(),
    hash: 'h',
    error: '',
  } as never);
};
const statusOf = async () =>
  (await at.store.get({ kind: 'Cluster', namespace: 'default', name: 'k1' }))?.status?.kubernetes;

describe('an agent that tells what it finds', () => {
  it('I10 keeps the snapshot that it has until a hub that was started anew knows the whole of it', async () => {
    await connect(0n);
    await at.until(() => snapshots()[0]);
    const applied = lastVersion();
    await at.restart();
    at.forgetSent();
    await connect(applied);
    await at.beats(5);
    expect(snapshots()).toEqual([]);
    await tell(message(1, ALL, { complete: false }));
    await at.beats(5);
    expect(snapshots()).toEqual([]);
    await tell(message(2, [], { facts }));
    await at.until(() => snapshots()[0]);
    // The first that it gets has all of it.
    expect(snapshots()).toHaveLength(1);
    expect(gatewayPart()).toContain('service/shop/web:80');
  });

  it('gets a first snapshot at once when it has none to lose', async () => {
    await connect(0n);
    await at.until(() => snapshots()[0]);
    expect(gatewayPart()).not.toContain('shop/web');
  });

  it('people are told after a minute whose inventory is waited for, and the agent still keeps what it has', async () => {
    await connect(0n);
    await tell(message(1, ALL, { facts }));
    await at.until(async () => ((await statusOf()) === undefined ? undefined : true));
    await at.restart();
    inventories.desk.onHello(await begin(), create(HelloSchema, { inventory: false }));
    await connect(5n);
    at.forgetSent();
    await at.beats(100);
    expect(snapshots()).toEqual([]);
    expect((await statusOf())?.problems[0]?.message).toMatch(/has not told what it finds/);
    // What was known stays.
    expect((await statusOf())?.version).toBe('v1.36.0');
  });

  it('is told what to write into statuses, again only what differs, and Programmed once it serves it', async () => {
    await connect(0n);
    await tell(message(1, ALL, { facts }));
    await at.until(() => (conditionsOf('Gateway').length > 0 ? true : undefined));
    expect(conditionsOf('Gateway')).toContain('Accepted=True Accepted');
    expect(conditionsOf('Gateway')).toContain('Programmed=False Pending');
    expect(conditionsOf('HTTPRoute')).toEqual(['Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs']);
    told.length = 0;
    ack();
    await at.until(() => (conditionsOf('Gateway').length > 0 ? true : undefined));
    expect(conditionsOf('Gateway')).toContain('Programmed=True Programmed');
    expect(conditionsOf('HTTPRoute')).toEqual([]);
    await tell(message(2, [], { removed: ['Service shop/web'] }));
    await at.until(() => (conditionsOf('HTTPRoute').length > 0 ? true : undefined));
    expect(conditionsOf('HTTPRoute')).toContain('ResolvedRefs=False BackendNotFound');
  });

  it('is told that a listener whose Secret is missing or never fitted is not programmed, although the Gateway is served', async () => {
    const listener = (name: string, port: number) =>
      foundGateway('shop', name, { port, protocol: 'HTTPS', tls: { certificateRefs: [{ name }] } });
    const secret = (name: string, instead: string) =>
      found('Secret', 'shop', name, {
        type: 'kubernetes.io/tls',
        keys: ['tls.crt', 'tls.key'],
        digest: '1',
        problem: 'tls.crt and tls.key are no certificate with its key, in PEM',
        instead,
      });
    await connect(0n);
    const gateways = [listener('nowhere', 443), listener('never', 444), listener('rotated', 445)];
    await tell(
      message(1, [...gateways, secret('never', 'nothing'), secret('rotated', 'earlier')], { facts }),
    );
    await at.until(() => (conditionsOf('Gateway').length > 0 ? true : undefined));
    told.length = 0;
    ack();
    await at.until(() => (conditionsOf('Gateway').length > 0 ? true : undefined));
    const statuses = told.flatMap((m) => (m.kind.case === 'inventoryStatuses' ? m.kind.value.statuses : []));
    const conditions = (gateway: string): readonly string[] =>
      z
        .object({
          listeners: z.tuple([
            z.object({
              conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() })),
            }),
          ]),
        })
        .parse(JSON.parse(statuses.find(({ name }) => name === gateway)?.status ?? ''))
        .listeners[0].conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
    for (const name of ['nowhere', 'never']) {
      expect(conditions(name)).toContain('ResolvedRefs=False InvalidCertificateRef');
      expect(conditions(name)).toContain('Programmed=False Invalid');
    }
    expect(conditions('rotated')).toContain('ResolvedRefs=False InvalidCertificateRef');
    expect(conditions('rotated')).toContain('Programmed=True Programmed');
  });

  it('is told the name of a load balancer that has no address, and people are told what to write for it', async () => {
    const name = 'lb-1.elb.example.net';
    const lb = { value: name, type: 'Hostname', from: 'Service edge/lb' };
    await connect(0n);
    await tell(message(1, ALL, { facts: JSON.stringify({ ...FACTS, addresses: [lb] }) }));
    const addresses = (): unknown =>
      told
        .flatMap((m) => (m.kind.case === 'inventoryStatuses' ? m.kind.value.statuses : []))
        .filter(({ kind }) => kind === 'Gateway')
        .map(({ status }) => z.object({ addresses: z.unknown() }).parse(JSON.parse(status)).addresses)
        .at(-1);
    await at.until(() => (JSON.stringify(addresses() ?? null).includes(name) ? true : undefined));
    expect(addresses()).toEqual([{ type: 'Hostname', value: name }]);
    expect((await statusOf())?.problems).toContainEqual({
      resource: 'Service edge/lb',
      message: containing(`set \`cname: ${name}.\` at the endpoints of TrafficPolicies`),
    });
  });

  it('goes away, and its cluster keeps what it told, also for who asks', async () => {
    await connect(0n);
    await tell(message(1, ALL, { facts }));
    await at.until(() => (gatewayPart().includes('shop/web') ? true : undefined));
    inventories.desk.onClosed(session);
    at.engine.onClosed(agent);
    await at.put(document('Backend', 'other', {}));
    await at.beats(3);
    const [rule] = explainRoute({ route: { namespace: 'shop', name: 'web' } }, gateways.all);
    expect(rule?.backends).toEqual([
      'service/shop/web:80 (weight 1, http/1.1): ready endpoints of the Service in its cluster',
    ]);
    const view = inventories.services.inventory(CLUSTER);
    expect(view).toMatchObject({ live: false, counts: { Gateway: 1, HTTPRoute: 1, Service: 1 } });
    // A new stream begins from nothing, and takes nothing away before it is complete.
    await connect(lastVersion());
    await tell(message(1, [], { complete: false }));
    await at.beats(3);
    expect(gatewayPart()).toContain('shop/web');
    await tell(message(2, []));
    await at.until(() => (gatewayPart().includes('shop/web') ? undefined : true));
  });

  it('an object of the hub is used in the place of one that was found, and its status says so', async () => {
    await at.put(
      document(
        'HTTPRoute',
        'web',
        { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
        'shop',
      ),
    );
    await connect(0n);
    await tell(message(1, ALL, { facts }));
    await at.until(() => (conditionsOf('HTTPRoute').length > 0 ? true : undefined));
    expect(conditionsOf('HTTPRoute')).toEqual(['Accepted=False ManagedElsewhere']);
    // The hub's own hangs on the Gateway that was found.
    const own = await at.until(async () => {
      const route = await at.store.get({ kind: 'HTTPRoute', namespace: 'shop', name: 'web' });
      return route?.status?.parents[0]?.conditions.find(({ type }) => type === 'Accepted');
    });
    expect(own).toMatchObject({ status: 'True' });
  });

  it('I4 gives answers the addresses that it finds, and takes the last one from none', async () => {
    const answered = async (addresses: readonly string[]): Promise<void> => {
      await at.until(() =>
        JSON.stringify([...at.answers('www.example.com')].sort()) === JSON.stringify(addresses)
          ? true
          : undefined,
      );
    };
    await connect(0n);
    await tell(message(1, ALL, { facts }));
    await at.until(async () => ((await statusOf()) === undefined ? undefined : true));
    await at.put(zone('example', 'example.com'), policy('www', ['www.example.com'], ['k1']));
    await answered(['198.51.100.7']);
    const other = { ...FACTS, addresses: [{ ...FACTS.addresses[0], value: '198.51.100.8' }] };
    await tell(message(2, [], { facts: JSON.stringify(other) }));
    await answered(['198.51.100.7', '198.51.100.8']);
    await at.beats(400);
    await answered(['198.51.100.8']);
    await tell(message(3, [], { facts: JSON.stringify({ ...FACTS, addresses: [] }) }));
    await at.beats(400);
    expect(at.answers('www.example.com')).toEqual(['198.51.100.8']);
  });
});
