import { describe, expect, it } from 'vitest';
import { parseName } from '../dns/name.ts';
import type { TrafficPolicySpec } from '../resources/traffic-policy.ts';
import { compilePolicy } from '../routing/compiled.ts';
import { regionTable } from '../routing/geography.ts';
import type { RoutedPolicy } from '../routing/model.ts';
import { alias, dualStack, endpoint, geoRule, policyOf, stateOf, tier } from '../routing/testing/world.ts';
import { PLACES } from './answers.ts';
import type { Feature } from './compile-report.ts';
import { type FeatureClaim, judgeClaims } from './losses.ts';
import { type CompilingProvider, compileName } from './native-or-computed.ts';
import type { Placement } from './placement.ts';

const HOST = parseName('www.example.com');
const ZONE = parseName('example.com');

type Dns = Partial<TrafficPolicySpec['dns']>;

/** A provider that keeps these features and says of the others that it does not; it notes what it was asked to compile. */
function providerWith(
  native: readonly Feature[],
  more: Partial<CompilingProvider> = {},
): CompilingProvider & { readonly asked: Placement[] } {
  const asked: Placement[] = [];
  return {
    name: 'shop/cloud',
    healthChecks: { native: true },
    ttl: { minSeconds: 60, maxSeconds: 3600 },
    asked,
    compile(placement) {
      asked.push(placement);
      const claims = placement.features.map((feature): FeatureClaim => {
        const kept = native.includes(feature) ? 'native' : 'no';
        return { feature, kept, detail: `The cloud ${kept === 'native' ? 'does' : 'has no'} ${feature}.` };
      });
      const { features, refused } = judgeClaims(placement, claims);
      const places = placement.types.flatMap(({ groups }) => groups);
      if (refused || (places.length > 1 && !native.includes('geo'))) return { outcome: 'no', features };
      return {
        outcome: 'native',
        aids: [],
        features,
        hubDown: 'The cloud goes on.',
        sets: [
          {
            name: placement.hostname,
            type: 'A',
            setId: 'routed',
            ttlSeconds: placement.ttlSeconds,
            values: places.flatMap(({ tiers }) =>
              tiers.flatMap(({ members }) => members.flatMap(({ values }) => values)),
            ),
          },
        ],
      };
    },
    ...more,
  };
}

const at = (name: string, country: string, last: number) =>
  endpoint(name, country, { addresses: [{ address: `192.0.2.${last}`, family: 4, targetId: name }] });
const eu = at('eu', 'DE', 1);
const us = at('us', 'US', 2);
const base: Partial<RoutedPolicy> = {
  endpoints: [eu, us],
  defaultTiers: [tier('eu', 'us')],
  minTtlSeconds: 30,
};
const weighted = { ...base, defaultTiers: [tier(['eu', 3], ['us', 1])] };
const byPlace = { ...base, geo: [geoRule('eu', { regions: ['EU'] }, tier('eu'))] };
const both = { ...weighted, geo: byPlace.geo };
const resident = {
  ...base,
  residency: [
    { region: 'EU', unknownLocation: 'restrict' as const, onAllDown: { action: 'panic' as const } },
  ],
};

function compile(
  policy: Partial<RoutedPolicy>,
  provider: CompilingProvider,
  dns: Dns = {},
  hostname = HOST,
  state = stateOf(),
) {
  return compileName({
    policy: compilePolicy(policyOf(policy), regionTable()),
    hostname,
    dns: { decider: 'portolan', form: 'auto', accept: [], shared: false, ...dns },
    state,
    regions: regionTable(),
    target: () => undefined,
    zone: ZONE,
    provider,
  });
}
const handlings = ({ report }: ReturnType<typeof compile>): Readonly<Record<string, string>> =>
  Object.fromEntries(report.features.map(({ feature, handling }) => [feature, handling]));
const values = ({ desired }: ReturnType<typeof compile>): readonly string[] | undefined =>
  desired.sets?.flatMap((set) => set.values);

