import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { StateView } from '../../src/routing/model.ts';
import { CONTEXT, cluster, document, policy, worldOf, zone } from '../reconcile/testing.ts';
import type { World } from '../reconcile/world.ts';
import { createDesired, FIRST_STATES_MS } from './desired.ts';
import { createZoneFinder } from './zone-keys.ts';
import { memoryProvider } from './zone-worker-fixture.ts';

const provider = (name: string, origins: readonly string[], namespace?: string) =>
  document(
    'DNSProvider',
    name,
    { zones: origins.map((origin) => ({ origin })), rfc2136: { server: '192.0.2.1', tsigSecret: 'key' } },
    namespace,
  );
const { kind } = memoryProvider();
const CLUSTERS = [cluster('a', 'DE', '192.0.2.1'), cluster('b', 'US', '192.0.2.2')];

/** Everything that a test changes of the moment. */
function atHand() {
  const down = new Set<string>();
  const unknown = new Set<string>();
  let nowMs = 0;
  const view: StateView = {
    target: (id) => ({
      state: [...unknown].some((a) => id.includes(a))
        ? 'unknown'
        : [...down].some((a) => id.includes(a))
          ? 'down'
          : 'up',
      earliestChangeMs: Number.POSITIVE_INFINITY,
    }),
    cluster: () => ({}),
    lastHealthy: () => [],
    staleForMs: 0,
  };
  const desired = createDesired({
    texts: () => [],
    regions: CONTEXT.regions,
    view: () => view,
    monotonicMs: () => nowMs,
  });
  const names = (key: string) => {
    const held = desired.zones.find((z) => z.key === key);
    if (held === undefined) return [];
    const at = { origin: held.wanted.origin, id: 'Z', private: false, nameServers: [] };
    ats.set(key, ats.get(key) ?? at);
    return desired.of(held, kind, ats.get(key) ?? at);
  };
  const ats = new Map<string, Parameters<typeof desired.of>[2]>();
  return {
    desired,
    names,
    targetIds: (world: World, address: string) =>
      [...world.targets.values()].filter((t) => t.address === address).map((t) => t.id),
    down,
    unknown,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

const MAIN = 'default/main/example.com.';

describe('a hostname goes into', () => {
  const world = worldOf(
    provider('main', ['example.com.', 'shop.example.com.']),
    provider('second', ['example.com.']),
    provider('theirs', ['example.com.'], 'other'),
    zone('geo', 'geo.example.com.'),
  );
  const keys = (hostname: string) =>
    createZoneFinder(world)
      .of('default', parseName(hostname))
      .map(({ key }) => key);

  it.each([
    ['www.example.com.', ['default/main/example.com.', 'default/second/example.com.']],
    ['www.shop.example.com.', ['default/main/shop.example.com.']],
    ['www.geo.example.com.', []],
    ['www.example.org.', []],
  ])('the zones of its namespace with the longest origin: %s', (hostname, expected) => {
    expect(keys(hostname)).toEqual(expected);
  });
});

describe('what a zone should hold', () => {
  it('is compiled once, and again only for policies whose targets changed', () => {
    const at = atHand();
    const world = worldOf(
      provider('main', ['example.com.']),
      ...CLUSTERS,
      policy('one', ['one.example.com'], ['a', 'b']),
      policy('two', ['two.example.com'], ['b']),
    );
    expect(at.desired.follow(world)).toEqual(new Set([MAIN]));
    const before = at.names(MAIN);
    expect(before.map(({ desired }) => desired.sets?.[0]?.values)).toEqual([
      ['192.0.2.1', '192.0.2.2'],
      ['192.0.2.2'],
    ]);
    expect(at.names(MAIN).every((name, i) => name === before[i])).toBe(true);
    expect(at.desired.look()).toEqual(new Set());
    for (const id of at.targetIds(world, '192.0.2.1')) at.down.add(id);
    expect(at.down.size).toBeGreaterThan(0);
    expect(at.desired.look()).toEqual(new Set([MAIN]));
    const after = at.names(MAIN);
    expect(after.map(({ desired }) => desired.sets?.[0]?.values)).toEqual([['192.0.2.2'], ['192.0.2.2']]);
    expect(after[1]).toBe(before[1]);
  });

  it('waits for the first states of a policy, but not for ever', () => {
    const at = atHand();
    const world = worldOf(
      provider('main', ['example.com.']),
      ...CLUSTERS,
      policy('one', ['one.example.com'], ['a']),
    );
    for (const id of at.targetIds(world, '192.0.2.1')) at.unknown.add(id);
    at.desired.follow(world);
    expect(at.names(MAIN)[0]).toMatchObject({ pending: 'waits for the first states of its endpoints' });
    expect(at.names(MAIN)[0]?.desired.sets).toBeUndefined();
    expect(at.desired.endsInMs()).toBe(FIRST_STATES_MS);
    at.pass(FIRST_STATES_MS);
    expect(at.desired.look()).toEqual(new Set([MAIN]));
    expect(at.names(MAIN)[0]?.desired.sets?.[0]?.values).toEqual(['192.0.2.1']);
  });

  it('keeps the names of a policy that does not resolve any more as they are', () => {
    const at = atHand();
    at.desired.follow(
      worldOf(provider('main', ['example.com.']), policy('one', ['one.example.com'], ['gone'])),
    );
    const [name] = at.names(MAIN);
    expect(name?.desired).toMatchObject({ name: 'one.example.com.', sets: undefined });
    expect(name?.report).toMatchObject({ outcome: 'refused' });
  });

  it('has the NS records of an embedded zone that is delegated from it', () => {
    const at = atHand();
    const geo = document('Zone', 'geo', {
      origin: 'geo.example.com.',
      nameServers: [{ name: 'ns1.geo.example.com.', addresses: ['192.0.2.53'] }],
      delegation: { provider: 'main' },
    });
    at.desired.follow(worldOf(provider('main', ['example.com.']), geo));
    const [name] = at.names(MAIN);
    expect(name?.desired.resource).toBe('zone/default/geo');
    expect(name?.desired.sets?.map(({ name: owner, type }) => `${owner} ${type}`)).toEqual([
      'ns1.geo.example.com. A',
      'geo.example.com. NS',
    ]);
  });

  it('costs nothing without DNSProviders', () => {
    const at = atHand();
    expect(at.desired.follow(worldOf(...CLUSTERS, policy('one', ['one.example.com'], ['a'])))).toEqual(
      new Set(),
    );
    expect(at.desired.zones).toEqual([]);
    expect(at.desired.endsInMs()).toBe(Number.POSITIVE_INFINITY);
  });
});
