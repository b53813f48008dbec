import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIp } from '../src/dns/address.ts';
import type { RoutedAnswer } from '../src/dns/routed.ts';
import { compileRRset } from '../src/dns/rrset.ts';
import { TYPE } from '../src/dns/types.ts';
import { createStateView, type DrainTimes, type RuledTarget } from '../src/health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../src/health/types.ts';
import { compilePolicy } from '../src/routing/compiled.ts';
import { decide } from '../src/routing/decide.ts';
import { UNLOCATED } from '../src/routing/location.ts';
import type { ClientAddress, GeoLookup, Located, RoutedPolicy, StateView } from '../src/routing/model.ts';
import { clients, policies, REGIONS } from '../src/routing/testing/arbitrary.ts';
import { located, policyOf, seeded } from '../src/routing/testing/world.ts';
import { preparePolicy, routedName } from './routed-name.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const TARGETS = NAMES.flatMap((name) => [name, `${name}/6`]);

/** Places of every kind a GeoIP database can say; which one an address is at depends on its octets. */
const PLACES: readonly Located[] = [
  UNLOCATED,
  located('DE', 14),
  located('SE', 9),
  located('US', 22),
  located('SG', 16),
  { ...located('SE', 20), exact: false },
  { ...located('DE', 26), exact: false },
  { location: { ...located('SE').location, subdivision: 'SE-AB' }, prefixLength: 19, exact: true },
  {
    location: { ...located('US').location, latitude: 37.7, longitude: -122.4 },
    prefixLength: 24,
    exact: true,
  },
  // A territory far from its country: the coordinates count, not the country.
  {
    location: { ...located('US').location, latitude: 13.4, longitude: 144.8 },
    prefixLength: 23,
    exact: true,
  },
  { location: { ...located('SE').location, latitude: 1.3, longitude: 103.8 }, prefixLength: 21, exact: true },
  { location: { ...located('US').location, subdivision: 'US-CA' }, prefixLength: 18, exact: true },
  { location: { continent: 'AS' }, prefixLength: 12, exact: true },
  { location: { country: 'ZZ' }, prefixLength: 12, exact: true },
];

const GEO: GeoLookup = {
  locate: ({ bytes, prefixLength }) =>
    prefixLength === 0
      ? UNLOCATED
      : (PLACES[bytes.reduce((sum, octet) => (sum * 31 + octet) % 65_521, 0) % PLACES.length] ?? UNLOCATED),
  sha256: '',
};

const states = fc.constantFrom('up' as const, 'up' as const, 'down' as const, 'unknown' as const);
const changes = fc.constantFrom(
  NO_PENDING_CHANGE_MS,
  NO_PENDING_CHANGE_MS - 5_000,
  0,
  4_200,
  29_500,
  31_000,
  60_000,
);

/** What a view is made of; drains begin and end on the clock of the test. */
const worlds = fc.record({
  targets: fc.tuple(...TARGETS.map(() => fc.record({ state: states, earliestChangeMs: changes }))),
  drains: fc.dictionary(
    fc.constantFrom(...NAMES.map((name) => `default/${name}`)),
    fc.record(
      {
        sinceMs: fc.constantFrom(-100_000, -20_000, 0),
        endsAtMs: fc.constantFrom(-30_000, 0, 7_000, 50_000),
      },
      { requiredKeys: ['sinceMs'] },
    ),
  ),
  lastHealthy: fc.subarray(NAMES),
});

type Step =
  | { readonly kind: 'query'; readonly type: number; readonly client: ClientAddress; readonly seed: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'view'; readonly world: number };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('query' as const),
        type: fc.constantFrom(TYPE.A, TYPE.A, TYPE.AAAA, TYPE.TXT),
        client: clients(),
        seed: fc.integer(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('wait' as const),
        ms: fc.oneof(fc.constantFrom(1, 100, 999, 1_000, 7_000, 31_000), fc.integer({ min: 0, max: 40_000 })),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('view' as const), world: fc.nat({ max: 2 }) }),
    },
  ),
  { minLength: 5, maxLength: 60 },
);

