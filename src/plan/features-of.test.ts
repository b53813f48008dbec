import { describe, expect, it } from 'vitest';
import type { RoutedPolicy } from '../routing/model.ts';
import { alias, endpoint, FRA, geoRule, IAD, policyOf, tier } from '../routing/testing/world.ts';
import type { Feature } from './compile-report.ts';
import { featuresOf } from './features-of.ts';

/** Nothing that any provider could not keep: two equal members, one TTL. */
const PLAIN: Partial<RoutedPolicy> = {
  endpoints: [FRA, IAD],
  defaultTiers: [tier('fra', 'iad')],
  minTtlSeconds: 30,
  selection: { mode: 'weighted', maxAnswers: 2 },
};
const sticky = { mode: 'sticky', maxAnswers: 2, ipv4PrefixLength: 24, ipv6PrefixLength: 48 } as const;
const panic = { action: 'panic' } as const;

const TABLE: readonly (readonly [string, Partial<RoutedPolicy>, readonly Feature[]])[] = [
  ['nothing', {}, []],
  [
    'rules about countries, and so the default behind them',
    { geo: [geoRule('eu', { countries: ['DE'] }, tier('fra'))] },
    ['geo', 'failover'],
  ],
  [
    'rules about networks',
    { geo: [geoRule('net', { cidrs: ['198.51.100.0/24'] }, tier('fra'))] },
    ['subnets', 'failover'],
  ],
  ['unequal weights', { defaultTiers: [tier(['fra', 2], ['iad', 1])] }, ['weights']],
  ['a standby', { defaultTiers: [tier('fra', ['iad', 0])] }, ['failover']],
  ['standbys alone, which are equal', { defaultTiers: [tier(['fra', 0], ['iad', 0])] }, []],
  ['a second tier', { defaultTiers: [tier('fra'), tier('iad')] }, ['failover']],
  ['residency', { residency: [{ region: 'EU', unknownLocation: 'allow', onAllDown: panic }] }, ['residency']],
  ['stickiness', { selection: sticky }, ['sticky']],
  [
    'stickiness to the only endpoint',
    { selection: sticky, endpoints: [FRA], defaultTiers: [tier('fra')] },
    [],
  ],
  ['a lower TTL near changes', { minTtlSeconds: 5 }, ['dynamicTtl']],
  ['a panic threshold', { panicThresholdPercent: 30 }, ['panic']],
  ['a capacity floor', { capacityFloorPercent: 30 }, ['capacityFloor']],
  ['a ramp', { drainRampSeconds: 60 }, ['drainRamp']],
  ['an endpoint in no tier', { endpoints: [FRA, IAD, endpoint('sin', 'SG')] }, ['nearest']],
  ['an endpoint never to be used', { endpoints: [FRA, IAD, endpoint('sin', 'SG')], nextBest: 'none' }, []],
  ['fewer answers than members', { selection: { mode: 'weighted', maxAnswers: 1 } }, ['maxAnswers']],
  [
    'aliases, of which one answers at a time',
    { endpoints: [alias('fra', 'DE'), alias('iad', 'US')] },
    ['weights'],
  ],
  ['aliases and addresses', { endpoints: [FRA, alias('iad', 'US')] }, ['mixedTypes']],
];

describe('what a policy asks of a provider', () => {
  it.each(TABLE)('with %s', (_, more, features) => {
    expect(featuresOf({ source: policyOf({ ...PLAIN, ...more }) })).toEqual(features);
  });
});
