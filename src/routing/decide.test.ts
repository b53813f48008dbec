import { describe, expect, test } from 'vitest';
import { TYPE } from '../dns/types.ts';
import type { ResidencySpec } from '../resources/traffic-policy.ts';
import { compilePolicy } from './compiled.ts';
import { decide, distribution } from './decide.ts';
import type { Mode, RoutingQuery } from './evaluate.ts';
import { regionTable } from './geography.ts';
import type { RoutedPolicy } from './model.ts';
import { typesAt, typesOf } from './policy-types.ts';
import {
  alias,
  DRAINED,
  dualStack,
  endpoint,
  FRA,
  from,
  fromClient,
  geoRule,
  IAD,
  located,
  PAR,
  policyOf,
  seeded,
  stateOf,
  tier,
  type WorldSketch,
} from './testing/world.ts';

const REGIONS = regionTable({ Nordics: ['DK', 'FI', 'IS', 'NO', 'SE'] });

function shares(
  policy: Partial<RoutedPolicy>,
  query: RoutingQuery,
  world: WorldSketch = {},
): Record<string, number> {
  const result = distribution(compilePolicy(policyOf(policy), REGIONS), query, stateOf(world));
  return Object.fromEntries(result.shares.map((s) => [s.endpoint, Math.round(s.percent * 10) / 10]));
}

function modeOf(policy: Partial<RoutedPolicy>, query: RoutingQuery, world: WorldSketch = {}): Mode {
  return distribution(compilePolicy(policyOf(policy), REGIONS), query, stateOf(world)).mode;
}

function answer(policy: Partial<RoutedPolicy>, query: RoutingQuery, world: WorldSketch = {}) {
  return decide(compilePolicy(policyOf(policy), REGIONS), query, stateOf(world), seeded(1));
}

const EU: ResidencySpec = { region: 'EU', unknownLocation: 'restrict', onAllDown: { action: 'panic' } };

const geo = [
  geoRule('europe', { continents: ['EU'] }, tier('fra', 'par')),
  geoRule('nordics', { regions: ['Nordics'] }, tier('par')),
  geoRule('sweden', { countries: ['SE'] }, tier('iad')),
  geoRule('stockholm', { subdivisions: ['SE-AB'] }, tier('sin')),
  geoRule('office', { cidrs: ['198.51.100.0/24'] }, tier('fra')),
  geoRule('lab', { cidrs: ['198.51.100.128/25'] }, tier('par')),
];