/** A feature, whether its loss is accepted, what the provider can: what is published and what is said. */
const TABLE: readonly {
  readonly policy: Partial<RoutedPolicy>;
  readonly feature: Feature;
  readonly accept: NonNullable<Dns['accept']>;
  readonly can: readonly Feature[];
  readonly outcome: string;
  readonly handling: string;
}[] = [
  {
    policy: weighted,
    feature: 'weights',
    accept: [],
    can: ['weights'],
    outcome: 'native',
    handling: 'native',
  },
  {
    policy: weighted,
    feature: 'weights',
    accept: ['weights'],
    can: ['weights'],
    outcome: 'native',
    handling: 'native',
  },
  { policy: weighted, feature: 'weights', accept: ['weights'], can: [], outcome: 'native', handling: 'lost' },
  { policy: weighted, feature: 'weights', accept: [], can: [], outcome: 'refused', handling: 'refused' },
  {
    policy: byPlace,
    feature: 'geo',
    accept: [],
    can: ['geo', 'failover'],
    outcome: 'native',
    handling: 'native',
  },
  {
    policy: byPlace,
    feature: 'geo',
    accept: ['geo'],
    can: ['geo', 'failover'],
    outcome: 'native',
    handling: 'native',
  },
  {
    policy: byPlace,
    feature: 'geo',
    accept: ['geo'],
    can: ['failover'],
    outcome: 'computed',
    handling: 'lost',
  },
  { policy: byPlace, feature: 'geo', accept: [], can: ['failover'], outcome: 'refused', handling: 'refused' },
  {
    policy: both,
    feature: 'geo',
    accept: ['geo'],
    can: ['weights', 'failover'],
    outcome: 'native',
    handling: 'lost',
  },
  {
    policy: both,
    feature: 'weights',
    accept: ['geo'],
    can: ['weights', 'failover'],
    outcome: 'native',
    handling: 'native',
  },
  {
    policy: both,
    feature: 'weights',
    accept: ['geo'],
    can: ['failover'],
    outcome: 'refused',
    handling: 'refused',
  },
  {
    policy: both,
    feature: 'geo',
    accept: ['weights'],
    can: ['weights', 'failover'],
    outcome: 'refused',
    handling: 'refused',
  },
  {
    policy: resident,
    feature: 'residency',
    accept: [],
    can: ['geo', 'residency'],
    outcome: 'native',
    handling: 'native',
  },
  { policy: resident, feature: 'residency', accept: [], can: [], outcome: 'computed', handling: 'computed' },
];

