import { describe, expect, it } from 'vitest';
import { parseName } from '../dns/name.ts';
import type { Target } from '../health/types.ts';
import { checkSpec } from '../resources/health-check.ts';
import { compilePolicy } from '../routing/compiled.ts';
import { regionTable } from '../routing/geography.ts';
import type { RoutedPolicy } from '../routing/model.ts';
import {
  alias,
  DRAINED,
  dualStack,
  endpoint,
  geoRule,
  policyOf,
  stateOf,
  tier,
  type WorldSketch,
} from '../routing/testing/world.ts';
import { PLACES } from './answers.ts';
import type { Decider, PlaceGroup } from './placement.ts';
import { placementOf, unplacedPlacementOf } from './placement-of.ts';

const HOST = parseName('api.example.com');
const target = (id: string): Target => ({
  id,
  cluster: 'default/x',
  failureDomain: 'x',
  address: id,
  port: 443,
  check: checkSpec.parse({ protocol: 'tcp', port: 443 }),
  defaultHost: '',
});

function place(policy: Partial<RoutedPolicy>, world: WorldSketch = {}, decider: Decider = 'portolan') {
  return placementOf({
    policy: compilePolicy(policyOf(policy), regionTable()),
    hostname: HOST,
    state: stateOf(world),
    decider,
    accepted: [],
    target,
  });
}

/** `unknown +250: fra 75 par 25 > sin 100`: the first place, how many more, and who is in each tier. */
function lines(placement: ReturnType<typeof place>, type = 'A'): readonly string[] {
  return (placement.types.find((one) => one.type === type)?.groups ?? []).map(
    ({ places, tiers }) =>
      `${places.includes('unknown') ? 'unknown' : places[0]} +${places.length - 1}: ${tiers
        .map(({ members }) => members.map((m) => `${m.endpoint} ${m.weight}`).join(' '))
        .join(' > ')}`,
  );
}
const idOf = (groups: readonly PlaceGroup[] | undefined, where: string): string | undefined =>
  groups?.find(({ places }) => places.includes(where))?.id;

const shares = { defaultTiers: [tier(['fra', 3], ['par', 1], ['sin', 0]), tier('iad')] };
const rules = {
  geo: [
    geoRule('eu', { regions: ['EU'] }, tier('fra', 'par')),
    geoRule('california', { subdivisions: ['US-CA'] }, tier('sin')),
  ],
  defaultTiers: [tier('iad')],
};

describe('a placement that the hub decides', () => {
  it('is one group of all places when nothing tells them apart, with shares in percent', () => {
    const placement = place(shares);
    expect(lines(placement)).toEqual(['unknown +250: fra 75 par 25']);
    expect(placement.types[0]?.groups[0]?.places).toEqual(PLACES);
    expect(placement).toMatchObject({ hostname: HOST, policy: 'default/api', ttlSeconds: 30 });
  });

  it('follows health and drains', () => {
    expect(lines(place(shares, { down: ['fra'] }))).toEqual(['unknown +250: par 100']);
    expect(lines(place(shares, { down: ['fra', 'par'] }))).toEqual(['unknown +250: sin 100']);
    expect(lines(place(shares, { clusters: { fra: DRAINED } }))).toEqual(['unknown +250: par 100']);
    expect(lines(place(shares, { down: ['fra', 'par', 'sin', 'iad'] }))).toEqual([
      'unknown +250: fra 50 par 16.6667 sin 16.6667 iad 16.6667',
    ]);
  });

  it('tells places apart by rules: countries, and the parts of a country that a rule names', () => {
    expect(lines(place(rules))).toEqual([
      'unknown +223: iad 100',
      'AT +26: fra 50 par 50',
      'US-CA +0: sin 100',
    ]);
  });

  it('keeps the names of its groups while weights and health change, also when two come to be answered alike', () => {
    const usual = place(rules).types[0]?.groups;
    const emergency = place(rules, { down: ['fra', 'par'] });
    expect(lines(emergency)).toEqual(['unknown +223: iad 100', 'AT +26: iad 100', 'US-CA +0: sin 100']);
    for (const where of ['unknown', 'DE', 'US-CA'])
      expect(idOf(emergency.types[0]?.groups, where)).toBe(idOf(usual, where));
    const heavier = { ...rules, defaultTiers: [tier(['iad', 7])] };
    expect(idOf(place(heavier).types[0]?.groups, 'JP')).toBe(idOf(usual, 'JP'));
  });

  it('has everybody else together, by capacity and not by distance, when no tier has anybody', () => {
    const wide = {
      endpoints: [endpoint('fra', 'DE', { capacity: 3 }), endpoint('iad', 'US'), endpoint('sin', 'SG')],
      defaultTiers: [tier('sin')],
    };
    expect(lines(place(wide, { down: ['sin'] }))).toEqual(['unknown +250: fra 75 iad 25']);
  });

  it('ramps a drain in quarters', () => {
    const ramping = { defaultTiers: [tier('fra', 'par')], drainRampSeconds: 100 };
    const after = (drainedForMs: number): string | undefined =>
      lines(place(ramping, { clusters: { fra: { drainedForMs } } }))[0];
    expect([0, 24_999, 25_000, 49_999, 75_000, 100_000].map(after)).toEqual([
      'unknown +250: fra 50 par 50',
      'unknown +250: fra 50 par 50',
      'unknown +250: fra 42.8571 par 57.1429',
      'unknown +250: fra 42.8571 par 57.1429',
      'unknown +250: fra 20 par 80',
      'unknown +250: par 100',
    ]);
  });

  it('has the addresses that answer, canonical and sorted, each with the health target that judges it', () => {
    const endpoints = [
      dualStack('fra', 'DE', {
        addresses: [
          { address: '192.0.2.9', family: 4, targetId: 'nine' },
          { address: '192.0.2.10', family: 4, targetId: 'ten' },
          { address: '2001:DB8:0::1', family: 6, targetId: 'six' },
        ],
      }),
    ];
    const memberOf = (type: string, world: WorldSketch = {}) =>
      place({ endpoints, defaultTiers: [tier('fra')] }, world).types.find((one) => one.type === type)
        ?.groups[0]?.tiers[0]?.members[0];
    expect(memberOf('A')).toMatchObject({ cluster: 'default/fra', values: ['192.0.2.10', '192.0.2.9'] });
    expect(memberOf('A')?.targets.map(({ id }) => id)).toEqual(['ten', 'nine']);
    expect(memberOf('AAAA')?.values).toEqual(['2001:db8::1']);
    expect(memberOf('A', { down: ['nine'] })?.values).toEqual(['192.0.2.10']);
  });

  it('has the maintenance address where somebody asked for one, as a member without health', () => {
    const placement = place(
      {
        endpoints: [endpoint('fra', 'DE'), endpoint('iad', 'US')],
        defaultTiers: [tier('fra', 'iad')],
        residency: [
          {
            region: 'EU',
            unknownLocation: 'allow',
            onAllDown: { action: 'maintenance', addresses: ['203.0.113.1'] },
          },
        ],
      },
      { down: ['fra'] },
    );
    expect(lines(placement)).toEqual(['unknown +223: iad 100', 'AT +26: maintenance 100']);
    expect(placement.types[0]?.groups[1]?.tiers[0]?.members[0]).toEqual({
      endpoint: 'maintenance',
      cluster: '',
      weight: 100,
      values: ['203.0.113.1'],
      targets: [],
    });
  });

  it('tells which places no residency rule binds', () => {
    expect(place(shares).unbound).toBeUndefined();
    const { unbound } = place({
      residency: [{ region: 'EU', unknownLocation: 'restrict', onAllDown: { action: 'panic' } }],
    });
    expect(unbound).toContain('XK');
    expect(['DE', 'unknown'].filter((code) => unbound?.includes(code))).toEqual([]);
  });

  it('has CNAMEs in a table of their own', () => {
    const policy = {
      endpoints: [endpoint('fra', 'DE'), alias('cdn', 'US')],
      geo: [geoRule('eu', { regions: ['EU'] }, tier('fra'))],
      defaultTiers: [tier('cdn')],
    };
    const placement = place(policy);
    expect(lines(placement)).toEqual(['AT +26: fra 100']);
    expect(lines(placement, 'CNAME')).toEqual(['unknown +223: cdn 100']);
    expect(placement.types.map(({ type }) => type)).toEqual(['A', 'CNAME']);
    expect(placement.features).toContain('mixedTypes');
  });
});