describe('which rule answers', () => {
  const subdivision = { location: { country: 'SE', subdivision: 'SE-AB' }, prefixLength: 24, exact: true };
  test.each<[string, RoutingQuery, readonly string[]]>([
    ['a continent rule answers its countries', from('DE'), ['fra', 'par']],
    ['a region rule beats the continent', from('NO'), ['par']],
    ['a country rule beats the region', from('SE'), ['iad']],
    ['a subdivision rule beats the country', from('SE', { located: subdivision }), ['sin']],
    ['a CIDR rule beats the subdivision', { ...fromClient('198.51.100.1'), located: subdivision }, ['fra']],
    ['the longest CIDR wins', fromClient('198.51.100.200', 'SE'), ['par']],
    ['where no rule matches the default answers', from('BR'), ['fra', 'par', 'iad', 'sin']],
    ['an unknown location gets the default', from(undefined), ['fra', 'par', 'iad', 'sin']],
    [
      'a client that asks not to be located (ECS /0) gets the default',
      fromClient('198.51.100.0/0', 'SE'),
      ['fra', 'par', 'iad', 'sin'],
    ],
  ])('%s', (_sentence, query, endpoints) => {
    expect(Object.keys(shares({ geo }, query))).toEqual(endpoints);
  });

  test.each<[string, WorldSketch, readonly string[]]>([
    ['less specific rules follow when the specific one has nobody healthy', { down: ['iad'] }, ['par']],
    ['… then the next', { down: ['iad', 'par'] }, ['fra']],
    ['… then the default', { down: ['iad', 'par', 'fra'] }, ['sin']],
  ])('%s', (_sentence, world, endpoints) => {
    expect(Object.keys(shares({ geo }, from('SE'), world))).toEqual(endpoints);
  });

  test('when rules and default have nobody healthy the nearest other endpoint answers', () => {
    const policy = {
      geo: [geoRule('europe', { continents: ['EU'] }, tier('fra'))],
      defaultTiers: [tier('fra')],
    };
    expect(shares(policy, from('ES'), { down: ['fra'] })).toEqual({ par: 100 });
    expect(shares(policy, from('ES'), { down: ['fra', 'par'] })).toEqual({ iad: 100 });
    expect(shares(policy, from('JP'), { down: ['fra'] })).toEqual({ sin: 100 });
    expect(shares(policy, from(undefined), { down: ['fra'] })).toEqual({ par: 33.3, iad: 33.3, sin: 33.3 });
  });

  test('coordinates of the client and of the cluster are used where they are known', () => {
    const west = endpoint('west', 'US', { latitude: 45, longitude: -120 });
    const policy = { endpoints: [FRA, IAD, west], defaultTiers: [tier('fra')] };
    const seattle = {
      location: { country: 'US', latitude: 47.6, longitude: -122.3 },
      prefixLength: 20,
      exact: true,
    };
    expect(shares(policy, from('US', { located: seattle }), { down: ['fra'] })).toEqual({ west: 100 });
    expect(shares(policy, from('US'), { down: ['fra'] })).toEqual({ iad: 100 });
  });

  test('with nextBest none other endpoints stay out, even when all is down', () => {
    const policy = { nextBest: 'none' as const, defaultTiers: [tier('fra', 'par')] };
    expect(shares(policy, from('DE'), { down: ['fra', 'par'] })).toEqual({ fra: 50, par: 50 });
  });

  test('with nextBest none a place whose tiers residency forbids altogether is still answered, from inside', () => {
    const policy = { nextBest: 'none' as const, defaultTiers: [tier('iad')], residency: [EU] };
    expect(shares(policy, from('FR'))).toEqual({ par: 100 });
  });
});

describe('tiers, weights, capacity floor', () => {
  test('shares follow the weights', () => {
    expect(shares({ defaultTiers: [tier(['fra', 3], ['par', 1])] }, from('DE'))).toEqual({
      fra: 75,
      par: 25,
    });
  });

  test('the second tier answers when the first has nobody healthy', () => {
    const policy = { defaultTiers: [tier('fra'), tier('iad')] };
    expect(shares(policy, from('DE'))).toEqual({ fra: 100 });
    expect(shares(policy, from('DE'), { down: ['fra'] })).toEqual({ iad: 100 });
  });

  test('a member of weight 0 answers only when no weighted member is left', () => {
    const policy = { defaultTiers: [tier('fra', ['par', 0])] };
    expect(shares(policy, from('DE'))).toEqual({ fra: 100 });
    expect(shares(policy, from('DE'), { down: ['fra'] })).toEqual({ par: 100 });
  });

  test('members of unknown state count only in a tier where nobody is up', () => {
    const policy = { defaultTiers: [tier('fra', 'par'), tier('iad')] };
    expect(shares(policy, from('DE'), { unknown: ['fra'] })).toEqual({ par: 100 });
    expect(shares(policy, from('DE'), { unknown: ['fra', 'par'] })).toEqual({ fra: 50, par: 50 });
    expect(shares(policy, from('DE'), { unknown: ['fra'], down: ['par'] })).toEqual({ fra: 100 });
  });

  test('below the capacity floor a tier keeps what it can bear and the next takes the rest', () => {
    const policy = {
      capacityFloorPercent: 80,
      endpoints: [FRA, PAR, endpoint('ams', 'NL'), endpoint('mad', 'ES'), IAD],
      defaultTiers: [tier('fra', 'par', 'ams', 'mad'), tier('iad')],
    };
    expect(shares(policy, from('DE'))).toEqual({ fra: 25, par: 25, ams: 25, mad: 25 });
    // 2 of 4 healthy is 50 %, which bears 50 / 80 of the traffic.
    expect(shares(policy, from('DE'), { down: ['ams', 'mad'] })).toEqual({ fra: 31.3, par: 31.3, iad: 37.5 });
    expect(shares({ ...policy, capacityFloorPercent: 50 }, from('DE'), { down: ['ams', 'mad'] })).toEqual({
      fra: 50,
      par: 50,
    });
  });

  test('the capacity floor never sends a restricted client outside its region', () => {
    const policy = {
      capacityFloorPercent: 100,
      defaultTiers: [tier('fra', 'par'), tier('iad')],
      residency: [EU],
    };
    expect(shares(policy, from('DE'), { down: ['par'] })).toEqual({ fra: 100 });
  });
});

