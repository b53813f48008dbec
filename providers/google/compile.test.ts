import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { Feature } from '../../src/plan/compile-report.ts';
import type { PlacedTier, Placement, TypePlacement } from '../../src/plan/placement.ts';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { containing } from '../../test/support/matchers.ts';
import { compileGoogle } from './compile.ts';

const WWW = parseName('www.example.com.');
const ZONE = { origin: parseName('example.com.'), id: 'example-com', private: false, nameServers: [] };
const LINK = 'https://www.googleapis.com/compute/v1/projects/p-1234/global/healthChecks/web';

/** `{ '192.0.2.1': 3 }`: members by their addresses (several with a comma), with weights. */
type Members = Readonly<Record<string, number>>;

function tier(members: Members): PlacedTier {
  return {
    members: Object.entries(members).map(([addresses, weight]) => ({
      endpoint: `e-${addresses}`,
      cluster: 'shop/c',
      weight,
      values: addresses.split(','),
      targets: [],
    })),
  };
}

function type(tiers: readonly Members[], name: TypePlacement['type'] = 'A'): TypePlacement {
  return { type: name, groups: [{ id: '0123456789', places: ['DE', 'unknown'], tiers: tiers.map(tier) }] };
}

function placement(types: readonly TypePlacement[], more: Partial<Placement> = {}): Placement {
  return {
    hostname: WWW,
    policy: 'shop/www',
    ttlSeconds: 30,
    decider: 'portolan',
    types,
    features: ['failover'],
    accepted: [],
    ...more,
  };
}

function compile(given: Placement, { healthCheck = true, privately = false } = {}) {
  const spec = dnsProviderSpec.parse({
    zones: [{ origin: 'example.com' }],
    google: {
      project: 'p-1234',
      ...(healthCheck ? { healthCheck: 'projects/p-1234/global/healthChecks/web' } : {}),
    },
  });
  const poolSuffix = parseName('www._pool._portolan.example.com.');
  return compileGoogle({ placement: given, zone: { ...ZONE, private: privately }, spec, poolSuffix });
}

function policiesOf(given: Placement, how = {}): unknown {
  const compiled = compile(given, how);
  return compiled.outcome === 'native'
    ? compiled.sets.map(({ type, native: { routingPolicy } = {} }) => [type, routingPolicy])
    : compiled.outcome;
}

function handlings(given: Placement, how = {}): unknown {
  return Object.fromEntries(compile(given, how).features.map(({ feature, handling }) => [feature, handling]));
}

const WEIGHTED: Feature[] = ['failover', 'weights'];

describe('weights', () => {
  it('are an item of `wrr` for each member, all of its addresses in it', () => {
    expect(policiesOf(placement([type([{ '192.0.2.1': 90, '192.0.2.2,192.0.2.3': 10 }])]))).toEqual([
      [
        'A',
        {
          wrr: {
            items: [
              { weight: 90, rrdatas: ['192.0.2.1'] },
              { weight: 10, rrdatas: ['192.0.2.2', '192.0.2.3'] },
            ],
          },
        },
      ],
    ]);
  });

  it('stay in that form while only one member is up, so that health does not change the form', () => {
    const given = placement([type([{ '192.0.2.1': 90 }])], { features: WEIGHTED });
    expect(policiesOf(given)).toEqual([['A', { wrr: { items: [{ weight: 90, rrdatas: ['192.0.2.1'] }] } }]]);
    expect(handlings(given)).toEqual({ failover: 'computed', weights: 'native' });
  });

  it('are there for each type', () => {
    const aliases = type([{ 'a.example.net.': 1, 'b.example.net.': 2 }], 'CNAME');
    expect(policiesOf(placement([aliases], { features: WEIGHTED }))).toEqual([
      [
        'CNAME',
        {
          wrr: {
            items: [
              { weight: 1, rrdatas: ['a.example.net.'] },
              { weight: 2, rrdatas: ['b.example.net.'] },
            ],
          },
        },
      ],
    ]);
  });

  it('are there for every type when one of them has them', () => {
    const types = [type([{ '192.0.2.1': 1, '192.0.2.2': 3 }]), type([{ '2001:db8::1': 1 }], 'AAAA')];
    expect(JSON.stringify(policiesOf(placement(types)))).toContain(
      '["AAAA",{"wrr":{"items":[{"weight":1,"rrdatas":["2001:db8::1"]}]}}]',
    );
  });

  it('are left to plain records when they are equal', () => {
    expect(policiesOf(placement([type([{ '192.0.2.1': 1, '192.0.2.2': 1 }])]))).toBe('no');
  });
});

