import { describe, expect, it } from 'vitest';
import { resolverAddress } from '../src/dns/client.ts';
import { parseName } from '../src/dns/name.ts';
import { formatRdata } from '../src/dns/records/catalogue.ts';
import { TYPE } from '../src/dns/types.ts';
import { createStateView } from '../src/health/state-view.ts';
import type { RoutingPart } from '../src/protocol/snapshot.ts';
import type { GeoLookup, RoutedPolicy } from '../src/routing/model.ts';
import { geoRule, policyOf, tier } from '../src/routing/testing/world.ts';
import { createRoutedTable } from './routed-table.ts';

const zone = (
  origin: string,
  records: RoutingPart['zones'][number]['spec']['records'] = [],
): RoutingPart['zones'][number] => ({
  namespace: 'default',
  name: origin.replaceAll('.', '-'),
  spec: {
    origin: parseName(origin),
    nameServers: [{ name: parseName(`ns1.${origin}`), addresses: ['192.0.2.53'] }],
    soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
    ttlSeconds: 300,
    records,
  },
});

const policy = (more: Partial<RoutedPolicy> = {}): RoutedPolicy =>
  policyOf({
    name: 'www',
    hostnames: [parseName('www.example.test')],
    endpoints: [
      {
        name: 'eu',
        cluster: 'default/eu-1',
        country: 'DE',
        capacity: 1,
        kind: 'addresses',
        addresses: [
          { address: '192.0.2.1', family: 4, targetId: 't-eu' },
          { address: '2001:db8::1', family: 6, targetId: 't-eu' },
        ],
      },
      {
        name: 'us',
        cluster: 'default/us-1',
        country: 'US',
        capacity: 1,
        kind: 'addresses',
        addresses: [{ address: '192.0.2.2', family: 4, targetId: 't-us' }],
      },
    ],
    geo: [geoRule('america', { countries: ['US'] }, tier('us'))],
    defaultTiers: [tier('eu')],
    ...more,
  });

/** 198.51.100.0/24 is in the US, everything else nowhere. */
const geo: GeoLookup = {
  sha256: 'a'.repeat(64),
  locate: ({ bytes }) =>
    bytes[0] === 198
      ? { location: { country: 'US', continent: 'NA' }, prefixLength: 24, exact: true }
      : { location: {}, prefixLength: 16, exact: true },
};

const build = (
  more: { readonly zones?: RoutingPart['zones']; readonly policies?: readonly RoutedPolicy[] } = {},
) => {
  let down: readonly string[] = [];
  const view = () =>
    createStateView(
      {
        targets: new Map(
          ['t-eu', 't-us'].map((id) => [
            id,
            { state: down.includes(id) ? 'down' : 'up', earliestChangeMs: 60_000 },
          ]),
        ),
        drains: new Map(),
        lastHealthy: new Map(),
        takenAtMs: 0,
        freshAtMs: 0,
      },
      () => 0,
    );
  const built = createRoutedTable({
    routing: { sequence: 42, zones: [zone('example.test')], policies: [policy()], regions: {}, ...more },
    geo,
    view,
    random: () => 0.5,
  });
  const ask = (name: string, type: number, from: string) => {
    const client = resolverAddress(from);
    const qname = parseName(name);
    const routed = built.table.zoneFor(qname)?.nodes.get(qname)?.routed;
    if (client === undefined || routed === undefined) return undefined;
    const answer = routed.answer({ name: qname, type, client });
    return { records: answer.records.map(formatRdata), ttl: answer.ttlSeconds, scope: answer.ecsScope };
  };
  const fail = (...targets: readonly string[]): void => {
    down = targets;
  };
  return { built, ask, fail };
};