describe('panic', () => {
  test('I5 all unhealthy: everybody who is not drained answers', () => {
    const world = { down: ['fra', 'par', 'iad', 'sin'], clusters: { sin: DRAINED } };
    expect(shares({}, from('DE'), world)).toEqual({ fra: 33.3, par: 33.3, iad: 33.3 });
    expect(modeOf({}, from('DE'), world)).toBe('panic');
  });

  test('below the panic threshold health is ignored and tiers are kept', () => {
    const policy = { panicThresholdPercent: 50, defaultTiers: [tier('fra', 'par'), tier('iad', 'sin')] };
    expect(modeOf(policy, from('DE'), { down: ['fra', 'iad'] })).toBe('healthy');
    expect(modeOf(policy, from('DE'), { down: ['fra', 'iad', 'sin'] })).toBe('panicThreshold');
    expect(shares(policy, from('DE'), { down: ['fra', 'iad', 'sin'] })).toEqual({ fra: 50, par: 50 });
  });

  test('drained endpoints are neither capacity nor served in a panic', () => {
    const policy = { panicThresholdPercent: 60 };
    const world = { down: ['fra'], clusters: { iad: DRAINED, sin: DRAINED } };
    expect(modeOf(policy, from('DE'), world)).toBe('panicThreshold');
    expect(shares(policy, from('DE'), world)).toEqual({ fra: 50, par: 50 });
  });

  test('I4 when all are drained they answer rather than nobody', () => {
    const clusters = { fra: DRAINED, par: DRAINED, iad: DRAINED, sin: DRAINED };
    expect(modeOf({}, from('DE'), { clusters })).toBe('lastResort');
    expect(answer({}, from('DE'), { clusters }).answers).toHaveLength(1);
  });
});

