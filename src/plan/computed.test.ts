import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseName } from '../dns/name.ts';
import { compilePolicy } from '../routing/compiled.ts';
import { regionTable } from '../routing/geography.ts';
import type { RoutedPolicy } from '../routing/model.ts';
import { policies, REGIONS, worlds } from '../routing/testing/arbitrary.ts';
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
import type { Feature } from './compile-report.ts';
import { computedRecords } from './computed.ts';

const HOST = parseName('api.example.com');

function computed(policy: Partial<RoutedPolicy>, world: WorldSketch = {}, accepted: readonly Feature[] = []) {
  return computedRecords({
    policy: compilePolicy(policyOf(policy), regionTable()),
    hostname: HOST,
    state: stateOf(world),
    regions: regionTable(),
    decider: 'portolan',
    accepted,
    ttlSeconds: 30,
  });
}
const texts = (result: ReturnType<typeof computed>): readonly string[] =>
  result.sets.map(({ type, ttlSeconds, values }) => `${ttlSeconds} ${type} ${values.join(' ')}`);
const handlingOf = (result: ReturnType<typeof computed>, feature: Feature): string | undefined =>
  result.features.find((report) => report.feature === feature)?.handling;

const eu = dualStack('eu', 'DE', {
  addresses: [
    { address: '192.0.2.9', family: 4, targetId: 'eu' },
    { address: '192.0.2.10', family: 4, targetId: 'eu/b' },
    { address: '2001:DB8:0::9', family: 6, targetId: 'eu/6' },
  ],
});
const fr = endpoint('fr', 'FR', { addresses: [{ address: '192.0.2.2', family: 4, targetId: 'fr' }] });
const us = endpoint('us', 'US', { addresses: [{ address: '192.0.2.3', family: 4, targetId: 'us' }] });
const three = { endpoints: [eu, fr, us], defaultTiers: [tier('eu', 'us'), tier('fr')] };
const inEurope = (
  onAllDown: RoutedPolicy['residency'][number]['onAllDown'],
): RoutedPolicy['residency'][number] => ({
  region: 'EU',
  unknownLocation: 'allow',
  onAllDown,
});

