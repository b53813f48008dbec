import { describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { formatRdata } from '../src/dns/records/catalogue.ts';
import { typeName } from '../src/dns/types.ts';
import type { RoutingPart } from '../src/protocol/snapshot.ts';
import type { RoutedEndpoint, RoutedPolicy } from '../src/routing/model.ts';
import { policyOf, tier } from '../src/routing/testing/world.ts';
import { createRoutedTable } from './routed-table.ts';

const ORIGIN = parseName('example.test');
const HOST = parseName('www.example.test');

const zone: RoutingPart['zones'][number] = {
  namespace: 'default',
  name: 'example',
  spec: {
    origin: ORIGIN,
    nameServers: [{ name: parseName('ns1.example.test'), addresses: ['192.0.2.53'] }],
    soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
    ttlSeconds: 300,
    records: [],
  },
};

const endpoint = (name: string, country: string, ...addresses: readonly string[]): RoutedEndpoint => ({
  name,
  cluster: `default/${name}`,
  country,
  capacity: 1,
  kind: 'addresses',
  addresses: addresses.map((address) => ({
    address,
    family: address.includes(':') ? 6 : 4,
    targetId: address,
  })),
});

const alias = (name: string, target: string): RoutedEndpoint => ({
  name,
  cluster: `default/${name}`,
  country: 'DE',
  capacity: 1,
  kind: 'cname',
  addresses: [],
  cname: { name: parseName(target), targetId: target },
});

/** The fallback of www.example.test, one line a record, though everything is down. */
function fallbackOf(more: Partial<RoutedPolicy>): readonly string[] {
  const policy = policyOf({
    name: 'www',
    hostnames: [HOST],
    endpoints: [
      endpoint('eu', 'DE', '192.0.2.1', '2001:db8::1'),
      endpoint('us', 'US', '192.0.2.2'),
      endpoint('spare', 'FR', '192.0.2.3'),
    ],
    defaultTiers: [tier('us', ['eu', 3]), tier('spare')],
    ...more,
  });
  const { table, problems } = createRoutedTable({
    routing: {
      sequence: 7,
      zones: [zone],
      policies: [policy],
      regions: { eu: ['DE', 'FR'], na: ['US'], asia: ['JP'] },
    },
    geo: undefined,
    view: () => {
      throw new Error('a fallback must not look at the state of the world');
    },
    random: () => {
      throw new Error('a fallback must not draw');
    },
  });
  expect(problems).toEqual([]);
  const routed = table.zoneFor(HOST)?.nodes.get(HOST)?.routed;
  return (routed?.fallback?.() ?? []).flatMap(({ type, ttlSeconds, records }) =>
    records.map((rdata) => `${ttlSeconds} ${typeName(type)} ${formatRdata(rdata)}`),
  );
}

describe('what a copy of the zone has at a routed name', () => {
  it('is everybody in the first tier, heaviest first, with the TTL of the policy', () => {
    expect(fallbackOf({})).toEqual(['30 A 192.0.2.1', '30 A 192.0.2.2', '30 AAAA 2001:db8::1']);
  });

  it('leaves out the rules of places, because a copy cannot tell where a client is', () => {
    const geo = [
      {
        name: 'america',
        cidrs: ['0.0.0.0/0'],
        subdivisions: [],
        countries: ['US'],
        regions: [],
        continents: [],
        tiers: [{ members: [{ endpoint: 'spare', weight: 1 }] }],
      },
    ];
    expect(fallbackOf({ geo })).toEqual(['30 A 192.0.2.1', '30 A 192.0.2.2', '30 AAAA 2001:db8::1']);
  });

  it('keeps every residency rule, also one that does not bind clients of unknown location', () => {
    const residency = [{ region: 'eu', unknownLocation: 'allow', onAllDown: { action: 'panic' } }] as const;
    expect(fallbackOf({ residency: [...residency] })).toEqual(['30 A 192.0.2.1', '30 AAAA 2001:db8::1']);
  });

  it('goes past tiers that residency leaves empty', () => {
    const residency = [
      { region: 'eu', unknownLocation: 'restrict', onAllDown: { action: 'panic' } },
    ] as const;
    const defaultTiers = [{ members: [{ endpoint: 'us', weight: 1 }] }];
    expect(fallbackOf({ residency: [...residency], defaultTiers }).toSorted()).toEqual([
      '30 A 192.0.2.1',
      '30 A 192.0.2.3',
      '30 AAAA 2001:db8::1',
    ]);
  });

  it('is nothing when two residency rules have no cluster in common', () => {
    const residency = [
      { region: 'eu', unknownLocation: 'restrict', onAllDown: { action: 'panic' } },
      { region: 'na', unknownLocation: 'restrict', onAllDown: { action: 'panic' } },
    ] as const;
    expect(fallbackOf({ residency: [...residency] })).toEqual([]);
  });

  it('is the maintenance address when the region of a rule holds no cluster at all', () => {
    const residency = [
      {
        region: 'asia',
        unknownLocation: 'restrict',
        onAllDown: { action: 'maintenance', addresses: ['203.0.113.80', '2001:db8::80'] },
      },
    ] as const;
    const [rule] = residency;
    const spec = { ...rule, onAllDown: { ...rule.onAllDown, addresses: [...rule.onAllDown.addresses] } };
    expect(fallbackOf({ residency: [spec] })).toEqual(['30 A 203.0.113.80', '30 AAAA 2001:db8::80']);
  });

  it('is the heaviest alias and nothing beside it when endpoints are aliases', () => {
    const endpoints = [alias('a', 'a.example.net'), alias('b', 'b.example.net')];
    const defaultTiers = [
      {
        members: [
          { endpoint: 'a', weight: 1 },
          { endpoint: 'b', weight: 2 },
        ],
      },
    ];
    expect(fallbackOf({ endpoints, defaultTiers })).toEqual(['30 CNAME b.example.net.']);
  });

  it('has at most 16 addresses of a type', () => {
    const endpoints = Array.from({ length: 40 }, (_, i) => endpoint(`e${i}`, 'DE', `192.0.2.${i + 1}`));
    const defaultTiers = [{ members: endpoints.map(({ name }, i) => ({ endpoint: name, weight: i + 1 })) }];
    const records = fallbackOf({ endpoints, defaultTiers });
    expect(records).toHaveLength(16);
    expect(records[0]).toBe('30 A 192.0.2.40');
  });
});