describe('residency', () => {
  const eu = { residency: [EU], defaultTiers: [tier('iad', 'fra', 'par', 'sin')] };

  test.each<[string, RoutingQuery, WorldSketch, Record<string, number>]>([
    ['a query inside is answered from inside', from('DE'), {}, { fra: 50, par: 50 }],
    ['a query outside is answered by anybody', from('US'), {}, { iad: 25, fra: 25, par: 25, sin: 25 }],
    ['an unknown location is answered from inside', from(undefined), {}, { fra: 50, par: 50 }],
    ['ECS /0 is answered from inside', fromClient('198.51.100.0/0', 'US'), {}, { fra: 50, par: 50 }],
    [
      'I5 all inside down: all inside, nobody else',
      from('DE'),
      { down: ['fra', 'par'] },
      { fra: 50, par: 50 },
    ],
    ['one inside down: the other', from('DE'), { down: ['fra'] }, { par: 100 }],
    [
      'one down, the other drained: the one down',
      from('DE'),
      { down: ['fra'], clusters: { par: DRAINED } },
      { fra: 100 },
    ],
    ['both drained: both', from('DE'), { clusters: { fra: DRAINED, par: DRAINED } }, { fra: 50, par: 50 }],
  ])('%s', (_sentence, query, world, expected) => {
    expect(shares(eu, query, world)).toEqual(expected);
  });

  test('a rule with unknownLocation allow leaves unknown locations free', () => {
    const policy = { ...eu, residency: [{ ...EU, unknownLocation: 'allow' as const }] };
    expect(Object.keys(shares(policy, from(undefined)))).toEqual(['iad', 'fra', 'par', 'sin']);
  });

  test('a network that is only partly known to lie outside is answered from inside', () => {
    const partly = { ...located('US', 26), exact: false };
    expect(shares(eu, { ...fromClient('198.51.100.0/24'), located: partly })).toEqual({ fra: 50, par: 50 });
  });

  test('a continent without a country is an unknown location', () => {
    const asia = { location: { continent: 'AS' as const }, prefixLength: 8, exact: true };
    expect(shares(eu, from(undefined, { located: asia }))).toEqual({ fra: 50, par: 50 });
  });

  test('a CIDR rule does not lead outside', () => {
    const policy = { ...eu, geo: [geoRule('office', { cidrs: ['198.51.100.0/24'] }, tier('iad'))] };
    expect(shares(policy, fromClient('198.51.100.7', 'DE'))).toEqual({ fra: 50, par: 50 });
  });

  test('of two regions the smaller one says what happens when all is down', () => {
    const dach = regionTable({ DACH: ['DE', 'AT', 'CH'] });
    const policy = policyOf({
      residency: [
        { ...EU, onAllDown: { action: 'maintenance', addresses: ['203.0.113.1'] } },
        {
          region: 'DACH',
          unknownLocation: 'allow',
          onAllDown: { action: 'maintenance', addresses: ['203.0.113.2'] },
        },
      ],
    });
    const compiled = compilePolicy(policy, dach);
    const inDe = decide(compiled, from('DE'), stateOf({ down: ['fra'] }), seeded(1));
    expect(inDe.answers).toEqual([{ kind: 'maintenance', region: 'DACH', addresses: ['203.0.113.2'] }]);
    const inFr = decide(compiled, from('FR'), stateOf({ down: ['fra', 'par'] }), seeded(1));
    expect(inFr.answers).toEqual([{ kind: 'maintenance', region: 'EU', addresses: ['203.0.113.1'] }]);
  });

  test('onAllDown maintenance answers with its address and beats panic', () => {
    const residency: ResidencySpec[] = [
      { ...EU, onAllDown: { action: 'maintenance', addresses: ['203.0.113.9', '2001:db8::9'] } },
    ];
    const policy = { ...eu, residency, panicThresholdPercent: 90 };
    const all = answer(policy, from('DE'), { down: ['fra', 'par'] });
    expect(all.answers).toEqual([{ kind: 'maintenance', region: 'EU', addresses: ['203.0.113.9'] }]);
    expect(answer(policy, from('DE'), { down: ['fra'] }).mode).toBe('panicThreshold');
  });

  test('onAllDown lastAnswer keeps the last healthy endpoints, but never one outside or drained', () => {
    const residency: ResidencySpec[] = [{ ...EU, onAllDown: { action: 'lastAnswer' } }];
    const policy = { ...eu, residency };
    const down = ['fra', 'par'];
    expect(shares(policy, from('DE'), { down, lastHealthy: ['par', 'iad'] })).toEqual({ par: 100 });
    expect(modeOf(policy, from('DE'), { down, lastHealthy: ['par'] })).toBe('lastAnswer');
    expect(shares(policy, from('DE'), { down, lastHealthy: ['iad'] })).toEqual({ fra: 50, par: 50 });
    expect(shares(policy, from('DE'), { down, lastHealthy: ['par'], clusters: { par: DRAINED } })).toEqual({
      fra: 100,
    });
  });

  test('a region that is not defined admits nobody rather than everybody', () => {
    const policy = { residency: [{ ...EU, region: 'Atlantis' }] };
    expect(answer(policy, from(undefined)).answers).toEqual([]);
  });
});