describe('plain records of a moment', () => {
  it('are the healthy members of the first tier, canonical and sorted', () => {
    expect(texts(computed(three))).toEqual(['30 A 192.0.2.10 192.0.2.3 192.0.2.9', '30 AAAA 2001:db8::9']);
    expect(texts(computed(three, { down: ['eu/b', 'us'] }))).toEqual([
      '30 A 192.0.2.9',
      '30 AAAA 2001:db8::9',
    ]);
  });

  it('follow a failover, a drain, and panic', () => {
    expect(texts(computed(three, { down: ['eu', 'eu/b', 'eu/6', 'us'] }))[0]).toBe('30 A 192.0.2.2');
    expect(texts(computed(three, { clusters: { eu: DRAINED } }))).toContain('30 A 192.0.2.3');
    const all = ['eu', 'eu/b', 'eu/6', 'us', 'fr'];
    expect(texts(computed(three, { down: all }))[0]).toBe('30 A 192.0.2.10 192.0.2.2 192.0.2.3 192.0.2.9');
  });

  it('I5 hold only what every residency rule admits, also rules that let unknown places off', () => {
    const residency = [inEurope({ action: 'panic' })];
    expect(texts(computed({ ...three, residency }))).toEqual([
      '30 A 192.0.2.10 192.0.2.9',
      '30 AAAA 2001:db8::9',
    ]);
    expect(texts(computed({ ...three, residency }, { down: ['eu', 'eu/b', 'eu/6'] }))[0]).toBe(
      '30 A 192.0.2.2',
    );
  });

  it('are refused, not empty, where the rules leave nobody, even with a maintenance address', () => {
    const residency = [
      inEurope({ action: 'maintenance', addresses: ['203.0.113.1'] }),
      { ...inEurope({ action: 'panic' }), region: 'US' },
    ];
    const regions = { ...regionTable(), US: ['US'] };
    const result = computedRecords({
      policy: compilePolicy(policyOf({ ...three, residency }), regions),
      hostname: HOST,
      state: stateOf(),
      regions,
      decider: 'portolan',
      accepted: [],
      ttlSeconds: 30,
    });
    expect(result).toMatchObject({ refused: true, sets: [], empty: false });
    expect(handlingOf(result, 'residency')).toBe('refused');
  });

  it('are the maintenance address once everybody admitted is down, where somebody asked for that', () => {
    const residency = [inEurope({ action: 'maintenance', addresses: ['203.0.113.1'] })];
    const down = ['eu', 'eu/b', 'eu/6', 'fr'];
    expect(texts(computed({ ...three, residency }, { down }))).toEqual(['30 A 203.0.113.1']);
    const six = [inEurope({ action: 'maintenance', addresses: ['2001:db8::1'] })];
    const only4 = { endpoints: [fr], defaultTiers: [tier('fr')], residency: six };
    expect(computed(only4, { down: ['fr'] })).toMatchObject({ sets: [], empty: true, refused: false });
  });

  it('are the heaviest CNAME and nothing beside it', () => {
    const endpoints = [alias('one', 'DE'), alias('two', 'US')];
    const defaultTiers = [tier(['one', 1], ['two', 3])];
    expect(computed({ endpoints, defaultTiers }).refused).toBe(true);
    expect(texts(computed({ endpoints, defaultTiers }, {}, ['weights']))).toEqual(['30 CNAME two.cdn.test.']);
    expect(texts(computed({ endpoints, defaultTiers }, { down: ['two'] }, ['weights']))).toEqual([
      '30 CNAME one.cdn.test.',
    ]);
  });

  it('have 16 addresses of a type at most, of the heaviest', () => {
    const endpoints = Array.from({ length: 40 }, (_, i) =>
      endpoint(`e${i}`, 'DE', {
        addresses: [{ address: `192.0.2.${i + 1}`, family: 4, targetId: `e${i}` }],
      }),
    );
    const defaultTiers = [tier(...endpoints.map(({ name }, i): [string, number] => [name, i + 1]))];
    const [set] = computed({ endpoints, defaultTiers }, {}, ['weights']).sets;
    expect(set?.values).toHaveLength(16);
    expect(set?.values).toContain('192.0.2.40');
    expect(set?.values).not.toContain('192.0.2.24');
  });

  it('say of each feature that the policy uses what becomes of it', () => {
    const geo = [
      geoRule('eu', { regions: ['EU'], cidrs: ['198.51.100.0/24'] }, tier('eu')),
      geoRule('jp', { countries: ['JP'] }, tier('us')),
    ];
    const everything = computed(
      {
        ...three,
        defaultTiers: [tier(['eu', 2], ['us', 1])],
        geo,
        residency: [inEurope({ action: 'panic' })],
        selection: { mode: 'sticky', maxAnswers: 1, ipv4PrefixLength: 24, ipv6PrefixLength: 48 },
        panicThresholdPercent: 30,
        capacityFloorPercent: 50,
        drainRampSeconds: 60,
      },
      {},
      ['geo', 'subnets', 'weights'],
    );
    expect(
      Object.fromEntries(everything.features.map(({ feature, handling }) => [feature, handling])),
    ).toEqual({
      geo: 'lost',
      subnets: 'lost',
      weights: 'lost',
      failover: 'computed',
      residency: 'computed',
      sticky: 'lost',
      dynamicTtl: 'lost',
      panic: 'computed',
      capacityFloor: 'computed',
      drainRamp: 'lost',
      nearest: 'lost',
      maxAnswers: 'lost',
    });
    expect(everything.sets.length).toBeGreaterThan(0);
    const simple = computed({
      endpoints: [us],
      defaultTiers: [tier('us')],
      minTtlSeconds: 30,
    });
    expect(simple.features).toEqual([]);
    for (const { detail } of everything.features) expect(detail).toMatch(/^[A-Z].+\.$/);
  });

  it('mix no types where places are told apart, unless that is accepted', () => {
    const mixed = {
      endpoints: [eu, alias('cdn', 'US')],
      geo: [geoRule('us', { countries: ['US'] }, tier('cdn'))],
      defaultTiers: [tier('eu')],
    };
    expect(handlingOf(computed(mixed, {}, ['geo']), 'mixedTypes')).toBe('refused');
    const accepted = computed(mixed, {}, ['geo', 'mixedTypes']);
    expect(handlingOf(accepted, 'mixedTypes')).toBe('lost');
    expect(texts(accepted)[0]).toBe('30 A 192.0.2.10 192.0.2.9');
    // One after the other is no mix.
    const fallback = { endpoints: [eu, alias('cdn', 'US')], defaultTiers: [tier('eu'), tier('cdn')] };
    const down = ['eu', 'eu/b', 'eu/6'];
    expect(handlingOf(computed(fallback), 'mixedTypes')).toBe('computed');
    expect(texts(computed(fallback, { down }))).toEqual(['30 CNAME cdn.cdn.test.']);
  });

  it('I4 I5 are never empty while somebody is admitted, and never name a cluster that a rule keeps out, in any state', () => {
    let restricted = 0;
    fc.assert(
      fc.property(policies('mixed'), worlds(), (source, world) => {
        const result = computedRecords({
          policy: compilePolicy(source, REGIONS),
          hostname: HOST,
          state: stateOf(world),
          regions: REGIONS,
          decider: 'both',
          accepted: ['geo', 'subnets', 'weights', 'mixedTypes'],
          ttlSeconds: 30,
        });
        const admitted = source.endpoints.filter(({ country }) =>
          source.residency.every(({ region }) => REGIONS[region]?.includes(country)),
        );
        expect(result.refused).toBe(admitted.length === 0);
        const allowed = new Set<string>([
          ...admitted.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
          ...admitted.flatMap(({ cname }) => (cname === undefined ? [] : [cname.name])),
          ...source.residency.flatMap(({ onAllDown }) =>
            onAllDown.action === 'maintenance' ? onAllDown.addresses : [],
          ),
        ]);
        for (const value of result.sets.flatMap(({ values }) => values)) expect(allowed).toContain(value);
        if (admitted.length > 0 && admitted.length < source.endpoints.length) restricted += 1;
        const byMaintenance = source.residency.some(({ onAllDown }) => onAllDown.action === 'maintenance');
        if (!result.refused && !byMaintenance) expect(result.sets.length).toBeGreaterThan(0);
        if (result.sets.some(({ type }) => type === 'CNAME')) expect(result.sets).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
    expect(restricted).toBeGreaterThan(5);
  });
});
