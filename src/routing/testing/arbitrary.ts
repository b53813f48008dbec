import fc from 'fast-check';
import { TYPE } from '../../dns/types.ts';
import type { ResidencySpec } from '../../resources/traffic-policy.ts';
import type { RoutingQuery } from '../evaluate.ts';
import { regionTable } from '../geography.ts';
import { countryLocation } from '../location.ts';
import type { ClientAddress, Located, RoutedGeoRule, RoutedPolicy, RoutedTier } from '../model.ts';
import { alias, dualStack, endpoint, policyOf, type WorldSketch } from './world.ts';

/** Nordics is there so that regions overlap without being nested. */
export const REGIONS = regionTable({ Nordics: ['DK', 'FI', 'IS', 'NO', 'SE'] });

const PLACES = ['DE', 'FR', 'SE', 'IS', 'CH', 'US', 'SG', 'BR'] as const;
const CIDRS = [
  '198.51.100.0/24',
  '198.51.100.128/25',
  '198.51.96.0/20',
  '10.0.0.0/8',
  '2001:db8::/32',
  '2001:db8:1::/48',
];

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

function weightedTier(names: readonly string[]): fc.Arbitrary<RoutedTier> {
  return fc
    .uniqueArray(fc.record({ endpoint: fc.constantFrom(...names), weight: fc.integer({ min: 0, max: 5 }) }), {
      selector: (member) => member.endpoint,
      minLength: 1,
    })
    .map((members) => ({
      members: members.every((m) => m.weight === 0) ? members.map((m) => ({ ...m, weight: 1 })) : members,
    }));
}

/**
 * Policies of any shape that `routePolicy` lets pass, with residency rules that leave somebody: the first endpoint is in
 * Sweden, which all regions here hold.
 */
export function policies(kinds: 'addresses' | 'mixed' = 'addresses'): fc.Arbitrary<RoutedPolicy> {
  return fc.integer({ min: 1, max: NAMES.length }).chain((count) => {
    const names = NAMES.slice(0, count);
    const makers = kinds === 'mixed' ? [endpoint, dualStack, alias] : [endpoint, dualStack];
    const tiers = fc.array(weightedTier(names), { minLength: 1, maxLength: 3 });
    const rule = (name: string): fc.Arbitrary<RoutedGeoRule> =>
      fc.record({
        name: fc.constant(name),
        cidrs: fc.subarray(CIDRS),
        subdivisions: fc.subarray(['SE-AB', 'US-CA']),
        countries: fc.subarray([...PLACES]),
        regions: fc.subarray(['EU', 'Nordics']),
        continents: fc.subarray(['EU', 'AS', 'NA'] as const),
        tiers,
      });
    const percent = fc.constantFrom(0, 30, 80, 100);
    return fc
      .record({
        endpoints: fc.tuple(
          ...names.map((name, at) =>
            fc
              .tuple(fc.constantFrom(...makers), fc.constantFrom(...PLACES), fc.integer({ min: 1, max: 4 }))
              .map(([make, country, capacity]) => make(name, at === 0 ? 'SE' : country, { capacity })),
          ),
        ),
        geo: fc.tuple(rule('first'), rule('second')).chain(([first, second]) => fc.subarray([first, second])),
        defaultTiers: tiers,
        nextBest: fc.constantFrom('nearest', 'none'),
        residency: fc
          .tuple(
            fc.subarray(['EU', 'EEA', 'Europe', 'Nordics']),
            fc.constantFrom('restrict' as const, 'allow' as const),
            fc.constantFrom<ResidencySpec['onAllDown']>(
              { action: 'panic' },
              { action: 'lastAnswer' },
              { action: 'maintenance', addresses: ['203.0.113.1'] },
            ),
          )
          .map(([regions, unknownLocation, onAllDown]) =>
            regions.map((region) => ({ region, unknownLocation, onAllDown })),
          ),
        selection: fc.constantFrom<RoutedPolicy['selection']>(
          { mode: 'weighted', maxAnswers: 1 },
          { mode: 'weighted', maxAnswers: 3 },
          { mode: 'sticky', maxAnswers: 1, ipv4PrefixLength: 20, ipv6PrefixLength: 40 },
          { mode: 'sticky', maxAnswers: 2, ipv4PrefixLength: 24, ipv6PrefixLength: 56 },
        ),
        panicThresholdPercent: percent,
        capacityFloorPercent: percent,
        drainRampSeconds: fc.constantFrom(0, 60),
      })
      .map((overrides) => policyOf(overrides));
  });
}