describe('drains', () => {
  const ramp = { drainRampSeconds: 60 };

  test('without a ramp a drained cluster is out at once', () => {
    expect(
      shares({ defaultTiers: [tier('fra', 'par')] }, from('DE'), { clusters: { fra: { drainedForMs: 0 } } }),
    ).toEqual({ par: 100 });
  });

  test('a ramp takes the weight away in proportion to time, and gives it back', () => {
    const policy = { ...ramp, defaultTiers: [tier('fra', 'par')] };
    expect(shares(policy, from('DE'), { clusters: { fra: { drainedForMs: 30_000 } } })).toEqual({
      fra: 33.3,
      par: 66.7,
    });
    expect(shares(policy, from('DE'), { clusters: { fra: { drainedForMs: 60_000 } } })).toEqual({ par: 100 });
    expect(shares(policy, from('DE'), { clusters: { fra: { undrainedForMs: 15_000 } } })).toEqual({
      fra: 20,
      par: 80,
    });
    expect(shares(policy, from('DE'), { clusters: { fra: { undrainedForMs: 60_000 } } })).toEqual({
      fra: 50,
      par: 50,
    });
  });

  test('a drain taken back in the middle of its ramp goes on from what was left, never below', () => {
    const policy = { ...ramp, defaultTiers: [tier('fra', 'par')] };
    const at = (undrainedForMs: number) =>
      shares(policy, from('DE'), { clusters: { fra: { undrainedForMs, wasDrainedForMs: 6_000 } } });
    // 6 s of 60 s had gone: 90 % of the weight was left.
    expect(at(0)).toEqual({ fra: 47.4, par: 52.6 });
    expect(at(3_000)).toEqual({ fra: 48.7, par: 51.3 });
    expect(at(6_000)).toEqual({ fra: 50, par: 50 });
  });

  test('a tier of one cluster ramps into the next tier', () => {
    const policy = { ...ramp, defaultTiers: [tier('fra'), tier('iad')] };
    expect(shares(policy, from('DE'), { clusters: { fra: { drainedForMs: 15_000 } } })).toEqual({
      fra: 75,
      iad: 25,
    });
    expect(
      shares(policy, from('DE'), {
        clusters: { fra: { drainedForMs: 15_000 } },
        down: ['iad', 'par', 'sin'],
      }),
    ).toEqual({ fra: 100 });
  });

  test('a cluster that just came back answers when it is the only one', () => {
    const world = { clusters: { fra: { undrainedForMs: 0 } }, down: ['par', 'iad', 'sin'] };
    expect(shares({ ...ramp }, from('DE'), world)).toEqual({ fra: 100 });
  });
});