describe("a placement that the provider's health checks decide", () => {
  it('has every later tier, with those of weight 0 in the tier that they stand in for', () => {
    expect(lines(place(shares, {}, 'native'))).toEqual(['unknown +250: fra 75 par 25 sin 0 > iad 100']);
    expect(lines(place(rules, {}, 'native'))).toEqual([
      'unknown +223: iad 100 > fra 33.3333 par 33.3333 sin 33.3333',
      'AT +26: fra 50 par 50 > iad 100 > sin 100',
      'US-CA +0: sin 100 > iad 100 > fra 50 par 50',
    ]);
  });

  it('does not look at the health that the hub sees, but at drains', () => {
    expect(place(shares, { down: ['fra', 'iad'] }, 'native')).toEqual(place(shares, {}, 'native'));
    expect(lines(place(shares, { clusters: { fra: DRAINED } }, 'native'))).toEqual([
      'unknown +250: par 100 sin 0 > iad 100',
    ]);
  });

  it('with the hub deciding too begins with who is up now, and has those that are down at the end', () => {
    expect(lines(place(shares, { down: ['fra'] }, 'both'))).toEqual([
      'unknown +250: par 100 sin 0 > iad 100 > fra 100',
    ]);
    expect(idOf(place(shares, { down: ['fra'] }, 'both').types[0]?.groups, 'DE')).toBe(
      idOf(place(shares, {}, 'both').types[0]?.groups, 'DE'),
    );
  });

  it('ends in the maintenance address where that is what somebody asked for', () => {
    const policy = {
      endpoints: [endpoint('fra', 'DE')],
      defaultTiers: [tier('fra')],
      residency: [
        {
          region: 'EU',
          unknownLocation: 'restrict' as const,
          onAllDown: { action: 'maintenance' as const, addresses: ['203.0.113.1'] },
        },
      ],
    };
    expect(lines(place(policy, {}, 'native'))).toEqual([
      'unknown +27: fra 100 > maintenance 100',
      'AD +222: fra 100',
    ]);
  });
});

describe('a placement without places', () => {
  it('is the default everywhere, of what every residency rule admits, and asks for nothing about places', () => {
    const policy = {
      ...rules,
      defaultTiers: [tier(['iad', 3], ['par', 1]), tier('fra')],
      residency: [
        { region: 'EU', unknownLocation: 'allow' as const, onAllDown: { action: 'panic' as const } },
      ],
    };
    const placement = unplacedPlacementOf(
      {
        policy: compilePolicy(policyOf(policy), regionTable()),
        hostname: HOST,
        state: stateOf(),
        decider: 'both',
        accepted: ['geo'],
        target,
      },
      regionTable(),
    );
    expect(lines(placement)).toEqual(['unknown +250: par 100 > fra 100']);
    expect(placement.features).toEqual(['weights', 'failover', 'dynamicTtl', 'nearest', 'maxAnswers']);
  });
});