/** Any state of the world for the endpoints above. */
/** Every target that a policy made here can have. */
export const TARGETS: readonly string[] = NAMES.flatMap((name) => [name, `${name}/6`]);

export function worlds(): fc.Arbitrary<WorldSketch> {
  const times = fc.constantFrom(
    {},
    { drainedForMs: 0 },
    { drainedForMs: 30_000 },
    { drainedForMs: 10 ** 8, drainEndsInMs: 7_000 },
    { undrainedForMs: 0 },
    { undrainedForMs: 45_000 },
  );
  return fc.record({
    down: fc.oneof(fc.subarray([...TARGETS]), fc.constant(TARGETS)),
    unknown: fc.subarray([...TARGETS]),
    clusters: fc.oneof(
      fc.dictionary(fc.constantFrom(...NAMES), times),
      times.map((all) => Object.fromEntries(NAMES.map((name) => [name, all]))),
    ),
    lastHealthy: fc.subarray([...NAMES, 'gone']),
    staleForMs: fc.constantFrom(0, 60_000),
  });
}

export function clients(): fc.Arbitrary<ClientAddress> {
  const near = fc.constantFrom([198, 51, 100], [198, 51, 97], [10, 1, 2], [203, 0, 113]);
  const v4 = fc.tuple(near, fc.nat(255)).map(([head, last]) => Uint8Array.from([...head, last]));
  const v6 = fc
    .tuple(fc.constantFrom(0, 1, 2), fc.uint8Array({ minLength: 10, maxLength: 10 }))
    .map(([net, tail]) => Uint8Array.from([0x20, 0x01, 0x0d, 0xb8, 0, net, ...tail]));
  return fc.oneof(
    v4.map((bytes): ClientAddress => ({ family: 4, bytes, prefixLength: 32, source: 'resolver' })),
    v6.map((bytes): ClientAddress => ({ family: 6, bytes, prefixLength: 128, source: 'resolver' })),
    v4.map(
      (bytes): ClientAddress => ({
        family: 4,
        bytes: Uint8Array.from([...bytes.slice(0, 3), 0]),
        prefixLength: 24,
        source: 'ecs',
      }),
    ),
    fc.constant<ClientAddress>({ family: 4, bytes: new Uint8Array(4), prefixLength: 0, source: 'ecs' }),
  );
}

function locateds(): fc.Arbitrary<Located> {
  return fc
    .tuple(fc.constantFrom(...PLACES, undefined), fc.boolean(), fc.boolean(), fc.integer({ min: 8, max: 26 }))
    .map(([country, exact, withSubdivision, prefixLength]) => ({
      location: {
        ...(country === undefined ? {} : countryLocation(country)),
        ...(withSubdivision && country === 'SE' ? { subdivision: 'SE-AB' } : {}),
      },
      prefixLength,
      exact,
    }));
}

/** A and AAAA queries, with and without a client. */
export function queries(): fc.Arbitrary<RoutingQuery> {
  return fc
    .tuple(fc.constantFrom(TYPE.A, TYPE.AAAA), fc.option(clients(), { nil: undefined }), locateds())
    .map(([qtype, client, located]) => ({ qtype, located, ...(client === undefined ? {} : { client }) }));
}