describe('types', () => {
  const mixed = {
    endpoints: [dualStack('fra', 'DE'), PAR, IAD],
    defaultTiers: [tier('par'), tier('fra'), tier('iad')],
  };
  const aaaa = (country: string | undefined) => from(country, { qtype: TYPE.AAAA });

  test('AAAA goes on to a tier that has IPv6 instead of saying no data', () => {
    expect(shares(mixed, from('FR'))).toEqual({ par: 100 });
    expect(shares(mixed, aaaa('FR'))).toEqual({ fra: 100 });
    expect(shares(mixed, aaaa('FR'), { down: ['fra/6'] })).toEqual({ fra: 100 });
    expect(modeOf(mixed, aaaa('FR'), { down: ['fra/6'] })).toBe('panic');
  });

  test('each family is judged by its own addresses', () => {
    const policy = {
      endpoints: [dualStack('fra', 'DE'), dualStack('par', 'FR')],
      defaultTiers: [tier('fra'), tier('par')],
    };
    expect(shares(policy, from('DE'), { down: ['fra/6'] })).toEqual({ fra: 100 });
    expect(shares(policy, aaaa('DE'), { down: ['fra/6'] })).toEqual({ par: 100 });
  });

  test('no IPv6 anywhere: AAAA is no data, also for other types', () => {
    expect(answer({}, aaaa('DE'))).toMatchObject({ answers: [], mode: 'noData', ttlSeconds: 30 });
    expect(answer({}, from('DE', { qtype: TYPE.MX })).answers).toEqual([]);
    expect(typesOf(compilePolicy(policyOf(), REGIONS))).toEqual(new Set([TYPE.A]));
  });

  test('IPv6 only outside the region: no data inside, and never from outside', () => {
    const policy = {
      endpoints: [FRA, dualStack('iad', 'US')],
      defaultTiers: [tier('fra', 'iad')],
      residency: [EU],
    };
    expect(answer(policy, aaaa('DE')).answers).toEqual([]);
    expect(shares(policy, aaaa('US'))).toEqual({ iad: 100 });
    const compiled = compilePolicy(policyOf(policy), REGIONS);
    expect(typesAt(compiled, located('DE'))).toEqual(new Set([TYPE.A]));
    expect(typesOf(compiled)).toEqual(new Set([TYPE.A, TYPE.AAAA]));
  });

  test('only the addresses of an endpoint that are up are served', () => {
    const two = endpoint('fra', 'DE', {
      addresses: [
        { address: '192.0.2.1', family: 4, targetId: 'one' },
        { address: '192.0.2.2', family: 4, targetId: 'two' },
      ],
    });
    const policy = { endpoints: [two], defaultTiers: [tier('fra')] };
    const served = (world: WorldSketch) => answer(policy, from('DE'), world).answers;
    expect(served({})).toMatchObject([{ addresses: ['192.0.2.1', '192.0.2.2'] }]);
    expect(served({ down: ['one'] })).toMatchObject([{ addresses: ['192.0.2.2'] }]);
    expect(served({ down: ['one'], unknown: ['two'] })).toMatchObject([{ addresses: ['192.0.2.2'] }]);
    expect(served({ down: ['one', 'two'] })).toMatchObject([{ addresses: ['192.0.2.1', '192.0.2.2'] }]);
  });

  test('an alias answers every type, and one alone', () => {
    const policy = {
      endpoints: [alias('one', 'DE'), alias('two', 'FR')],
      defaultTiers: [tier('one', 'two')],
      selection: { mode: 'weighted' as const, maxAnswers: 4 },
    };
    for (const qtype of [TYPE.A, TYPE.AAAA, TYPE.MX]) {
      expect(answer(policy, from('DE', { qtype })).answers).toHaveLength(1);
      expect(answer(policy, from('DE', { qtype })).answers[0]).toMatchObject({ kind: 'cname' });
    }
  });

  test('an alias in a later tier answers all types or none: AAAA does not get it while A has addresses', () => {
    const policy = { endpoints: [FRA, alias('cdn', 'DE')], defaultTiers: [tier('fra'), tier('cdn')] };
    expect(answer(policy, from('DE')).answers[0]).toMatchObject({ kind: 'addresses', endpoint: 'fra' });
    expect(answer(policy, aaaa('DE')).answers).toEqual([]);
    expect(answer(policy, from('DE'), { down: ['fra'] }).answers[0]).toMatchObject({
      kind: 'cname',
      endpoint: 'cdn',
    });
    expect(answer(policy, aaaa('DE'), { down: ['fra'] }).answers[0]).toMatchObject({
      kind: 'cname',
      endpoint: 'cdn',
    });
  });
});

describe('TTL', () => {
  const two = { defaultTiers: [tier('fra'), tier('par')] };
  const aliasLast = {
    endpoints: [dualStack('dual', 'DE'), alias('cdn', 'DE')],
    defaultTiers: [tier('dual'), tier('cdn')],
  };
  test.each<[string, Partial<RoutedPolicy>, WorldSketch, number]>([
    ["is the policy's when no change is in sight", two, {}, 30],
    ['is the time until a change in sight', two, { earliestChangeMs: { fra: 12_900 } }, 12],
    ['is never below the minimum', two, { earliestChangeMs: { fra: 0 } }, 5],
    ['does not care for tiers that were not asked', two, { earliestChangeMs: { par: 0 } }, 30],
    ['cares for the return of an earlier tier', two, { down: ['fra'], earliestChangeMs: { fra: 9_000 } }, 9],
    ['is the time until a drain ends', two, { clusters: { fra: { ...DRAINED, drainEndsInMs: 20_000 } } }, 20],
    [
      'is the minimum while a drain ramps',
      { ...two, drainRampSeconds: 60 },
      { clusters: { fra: { drainedForMs: 1_000 } } },
      5,
    ],
    ['is the minimum in a panic', two, { down: ['fra', 'par', 'iad', 'sin'] }, 5],
    [
      'cares for the return of another address of the family',
      {
        endpoints: [
          {
            ...FRA,
            addresses: ['one', 'two'].map((targetId, i) => ({
              address: `192.0.2.${i + 1}`,
              family: 4 as const,
              targetId,
            })),
          },
        ],
        defaultTiers: [tier('fra')],
      },
      { down: ['one'], earliestChangeMs: { one: 9_000 } },
      9,
    ],
    [
      'does not care for an address of the other family that is down, where tiers have aliases too',
      aliasLast,
      { down: ['dual/6'], earliestChangeMs: { 'dual/6': 0 } },
      30,
    ],
    [
      'cares for the address that keeps the alias of a later tier away',
      aliasLast,
      { down: ['dual/6'], earliestChangeMs: { 'dual/6': 0, dual: 9_000 } },
      9,
    ],
    [
      'cares for each address that can bring an earlier tier back',
      aliasLast,
      { down: ['dual', 'dual/6'], earliestChangeMs: { 'dual/6': 8_000, dual: 9_000 } },
      8,
    ],
    ["is the policy's for a view of 30 s", two, { staleForMs: 30_000 }, 30],
    ['is the minimum for a view older than 30 s', two, { staleForMs: 30_001 }, 5],
  ])('%s', (_sentence, policy, world, ttl) => {
    expect(answer(policy, from('DE'), world).ttlSeconds).toBe(ttl);
  });
});