describe('health checks of Google', () => {
  const native = { decider: 'native' } as const;

  it('draw among the healthy addresses of one tier, one address in each item for zones with DNSSEC', () => {
    expect(policiesOf(placement([type([{ '192.0.2.1': 2, '192.0.2.2,192.0.2.3': 2 }])], native))).toEqual([
      [
        'A',
        {
          wrr: {
            items: [
              { weight: 2, healthCheckedTargets: { externalEndpoints: ['192.0.2.1'] } },
              { weight: 1, healthCheckedTargets: { externalEndpoints: ['192.0.2.2'] } },
              { weight: 1, healthCheckedTargets: { externalEndpoints: ['192.0.2.3'] } },
            ],
          },
          healthCheck: LINK,
        },
      ],
    ]);
  });

  const FAILOVER = [
    [
      'A',
      {
        primaryBackup: {
          primaryTargets: { externalEndpoints: ['192.0.2.1', '192.0.2.2'] },
          backupGeoTargets: {
            enableFencing: true,
            items: [{ location: 'us-east1', healthCheckedTargets: { externalEndpoints: ['192.0.2.9'] } }],
          },
        },
        healthCheck: LINK,
      },
    ],
  ];

  it('fail over from the first tier to the second', () => {
    const given = placement([type([{ '192.0.2.2': 1, '192.0.2.1': 1 }, { '192.0.2.9': 1 }])], native);
    expect(policiesOf(given)).toEqual(FAILOVER);
    expect(handlings(given)).toEqual({ failover: 'native' });
  });

  it('make members of weight 0 the tier behind the others', () => {
    expect(
      policiesOf(placement([type([{ '192.0.2.1': 1, '192.0.2.2': 1, '192.0.2.9': 0 }])], native)),
    ).toEqual(FAILOVER);
  });

  it('draw no member of weight 0 even when all others are down: with weights among those, that is refused or accepted, never called failover', () => {
    const tiers = [type([{ '192.0.2.1': 1, '192.0.2.2': 3, '192.0.2.9': 0 }])];
    const given = placement(tiers, { ...native, features: WEIGHTED });
    expect(policiesOf(given)).toBe('no');
    expect(handlings(given)).toMatchObject({ weights: 'refused' });
    const accepted = { ...given, accepted: ['weights'] as const };
    expect(policiesOf(accepted)).toEqual(FAILOVER);
    expect(handlings(accepted)).toEqual({ failover: 'native', weights: 'lost' });
  });

  it.each([
    ['a member of weight 0', [{ '192.0.2.1': 1, '192.0.2.2': 3, '192.0.2.9': 0 }]],
    ['a second tier', [{ '192.0.2.1': 1, '192.0.2.2': 3 }, { '192.0.2.9': 1 }]],
  ])(
    'are left out with decider `both` where they would cost weights that nobody gives up, behind which is %s',
    (_, tiers) => {
      const given = placement([type(tiers)], { decider: 'both', features: WEIGHTED });
      expect(JSON.stringify(policiesOf(given))).toMatch(/^\[\["A",\{"wrr".*"rrdatas"/);
      expect(handlings(given)).toEqual({ failover: 'computed', weights: 'native' });
      expect(policiesOf({ ...given, accepted: ['weights'] })).toEqual(FAILOVER);
    },
  );

  it.each([
    ['three tiers', [{ '192.0.2.1': 1 }, { '192.0.2.2': 1 }, { '192.0.2.3': 1 }], 'A', {}],
    ['no health check', [{ '192.0.2.1': 1 }, { '192.0.2.2': 1 }], 'A', { healthCheck: false }],
    ['a private zone', [{ '192.0.2.1': 1 }, { '192.0.2.2': 1 }], 'A', { privately: true }],
    ['aliases', [{ 'a.example.net.': 1 }, { 'b.example.net.': 1 }], 'CNAME', {}],
  ] as const)('cannot be had with %s: refused with a way out', (_, tiers, name, how) => {
    const given = placement([type(tiers, name)], native);
    expect(policiesOf(given, how)).toBe('no');
    const [report] = compile(given, how).features;
    expect(report).toMatchObject({ feature: 'failover', handling: 'refused' });
    expect(report?.fix).toContain('decider: portolan');
  });

  it('are left out with decider `both` where they cannot be had: the hub then takes out what is down', () => {
    const given = placement([type([{ '192.0.2.1': 1, '192.0.2.2': 3 }, { '192.0.2.3': 1 }])], {
      decider: 'both',
      features: WEIGHTED,
    });
    expect(JSON.stringify(policiesOf(given, { healthCheck: false }))).toBe(
      '[["A",{"wrr":{"items":[{"weight":1,"rrdatas":["192.0.2.1"]},{"weight":3,"rrdatas":["192.0.2.2"]}]}}]]',
    );
    expect(handlings(given, { healthCheck: false })).toEqual({ failover: 'computed', weights: 'native' });
  });

  it('have no weights behind a failover, unless that is accepted', () => {
    const tiers = [type([{ '192.0.2.1': 1, '192.0.2.2': 3 }, { '192.0.2.9': 1 }])];
    const given = placement(tiers, { ...native, features: WEIGHTED });
    expect(policiesOf(given)).toBe('no');
    expect(handlings(given)).toMatchObject({ weights: 'refused' });
    const accepted = { ...given, accepted: ['weights'] as const };
    expect(policiesOf(accepted)).toEqual(FAILOVER);
    expect(handlings(accepted)).toEqual({ failover: 'native', weights: 'lost' });
  });
});

describe('what Google cannot route', () => {
  const members = (count: number, address = (n: number) => `192.0.2.${n}`) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [address(n + 1), n + 1]));

  it('is a member in waiting in one of two tiers: a failover set would answer with it at once', () => {
    const tiers = [type([{ '192.0.2.1': 1, '192.0.2.2': 2, '192.0.2.3': 0 }, { '192.0.2.9': 1 }])];
    const given = placement(tiers, { features: WEIGHTED, accepted: ['weights'], decider: 'native' });
    expect(policiesOf(given)).toBe('no');
    expect(handlings(given)).toMatchObject({ failover: 'refused' });
  });

  it('is more than 100 members', () => {
    expect(policiesOf(placement([type([members(100)])], { features: WEIGHTED }))).not.toBe('no');
    const many = compile(placement([type([members(101)])], { features: WEIGHTED }));
    expect(many.outcome).toBe('no');
    expect(many.features).toContainEqual(
      expect.objectContaining({ feature: 'weights', handling: 'refused', detail: containing('101') }),
    );
  });

  it('is more than 100 addresses by its health checks: then the hub decides alone, if it may', () => {
    const pairs = members(60, (n) => `192.0.2.${n},198.51.100.${n}`);
    const given = placement([type([pairs])], { features: WEIGHTED, decider: 'both' });
    expect(handlings(given)).toEqual({ failover: 'computed', weights: 'native' });
    expect(policiesOf({ ...given, decider: 'native' })).toBe('no');
    expect(compile({ ...given, decider: 'native', features: [] })).toEqual({
      outcome: 'no',
      features: [],
      reason: 'Google checks 100 addresses in a routing policy, and www.example.com. has 120.',
    });
  });

  it.each(['geo', 'subnets', 'residency', 'mixedTypes'] as const)(
    '%s: refused, with delegation as a way out',
    (feature) => {
      const given = placement([type([{ '192.0.2.1': 1, '192.0.2.2': 3 }])], {
        features: [feature, 'weights'],
      });
      expect(policiesOf(given)).toBe('no');
      const report = compile(given).features.find((one) => one.feature === feature);
      expect(report?.handling).toBe('refused');
      expect(report?.fix).toContain('spec.delegation');
    },
  );

  it('are places with answers of their own', () => {
    const one = type([{ '192.0.2.1': 1 }]);
    const [group] = one.groups;
    if (group === undefined) throw new Error('there is a group');
    const two = { ...one, groups: [group, { ...group, id: 'abcdefabcd', places: ['US'] }] };
    expect(policiesOf(placement([two], { features: ['weights'] }))).toBe('no');
  });

  it('reports on every feature of the policy, whatever comes of it', () => {
    const features: Feature[] = [
      ...(['geo', 'subnets', 'weights', 'failover', 'residency', 'sticky', 'dynamicTtl', 'panic'] as const),
      ...(['capacityFloor', 'drainRamp', 'nearest', 'maxAnswers', 'mixedTypes'] as const),
    ];
    const tiers = [type([{ '192.0.2.1': 1, '192.0.2.2': 3 }])];
    const flat = features.filter((one) => !['geo', 'subnets', 'residency', 'mixedTypes'].includes(one));
    for (const decider of ['portolan', 'native', 'both'] as const) {
      expect(Object.keys(handlings(placement(tiers, { features, decider })) as object)).toEqual(features);
      const routed = compile(placement(tiers, { features: flat, decider }));
      expect(routed.outcome).toBe('native');
      expect(routed.features.map(({ feature }) => feature)).toEqual(flat);
      for (const { detail } of routed.features) expect(detail).toMatch(/^[A-Z].{15,}\.$/);
    }
  });
});
