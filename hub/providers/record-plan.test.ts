import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../providers/contract.ts';
import { parseName } from '../../src/dns/name.ts';
import type { StateView } from '../../src/routing/model.ts';
import { CONTEXT, cluster, document, policy, worldOf } from '../reconcile/testing.ts';
import { createProviderDesk } from './desk.ts';
import { LOOK_MS } from './fresh-zones.ts';
import { planRecords } from './record-plan.ts';
import { createVirtualClock } from './virtual-clock.ts';
import { memoryProvider, memoryStore } from './zone-worker-fixture.ts';

const MAIN = document('DNSProvider', 'main', {
  zones: [{ origin: 'example.com.' }],
  rfc2136: { server: '192.0.2.1', tsigSecret: 'key' },
});
const CLUSTER = cluster('a', 'DE', '192.0.2.1');
const SHOP = policy('shop', ['shop.example.com.'], ['a']);
const BEFORE = worldOf(MAIN, CLUSTER);
const AFTER = worldOf(MAIN, CLUSTER, SHOP);

const VIEW: StateView = {
  target: () => ({ state: 'up', earliestChangeMs: Number.POSITIVE_INFINITY }),
  cluster: () => ({}),
  lastHealthy: () => [],
  staleForMs: 0,
};

/** A hub that read its zone, and whose clock went on for a minute since. */
async function hubAMinuteLater() {
  const provider = memoryProvider();
  const clock = createVirtualClock();
  const desk = createProviderDesk({
    kinds: {
      route53: provider.kind,
      google: provider.kind,
      azure: provider.kind,
      powerdns: provider.kind,
      rfc2136: provider.kind,
    },
    store: { ...memoryStore(), secretData: async () => ({}), epoch: 1, hubUid: 'hub-1' },
    leads: async () => true,
    regions: CONTEXT.regions,
    view: () => VIEW,
    guard: { check: () => undefined, lookup: () => undefined },
    onStatus: () => undefined,
    clock,
    random: () => 0.5,
    log: { info: () => undefined, warn: () => undefined },
  });
  desk.follow(BEFORE);
  desk.start();
  await clock.pass(60_000);
  expect(provider.calls).toEqual(['zones', 'read']);
  const plan = async () => {
    const made = planRecords(desk, {
      before: BEFORE,
      after: AFTER,
      changed: new Set(['trafficpolicy/default/shop']),
    });
    await clock.pass(LOOK_MS);
    const { zones } = await made;
    return zones;
  };
  return { provider, desk, clock, plan };
}

const FOREIGN = {
  name: parseName('shop.example.com.'),
  type: 'A',
  setId: '',
  ttlSeconds: 300,
  values: ['192.0.2.99'],
};

describe('a plan of records', () => {
  it('sees what somebody else wrote since the zone was read, and once it was read anew reads no more', async () => {
    const { provider, desk, plan } = await hubAMinuteLater();
    provider.put(FOREIGN);
    expect(await plan()).toMatchObject([
      { changes: [], held: [{ name: 'shop.example.com.', code: 'RECORDS_FOREIGN' }] },
    ]);
    expect(provider.calls).toEqual(['zones', 'read', 'read']);
    await desk.close();
  });

  it('says how old the reading is where the provider cannot be read within seconds', async () => {
    const { provider, desk, plan } = await hubAMinuteLater();
    const away = new ProviderError('transient', 'it is away');
    provider.failures.push(
      ...Array.from({ length: 20 }, () => ({ operation: 'read', error: away }) as const),
    );
    const [zone] = await plan();
    expect(zone).toMatchObject({ readSecondsAgo: 65, changes: { length: 2 } });
    await desk.close();
  });

  it('has no age where the zone was read for it, and asks nothing where nothing would change', async () => {
    const { provider, desk, plan } = await hubAMinuteLater();
    const [zone] = await plan();
    expect(zone).toMatchObject({ changes: { length: 2 } });
    expect(zone).not.toHaveProperty('readSecondsAgo');
    const calls = provider.calls.length;
    const same = await planRecords(desk, { before: BEFORE, after: BEFORE, changed: new Set() });
    expect(same.zones).toEqual([]);
    expect(provider.calls).toHaveLength(calls);
    await desk.close();
  });
});