describe('ECS scope', () => {
  const byCountry = [geoRule('de', { countries: ['DE'] }, tier('fra'))];
  const byCidr = [geoRule('office', { cidrs: ['198.51.100.0/24'] }, tier('fra'))];
  const sticky = { mode: 'sticky' as const, maxAnswers: 1, ipv4PrefixLength: 22, ipv6PrefixLength: 48 };
  test.each<[string, Partial<RoutedPolicy>, RoutingQuery, WorldSketch, number]>([
    ['is 0 when the client does not matter', {}, fromClient('198.51.100.7', 'DE', 17), {}, 0],
    [
      'is the GeoIP network when places matter',
      { geo: byCountry },
      fromClient('198.51.100.7', 'DE', 17),
      {},
      17,
    ],
    [
      'is the GeoIP network when only residency matters',
      { residency: [EU] },
      fromClient('198.51.100.7', 'US', 17),
      {},
      17,
    ],
    ['is that of a matching CIDR', { geo: byCidr }, fromClient('198.51.100.7', 'DE', 17), {}, 24],
    [
      'tells of a narrower CIDR next to the client',
      { geo: byCidr },
      fromClient('198.51.101.7', 'DE', 17),
      {},
      24,
    ],
    ['is short far away from any CIDR', { geo: byCidr }, fromClient('10.0.0.1', 'DE', 17), {}, 1],
    ['is that of sticky networks', { selection: sticky }, fromClient('198.51.100.7', 'DE', 17), {}, 22],
    [
      'is the longest of all',
      { geo: [...byCountry, ...byCidr], selection: sticky },
      fromClient('198.51.100.7', 'DE', 17),
      {},
      24,
    ],
    [
      'is the GeoIP network once distance decides',
      { defaultTiers: [tier('fra')] },
      fromClient('198.51.100.7', 'DE', 17),
      { down: ['fra'] },
      17,
    ],
    [
      'may be longer than what was announced',
      { geo: byCountry },
      fromClient('198.51.100.0/16', 'DE', 23),
      {},
      23,
    ],
    [
      'is 0 for ECS /0',
      { geo: [...byCountry, ...byCidr], selection: sticky },
      fromClient('198.51.100.0/0', 'DE', 17),
      {},
      0,
    ],
    ['is 0 without a client', { geo: byCountry }, from('DE'), {}, 0],
  ])('%s', (_sentence, policy, query, world, scope) => {
    expect(answer(policy, query, world).scopePrefixLength).toBe(scope);
  });
});

test('several answers are different endpoints', () => {
  const policy = { selection: { mode: 'weighted' as const, maxAnswers: 3 } };
  const names = answer(policy, from('DE')).answers.map((a) => (a.kind === 'addresses' ? a.endpoint : ''));
  expect(new Set(names).size).toBe(3);
});