/** What `decide` answers, as records: written without anything that is kept. */
function uncached(
  source: RoutedPolicy,
  type: number,
  client: ClientAddress,
  view: StateView,
  random: () => number,
) {
  const compiled = compilePolicy(source, REGIONS);
  const decision = decide(compiled, { qtype: type, client, located: GEO.locate(client) }, view, random);
  return {
    ttlSeconds: decision.ttlSeconds,
    ecsScope: decision.scopePrefixLength,
    records: decision.answers.flatMap((answer) =>
      answer.kind === 'cname'
        ? [`CNAME ${answer.name}`]
        : answer.addresses
            .filter((address) => address.includes(':') === (type === TYPE.AAAA))
            .map((address) => `${type} ${address}`),
    ),
  };
}

function shown({ ttlSeconds, ecsScope, records }: RoutedAnswer) {
  return {
    ttlSeconds,
    ecsScope,
    records: records.map((record) =>
      record.type === 'CNAME'
        ? `CNAME ${record.target}`
        : record.type === 'A' || record.type === 'AAAA'
          ? `${TYPE[record.type]} ${formatIp(record.address)}`
          : record.type,
    ),
  };
}

describe.each(['addresses', 'mixed'] as const)('policies of %s', (kinds) => {
  test('a kept evaluation answers as a fresh one: over clients, places, changes of state, drains, ramps and time', () => {
    let queries = 0;
    let compiled = 0;
    fc.assert(
      fc.property(
        policies(kinds),
        fc.tuple(worlds, worlds, worlds),
        fc.constantFrom(0, 20_000),
        steps,
        (source, made, staleFromMs, script) => {
          let nowMs = 0;
          const viewOf = (world: (typeof made)[number]): StateView =>
            createStateView(
              {
                targets: new Map<string, RuledTarget>(
                  TARGETS.map((id, i) => [id, world.targets[i] ?? { state: 'unknown', earliestChangeMs: 0 }]),
                ),
                drains: new Map<string, DrainTimes>(Object.entries(world.drains)),
                lastHealthy: new Map(
                  source.residency.map(({ region }) => [`default/api ${region}`, world.lastHealthy]),
                ),
                takenAtMs: nowMs,
                freshAtMs: staleFromMs === 0 ? Number.POSITIVE_INFINITY : nowMs + staleFromMs,
              },
              () => nowMs,
            );
          let view = viewOf(made[0]);
          let random = seeded(0);
          const routed = routedName(preparePolicy(source, REGIONS), {
            geo: GEO,
            view: () => view,
            random: () => random(),
          });
          for (const step of script) {
            if (step.kind === 'wait') nowMs += step.ms;
            else if (step.kind === 'view') view = viewOf(made[step.world] ?? made[0]);
            else {
              const { type, client, seed } = step;
              random = seeded(seed);
              const [name] = source.hostnames;
              if (name === undefined) throw new Error('a policy without a name');
              const answer = routed.answer({ name, type, client });
              expect(shown(answer)).toEqual(uncached(source, type, client, view, seeded(seed)));
              expect(answer.fullTtlSeconds).toBe(source.ttlSeconds);
              expect(answer.fullTtlSeconds).toBe(source.ttlSeconds);
              if (answer.set !== undefined) {
                // What stands ready to be copied says what the records say.
                expect(answer.set).toEqual(compileRRset(type, answer.ttlSeconds, answer.records));
                compiled += 1;
              }
              queries += 1;
            }
          }
        },
      ),
      { numRuns: 400 },
    );
    expect(queries).toBeGreaterThan(2_000);
    expect(compiled).toBeGreaterThan(200);
  }, 60_000);
});

test('nothing is kept of a view that does not say how its times go', () => {
  let state: 'up' | 'down' = 'up';
  const view: StateView = {
    target: (id) => ({ state: id === 'fra' ? state : 'up', earliestChangeMs: NO_PENDING_CHANGE_MS }),
    cluster: () => ({}),
    lastHealthy: () => [],
    staleForMs: 0,
  };
  const source = policyOf({
    defaultTiers: [
      { members: [{ endpoint: 'fra', weight: 1 }] },
      { members: [{ endpoint: 'par', weight: 1 }] },
    ],
  });
  const routed = routedName(preparePolicy(source, REGIONS), { geo: GEO, view: () => view, random: () => 0 });
  const [name] = source.hostnames;
  const client = {
    family: 4,
    bytes: Uint8Array.of(192, 0, 2, 1),
    prefixLength: 32,
    source: 'resolver',
  } as const;
  if (name === undefined) throw new Error('a policy without a name');
  const first = shown(routed.answer({ name, type: TYPE.A, client })).records;
  state = 'down';
  expect(shown(routed.answer({ name, type: TYPE.A, client })).records).not.toEqual(first);
});
