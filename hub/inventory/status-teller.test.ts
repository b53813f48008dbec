import { expect, it } from 'vitest';
import { applyInventory } from '../../src/inventory/apply.ts';
import type { ClusterInventory } from '../../src/inventory/contract.ts';
import { compileGateways } from '../../src/policy/compile.ts';
import type { CompiledGateways } from '../../src/policy/compile-contract.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { clusterIn, gatewayOf, objectsOf, stored } from '../../src/policy/testing/gateway-objects.ts';
import type { HubMessage } from '../../src/protocol/generated/portolan_pb.js';
import { regionTable } from '../../src/routing/geography.ts';
import { writePieces } from '../gateways/gateway-pieces.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import type { GatewayStatusInput } from '../gateways/status-input.ts';
import { NO_OBJECTS } from '../reconcile/objects.ts';
import { createStatusTeller } from './status-teller.ts';

const ROUTES = 350;
const regions = regionTable();
const rules = { namespace: 'default', refuses: () => undefined };
const cluster = clusterIn('DE', 'k1');

function raw(kind: string, name: string, spec: unknown, generation = 1) {
  const creationTimestamp = '2026-01-01T00:00:00Z';
  const content = {
    uid: `${kind}-${name}`,
    generation,
    creationTimestamp,
    labels: {},
    annotations: {},
    spec,
  };
  return { kind, namespace: 'shop', name, content: JSON.stringify(content) };
}

const route = (at: number, host = `h${at}.example`, generation = 1) => {
  const { spec } = stored('HTTPRoute', 'r', {
    parentRefs: [{ name: 'web' }],
    hostnames: [host],
    rules: [{}],
  });
  return raw('HTTPRoute', `r${at}`, spec, generation);
};
const listening = (hostname?: string) =>
  raw(
    'Gateway',
    'web',
    gatewayOf([{ name: 'http', port: 80, protocol: 'HTTP', ...(hostname === undefined ? {} : { hostname }) }])
      .spec,
  );

it('tells thousands in pieces, then what is otherwise alone, and everything again to another session', async () => {
  const first = applyInventory(
    undefined,
    {
      session: 's',
      sequence: 1,
      complete: true,
      changed: [listening(), ...Array.from({ length: ROUTES }, (_, at) => route(at))],
      removed: [],
    },
    rules,
  );
  let [inventory, last]: [ClusterInventory, CompiledGateways | undefined] = [first.inventory, undefined];
  let sent: string[] = [];
  const session = () => ({
    agentUid: 'a',
    clusterKey: 'shop/k1',
    clusterUid: 'c',
    send: ({ kind }: HubMessage) => {
      if (kind.case === 'inventoryStatuses') sent.push(...kind.value.statuses.map(({ name }) => name));
    },
  });
  let live = session();
  const waiting: (() => void)[] = [];
  const teller = createStatusTeller(
    {
      of: () => ({ inventory, session: live, awaitedSinceMs: undefined }),
      get inventories() {
        return new Map([['shop/k1', inventory]]);
      },
    },
    (work) => waiting.push(work),
  );
  const tell = async (): Promise<void> => {
    last = compileGateways(objectsOf(cluster), 'shop/k1', { regions, found: inventory, before: last });
    const own: ClusterGateways = {
      part: last.part,
      pieces: await writePieces(last.part, undefined, () => Promise.resolve()),
      secrets: NO_GATEWAY_SECRETS,
      reports: last.reports,
      problems: new Map(),
      waiting: new Map(),
      found: inventory,
      digest: '',
    };
    const input: GatewayStatusInput = {
      world: { objects: NO_OBJECTS },
      gateways: new Map([['shop/k1', own]]),
      agentOf: () => undefined,
      wallMs: 1_790_000_000_000,
    };
    teller.tell(input);
  };
  const turns = (): number => {
    let count = 0;
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) {
      work();
      count += 1;
    }
    return count;
  };
  const taken = (): readonly string[] => {
    const all = sent.sort();
    sent = [];
    return all;
  };
  const everything = ['web', ...Array.from({ length: ROUTES }, (_, at) => `r${at}`)].sort();

  await tell();
  expect(sent.length).toBeLessThan(ROUTES);
  expect(turns()).toBeGreaterThanOrEqual(3);
  expect(taken()).toEqual(everything);

  await tell();
  expect([turns(), taken()]).toEqual([0, []]);

  let intake = first;
  const change = async (changed: readonly ReturnType<typeof route>[], removed: readonly string[] = []) => {
    const sequence = intake.sequence + 1;
    intake = applyInventory(intake, { session: 's', sequence, complete: true, changed, removed }, rules);
    inventory = intake.inventory;
    await tell();
    turns();
    return taken();
  };
  expect(await change([route(3, 'other.example', 2)])).toEqual(['r3']);
  expect(await change([], ['HTTPRoute shop/r3'])).toEqual(['web']);
  expect(teller.statusesOf('shop/k1').has('HTTPRoute shop/r3')).toBe(false);
  // Only one of them has a host there: the others are attached to nothing any more.
  const moved = await change([listening('h7.example')]);
  expect(moved).toContain('r8');
  expect(moved).not.toContain('r7');

  // A stream that ends while it is told is not told the rest, and the next one everything.
  live = session();
  await tell();
  live = session();
  await tell();
  turns();
  await tell();
  turns();
  const again = taken();
  for (const name of everything.filter((name) => name !== 'r3')) expect(again).toContain(name);
});