describe('one hostname at one provider', () => {
  it.each(TABLE)(
    '$feature, accepted $accept, by a provider that keeps $can: $outcome, $handling',
    ({ policy, feature, accept, can, outcome, handling }) => {
      const made = compile(policy, providerWith(can), { accept });
      expect(made.report.outcome).toBe(outcome);
      expect(handlings(made)[feature]).toBe(handling);
      expect(made.desired.sets === undefined).toBe(outcome === 'refused');
    },
  );

  it('is plain where plain records say all of it, and the provider is not even asked', () => {
    const provider = providerWith(['weights', 'geo']);
    const made = compile(base, provider);
    const inside = { ...resident, endpoints: [eu], defaultTiers: [tier('eu')] };
    expect(handlings(compile(inside, provider))).toEqual({ residency: 'computed' });
    expect(made.report).toMatchObject({
      outcome: 'computed',
      hostname: HOST,
      provider: 'shop/cloud',
      zone: ZONE,
    });
    expect(made.desired).toEqual({
      name: HOST,
      resource: 'trafficpolicy/default/api',
      sets: [{ name: HOST, type: 'A', setId: '', ttlSeconds: 60, values: ['192.0.2.1', '192.0.2.2'] }],
      types: ['A', 'AAAA', 'CNAME'],
      mayEmpty: ['AAAA'],
      shared: false,
    });
    expect(provider.asked).toEqual([]);
  });

  it('has a TTL that the provider allows, also in what it routes', () => {
    const provider = providerWith(['weights']);
    compile({ ...weighted, ttlSeconds: 86_400 }, provider);
    expect(provider.asked[0]?.ttlSeconds).toBe(3600);
  });

  it('I5 without places is routed with only what every residency rule admits', () => {
    const provider = providerWith(['weights']);
    const policy = {
      ...resident,
      endpoints: [eu, us, at('fr', 'FR', 3)],
      defaultTiers: [tier(['eu', 3], ['us', 1], ['fr', 1])],
    };
    const made = compile(policy, provider);
    expect(provider.asked.map(({ types }) => types[0]?.groups.length)).toEqual([2, 1]);
    expect(made.report.outcome).toBe('native');
    expect(handlings(made)).toMatchObject({ weights: 'native', residency: 'computed' });
    expect(values(made)?.toSorted()).toEqual(['192.0.2.1', '192.0.2.3']);
  });

  it('I5 keeps the routing of all other places while one has a maintenance address of one family only', () => {
    const dual = { ...byPlace, endpoints: [dualStack('eu', 'DE'), dualStack('us', 'US')] };
    const onAllDown = { action: 'maintenance' as const, addresses: ['203.0.113.9'] };
    const policy = { ...dual, residency: [{ region: 'EU', unknownLocation: 'allow' as const, onAllDown }] };
    const cloud = providerWith(['geo', 'residency', 'failover']);
    // As at Route 53 and Traffic Manager: no empty answer for one place while others have one.
    const strict: CompilingProvider = {
      ...cloud,
      compile(placement) {
        const gap = placement.types.some(
          ({ groups }) => groups.flatMap(({ places }) => places).length < PLACES.length,
        );
        const made = cloud.compile(placement);
        return gap ? { outcome: 'no', features: made.features } : made;
      },
    };
    const made = compile(policy, strict, { accept: ['geo'] }, HOST, stateOf({ down: ['eu', 'eu/6'] }));
    expect(made.report.outcome).toBe('native');
    expect(made.report.features).toContainEqual(
      expect.objectContaining({
        feature: 'residency',
        detail: expect.stringContaining('stand in for') as unknown,
      }),
    );
    const answered = (type: string, place: string) =>
      made.placement?.types
        .find((one) => one.type === type)
        ?.groups.find(({ places }) => places.includes(place))
        ?.tiers[0]?.members.map(({ endpoint }) => endpoint);
    expect(answered('A', 'DE')).toEqual(['maintenance']);
    expect(answered('AAAA', 'DE')).toEqual(['eu']);
    expect(answered('A', 'US')).toEqual(['us']);
  });

  it('I5 keeps it, too, where the maintenance address would stand beside the CNAMEs of others', () => {
    const onAllDown = { action: 'maintenance' as const, addresses: ['203.0.113.9'] };
    const policy = {
      ...byPlace,
      endpoints: [alias('eu', 'DE'), alias('us', 'US')],
      residency: [{ region: 'EU', unknownLocation: 'allow' as const, onAllDown }],
    };
    const cloud = providerWith(['geo', 'residency', 'failover', 'weights']);
    const strict: CompilingProvider = {
      ...cloud,
      compile(placement) {
        const made = cloud.compile(placement);
        return placement.types.length > 1 ? { outcome: 'no', features: made.features } : made;
      },
    };
    const made = compile(policy, strict, { accept: ['geo'] }, HOST, stateOf({ down: ['eu'] }));
    expect(made.report.outcome).toBe('native');
    expect(made.placement?.types.map(({ type }) => type)).toEqual(['CNAME']);
  });

  it('asks only for the consent that is needed: what the provider keeps without places stays kept', () => {
    const made = compile(both, providerWith(['weights', 'failover']));
    expect(made.report.outcome).toBe('refused');
    expect(made.desired.sets).toBeUndefined();
    expect(handlings(made)).toMatchObject({ geo: 'refused', weights: 'native' });
    expect(compile(both, providerWith(['weights', 'failover']), { accept: ['geo'] }).report.outcome).toBe(
      'native',
    );
  });

  it('says why the provider cannot, beside what clients get instead', () => {
    const { report } = compile(byPlace, providerWith([]), { accept: ['geo'] });
    expect(report.features.find(({ feature }) => feature === 'geo')?.detail).toBe(
      'Every client gets the answer of the default tiers, wherever it is. The cloud has no geo.',
    );
  });

  it("says the provider's own way out where it knows a better one, and reasons only where they matter", () => {
    const provider = providerWith([], {
      compile: ({ features }) => ({
        outcome: 'no',
        features: features.map((feature) => ({
          feature,
          handling: 'refused',
          detail: 'Scripts are off.',
          fix: 'Turn on scripts.',
        })),
      }),
    });
    const { report } = compile({ ...byPlace, minTtlSeconds: 5 }, provider);
    const [geo, , ttl] = report.features;
    expect(geo).toMatchObject({ feature: 'geo', handling: 'refused', fix: 'Turn on scripts.' });
    expect(geo?.detail).toContain('wherever it is. Scripts are off.');
    expect(ttl).toEqual({ feature: 'dynamicTtl', handling: 'lost', detail: 'The TTL is always 60 s.' });
    const accepted = compile(byPlace, provider, { accept: ['geo'] }).report.features[0];
    expect(accepted).toMatchObject({ handling: 'lost' });
    expect(accepted).not.toHaveProperty('fix');
  });

  it('is plain on demand, and when others share the name', () => {
    for (const dns of [{ form: 'computed' as const }, { shared: true }]) {
      const provider = providerWith(['weights']);
      const made = compile(weighted, provider, { ...dns, accept: ['weights'] });
      expect(made.report.outcome).toBe('computed');
      expect(provider.asked).toEqual([]);
      expect(made.desired.shared).toBe(dns.shared === true);
      expect(compile(weighted, provider, dns).report.outcome).toBe('refused');
    }
  });

  it('removes records of types that only this provider has', () => {
    expect(compile(base, providerWith([], { ownTypes: ['LUA'] })).desired.types).toEqual([
      'A',
      'AAAA',
      'CNAME',
      'LUA',
    ]);
  });

  it('never orders the last resort by distance, whatever a provider says', () => {
    const spare = { ...weighted, endpoints: [eu, us, at('fr', 'FR', 3)] };
    const made = compile(spare, providerWith(['weights', 'nearest']));
    expect(handlings(made)).toMatchObject({ weights: 'native', nearest: 'lost' });
  });
});