describe('a routed table', () => {
  it('answers by where the client is, with the scope of that', () => {
    const { ask } = build();
    expect(ask('www.example.test', TYPE.A, '198.51.100.7')).toEqual({
      records: ['192.0.2.2'],
      ttl: 30,
      scope: 24,
    });
    expect(ask('www.example.test', TYPE.A, '203.0.113.7')).toMatchObject({
      records: ['192.0.2.1'],
      scope: 16,
    });
  });

  it('answers AAAA from the same policy', () => {
    expect(build().ask('www.example.test', TYPE.AAAA, '203.0.113.7')?.records).toEqual(['2001:db8::1']);
  });

  it('follows the states without a new table', () => {
    const { ask, fail } = build();
    fail('t-us');
    expect(ask('www.example.test', TYPE.A, '198.51.100.7')?.records).toEqual(['192.0.2.1']);
    fail('t-eu');
    expect(ask('www.example.test', TYPE.A, '198.51.100.7')?.records).toEqual(['192.0.2.2']);
  });

  it('serves every zone with the content sequence as serial', () => {
    const { built } = build({ zones: [zone('example.test'), zone('sub.example.test')] });
    expect(built.table.zones.map((each) => [each.origin, each.serial])).toEqual([
      ['example.test.', 42],
      ['sub.example.test.', 42],
    ]);
  });

  it('puts a name into the zone with the longest origin', () => {
    const hostnames = [parseName('a.sub.example.test'), parseName('a.example.test')];
    const { built } = build({
      zones: [zone('example.test'), zone('sub.example.test')],
      policies: [policy({ hostnames })],
    });
    const routedIn = built.table.zones.map((each) =>
      [...each.nodes.values()].filter((node) => node.routed !== undefined).map((node) => node.name),
    );
    expect(routedIn).toEqual([['a.example.test.'], ['a.sub.example.test.']]);
  });

  it('tells of names that no zone has', () => {
    const { built } = build({ policies: [policy({ hostnames: [parseName('www.elsewhere.test')] })] });
    expect(built.outsideZones).toEqual(['www.elsewhere.test.']);
    expect(built.policies.has(parseName('www.elsewhere.test'))).toBe(true);
  });

  it('leaves a zone out that does not compile, says why, and serves the others', () => {
    const records = [{ name: 'www', type: 'A', data: ['192.0.2.9'] }];
    const { built } = build({ zones: [zone('example.test', records), zone('other.test')] });
    expect(built.table.zones.map((each) => each.origin)).toEqual(['other.test.']);
    expect(built.problems[0]?.path).toMatch(/^zones\[0\]\./);
  });

  it('answers with a CNAME to every type where an endpoint is a name', () => {
    const endpoints: RoutedPolicy['endpoints'] = [
      {
        name: 'eu',
        cluster: 'default/eu-1',
        country: 'DE',
        capacity: 1,
        kind: 'cname',
        addresses: [],
        cname: { name: parseName('lb.provider.test'), targetId: 't-eu' },
      },
    ];
    const { built, ask } = build({ policies: [policy({ endpoints, geo: [] })] });
    expect([
      ...(built.table.zones[0]?.nodes.get(parseName('www.example.test'))?.routed?.types ?? []),
    ]).toEqual([TYPE.CNAME]);
    expect(ask('www.example.test', TYPE.MX, '203.0.113.7')?.records).toEqual(['lb.provider.test.']);
  });

  it('answers the maintenance address of a residency region where all of it is down', () => {
    const residency: RoutedPolicy['residency'] = [
      {
        region: 'EU',
        unknownLocation: 'restrict',
        onAllDown: { action: 'maintenance', addresses: ['192.0.2.99'] },
      },
    ];
    const { built } = build();
    expect(built.problems).toEqual([]);
    let downNow = true;
    const table = createRoutedTable({
      routing: {
        sequence: 1,
        zones: [zone('example.test')],
        policies: [policy({ residency })],
        regions: { EU: ['DE'] },
      },
      geo,
      view: () =>
        createStateView(
          {
            targets: new Map([['t-eu', { state: downNow ? 'down' : 'up', earliestChangeMs: 0 }]]),
            drains: new Map(),
            lastHealthy: new Map(),
            takenAtMs: 0,
            freshAtMs: 0,
          },
          () => 0,
        ),
      random: () => 0.5,
    });
    const name = parseName('www.example.test');
    const client = resolverAddress('203.0.113.7');
    if (client === undefined) throw new Error('an address');
    const answer = () =>
      table.table.zones[0]?.nodes
        .get(name)
        ?.routed?.answer({ name, type: TYPE.A, client })
        .records.map(formatRdata);
    expect(answer()).toEqual(['192.0.2.99']);
    downNow = false;
    expect(answer()).toEqual(['192.0.2.1']);
  });
});