describe('who decides', () => {
  const blind: Partial<CompilingProvider> = {
    healthChecks: { native: false, reason: 'BIND answers with what it holds.' },
  };
  const none: Partial<CompilingProvider> = { compile: () => ({ outcome: 'no', features: [] }) };

  it.each([
    { decider: 'portolan', dns: {}, more: {}, outcome: 'computed' },
    { decider: 'portolan', dns: {}, more: blind, outcome: 'computed' },
    { decider: 'both', dns: {}, more: {}, outcome: 'native' },
    { decider: 'both', dns: {}, more: { ...blind, ...none }, outcome: 'computed' },
    { decider: 'both', dns: { form: 'computed' }, more: {}, outcome: 'computed' },
    { decider: 'native', dns: {}, more: {}, outcome: 'native' },
    { decider: 'native', dns: {}, more: blind, outcome: 'refused' },
    { decider: 'native', dns: {}, more: none, outcome: 'refused' },
    { decider: 'native', dns: { form: 'computed' }, more: {}, outcome: 'refused' },
    { decider: 'native', dns: { shared: true }, more: {}, outcome: 'refused' },
  ] as const)('$decider with $dns: $outcome', ({ decider, dns, more, outcome }) => {
    const made = compile(base, providerWith(['failover'], more), { decider, ...dns });
    expect(made.report.outcome).toBe(outcome);
    if (outcome !== 'refused') return;
    expect(made.desired.sets).toBeUndefined();
    expect(made.report.refusal?.fix).toContain('decider: portolan');
  });

  it('says why a provider cannot route it, also where the policy asks for no feature that would tell', () => {
    const reason = 'It has 256 members, and the cloud takes 100.';
    const many: Partial<CompilingProvider> = { compile: () => ({ outcome: 'no', features: [], reason }) };
    const { report } = compile(base, providerWith([], many), { decider: 'native' });
    expect(report.refusal?.message).toBe(
      `shop/cloud cannot route ${HOST} by itself, and plain records do not follow its health checks. ${reason}`,
    );
  });

  it('says what happens while the hub is away', () => {
    const portolan = compile(base, providerWith([])).report.hubDown;
    const both = compile(base, providerWith([], none), { decider: 'both' }).report.hubDown;
    const native = compile(base, providerWith([]), { decider: 'native' }).report.hubDown;
    expect(native).toBe('The cloud goes on.');
    expect(portolan).toContain('the records stay as they are');
    expect(both).toContain('no health checks');
    expect(compile(weighted, providerWith([])).report.hubDown).toContain('Nothing is changed');
  });
});

describe('what no record can say', () => {
  const cdn = { endpoints: [alias('cdn', 'DE')], defaultTiers: [tier('cdn')] };

  it('is a CNAME at the apex', () => {
    const made = compile(cdn, providerWith([]), {}, ZONE);
    expect(made.report).toMatchObject({ outcome: 'refused' });
    expect(made.report.refusal?.message).toContain('apex');
    expect(values(made)).toBeUndefined();
    expect(values(compile(cdn, providerWith([])))).toEqual(['cdn.cdn.test.']);
  });

  it('I4 is nobody, whatever a provider makes of it', () => {
    const provider = providerWith([], {
      compile: () => ({ outcome: 'native', sets: [], aids: [], features: [], hubDown: 'On.' }),
    });
    const made = compile(base, provider, { decider: 'both' });
    expect(made.report.outcome).toBe('refused');
    expect(made.desired.sets).toBeUndefined();
  });

  it('is a CNAME at the apex that only the provider sees', () => {
    const made = compile(cdn, providerWith(['weights']), { decider: 'both' }, ZONE);
    expect(made.report.refusal?.message).toContain('apex');
    expect(compile(cdn, providerWith(['weights']), { decider: 'both' }).report.outcome).toBe('native');
  });

  it('I4 is nobody: what is there stays', () => {
    const policy = {
      ...resident,
      endpoints: [eu],
      defaultTiers: [tier('eu')],
      residency: [
        {
          region: 'EU',
          unknownLocation: 'restrict' as const,
          onAllDown: { action: 'maintenance' as const, addresses: ['2001:db8::1'] },
        },
      ],
    };
    const made = compileName({
      policy: compilePolicy(policyOf(policy), regionTable()),
      hostname: HOST,
      dns: { decider: 'portolan', form: 'computed', accept: [], shared: false },
      state: stateOf({ down: ['eu'] }),
      regions: regionTable(),
      target: () => undefined,
      zone: ZONE,
      provider: providerWith([]),
    });
    expect(made.report.outcome).toBe('refused');
    expect(made.desired.sets).toBeUndefined();
    expect(made.report.refusal?.message).toContain('never left empty');
  });
});
