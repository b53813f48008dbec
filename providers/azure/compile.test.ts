import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import type { Feature } from '../../src/plan/compile-report.ts';
import type { PlacedMember, PlacedTier, PlaceGroup, Placement } from '../../src/plan/placement.ts';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { checkSpec } from '../../src/resources/health-check.ts';
import { COUNTRIES } from '../../src/routing/countries.ts';
import { containing, matching } from '../../test/support/matchers.ts';
import type { CompileInput } from '../contract.ts';
import { compileAzure } from './compile.ts';
import { describeAid } from './describe-aid.ts';
import { GROUPING_OF } from './geography.ts';

const ORIGIN = parseName('example.com');
const HOST = parseName('www.example.com');

const spec = (trafficManager: boolean) =>
  dnsProviderSpec.parse({
    zones: [{ origin: 'example.com' }],
    azure: { subscriptionId: '11111111-2222-3333-4444-555555555555', resourceGroup: 'dns', trafficManager },
  });

function member(
  endpoint: string,
  weight: number,
  values: readonly string[],
  check: unknown = { protocol: 'tcp', port: 443 },
): PlacedMember {
  return {
    endpoint,
    cluster: `shop/${endpoint}`,
    weight,
    values,
    targets: values.map((address) => ({
      id: sha256Hex(address),
      cluster: `shop/${endpoint}`,
      failureDomain: endpoint,
      address,
      port: 443,
      check: checkSpec.parse(check),
      defaultHost: 'www.example.com',
    })),
  };
}

const EVERYWHERE = ['unknown', ...COUNTRIES.keys()].sort();
const tier = (...members: readonly PlacedMember[]): PlacedTier => ({ members });
const group = (id: string, places: readonly string[], ...tiers: readonly PlacedTier[]): PlaceGroup => ({
  id,
  places,
  tiers,
});

function placement(groups: readonly PlaceGroup[], more: Partial<Placement> = {}): Placement {
  return {
    hostname: HOST,
    policy: 'shop/www',
    ttlSeconds: 30,
    decider: 'portolan',
    types: [{ type: 'A', groups }],
    features: [],
    accepted: [],
    ...more,
  };
}

function compile(given: Placement, trafficManager = true, isPrivate = false) {
  const input: CompileInput = {
    placement: given,
    zone: { origin: ORIGIN, id: 'z', private: isPrivate, nameServers: [] },
    spec: spec(trafficManager),
    poolSuffix: parseName('www._pool._portolan.example.com'),
  };
  return compileAzure(input);
}

/** The tree of the first type. */
function rootOf(given: Placement): unknown {
  const made = compile(given);
  if (made.outcome === 'no') throw new Error(made.features.map(({ detail }) => detail).join());
  const { root } = made.aids[0]?.spec ?? {};
  return root;
}

const eu = member('eu', 1, ['20.50.0.1']);
const us = member('us', 3, ['20.50.0.2']);

/** The tree of the first type, as people read it. */
function linesOf(given: Placement): readonly string[] {
  const made = compile(given);
  const [aid] = made.outcome === 'no' ? [] : made.aids;
  return aid === undefined ? [] : describeAid(aid);
}

describe('a tree of Traffic Manager profiles', () => {
  it('is told as lines: places, the order of tiers, weights, and what is probed', () => {
    const others = EVERYWHERE.filter((place) => place !== 'DE' && place !== 'FR');
    const groups = [
      group('a', ['DE', 'FR'], tier(eu, member('eu-2', 3, ['20.50.0.3'])), tier(us)),
      group('b', others, tier(us)),
    ];
    expect(linesOf(placement(groups, { decider: 'native' }))).toEqual([
      'Traffic Manager, TTL 30 s',
      'DE, FR:',
      '  priority 1:',
      '    weight 1 of 4: 20.50.0.1 (eu)',
      '    weight 3 of 4: 20.50.0.3 (eu-2)',
      '    probed: TCP port 443 every 10 s',
      '  priority 2:',
      '    20.50.0.2 (us)',
      '    probed: TCP port 443 every 10 s',
      'all other places:',
      '  20.50.0.2 (us)',
      '  probed: TCP port 443 every 10 s',
    ]);
    expect(linesOf(placement([group('all', EVERYWHERE, tier(eu))])).join()).not.toContain('probed');
  });

  it('has only the layers that choose something', () => {
    expect(rootOf(placement([group('all', EVERYWHERE, tier(eu, us))]))).toMatchObject({
      method: 'Weighted',
      ttlSeconds: 30,
      endpoints: [
        { name: 'eu', target: '20.50.0.1', weight: 1, alwaysServe: true },
        { name: 'us', target: '20.50.0.2', weight: 3, alwaysServe: true },
      ],
    });
    const failover = placement([group('all', EVERYWHERE, tier(eu), tier(us))], { decider: 'native' });
    expect(rootOf(failover)).toMatchObject({
      method: 'Priority',
      monitor: { protocol: 'TCP', port: 443, intervalInSeconds: 10 },
      endpoints: [
        { name: 'eu', target: '20.50.0.1', priority: 1 },
        { name: 'us', target: '20.50.0.2', priority: 2 },
      ],
    });
    expect(JSON.stringify(rootOf(failover))).not.toContain('alwaysServe');
  });

  it('maps the world always, groupings where that is shorter, and each code once', () => {
    const european = EVERYWHERE.filter((place) => GROUPING_OF.get(place) === 'GEO-EU' && place !== 'CH');
    const rest = EVERYWHERE.filter((place) => !european.includes(place));
    const root = rootOf(
      placement([group('rest', rest, tier(us)), group('eu', european, tier(eu))], { features: ['geo'] }),
    );
    expect(root).toMatchObject({
      method: 'Geographic',
      endpoints: [
        { name: 'places-rest', geoMapping: ['WORLD', 'CH'], child: { method: 'Weighted' } },
        { name: 'places-eu', geoMapping: ['GEO-EU'], child: { method: 'Weighted' } },
      ],
    });
  });

  it('goes Geographic, Priority, Weighted where all of it is asked for', () => {
    const rest = EVERYWHERE.filter((place) => place !== 'US-CA' && place !== 'DE');
    const three = placement(
      [
        group('rest', rest, tier(us)),
        group('some', ['DE', 'US-CA'], tier(eu, us), tier(member('spare', 1, ['20.50.0.3']))),
      ],
      { decider: 'native', features: ['geo', 'weights', 'failover'] },
    );
    expect(rootOf(three)).toMatchObject({
      method: 'Geographic',
      endpoints: [
        { geoMapping: ['WORLD'], child: { method: 'Weighted' } },
        {
          geoMapping: ['DE', 'US-CA'],
          child: {
            method: 'Priority',
            endpoints: [
              {
                name: 'tier-1',
                priority: 1,
                child: { method: 'Weighted', endpoints: [{ weight: 1 }, { weight: 3 }] },
              },
              { name: 'tier-2', priority: 2, child: { method: 'Weighted' } },
            ],
          },
        },
      ],
    });
  });

  it('puts weight 0 behind the others of its tier, and before the next tier', () => {
    const zero = placement(
      [group('all', EVERYWHERE, tier(eu, { ...us, weight: 0 }), tier(member('last', 1, ['20.50.0.9'])))],
      {
        decider: 'native',
      },
    );
    expect(rootOf(zero)).toMatchObject({
      method: 'Priority',
      endpoints: [{ target: '20.50.0.1' }, { target: '20.50.0.2' }, { target: '20.50.0.9' }],
    });
  });

  it('gives the addresses of a member its weight together, and scales to 1000', () => {
    const many = placement([
      group(
        'all',
        EVERYWHERE,
        tier(member('two', 2000, ['20.50.0.1', '20.50.0.2']), member('one', 3, ['20.50.0.3'])),
      ),
    ]);
    const root = rootOf(many);
    expect(root).toMatchObject({ endpoints: [{ name: 'two-1' }, { name: 'two-2' }, { name: 'one' }] });
    const text = JSON.stringify(root);
    const weights = [...text.matchAll(/"weight":(\d+)/g)].map(([, weight]) => Number(weight));
    expect(weights).toHaveLength(3);
    expect(weights[0]).toBe(weights[1]);
    for (const weight of weights) expect(weight).toBeGreaterThanOrEqual(1);
    for (const weight of weights) expect(weight).toBeLessThanOrEqual(1000);
  });

  it('gives each endpoint a profile of its own where checks differ', () => {
    const checks = placement(
      [
        group(
          'all',
          EVERYWHERE,
          tier(eu, member('web', 1, ['20.50.0.7'], { protocol: 'http', path: '/ok' })),
        ),
      ],
      { decider: 'both' },
    );
    expect(rootOf(checks)).toMatchObject({
      method: 'Weighted',
      endpoints: [
        { weight: 1, child: { monitor: { protocol: 'TCP' } } },
        { weight: 1, child: { monitor: { protocol: 'HTTP', path: '/ok' } } },
      ],
    });
  });

  it('is one for each type, behind an alias without a TTL, and another one for another content or hostname', () => {
    const dual = placement([group('all', EVERYWHERE, tier(eu, us))], {
      types: [
        { type: 'A', groups: [group('all', EVERYWHERE, tier(eu, us))] },
        { type: 'AAAA', groups: [group('all', EVERYWHERE, tier(member('eu', 1, ['2603:1020::1'])))] },
      ],
    });
    const made = compile(dual);
    if (made.outcome === 'no') throw new Error('it was not compiled');
    const keys = made.aids.map(({ key }) => key);
    expect(made.sets).toEqual([
      { name: HOST, type: 'A', setId: '', values: [], native: { targetResource: { $aid: keys[0] } } },
      { name: HOST, type: 'AAAA', setId: '', values: [], native: { targetResource: { $aid: keys[1] } } },
    ]);
    const again = compile(dual);
    expect(again).toEqual(made);
    const other = compile({ ...dual, hostname: parseName('api.example.com') });
    if (other.outcome === 'no') throw new Error('it was not compiled');
    expect(new Set([...keys, ...other.aids.map(({ key }) => key)]).size).toBe(4);
  });

  it('leads a CNAME to names', () => {
    const alias = placement([], {
      types: [
        { type: 'CNAME', groups: [group('all', EVERYWHERE, tier(member('cdn', 1, ['cdn.example.net.'])))] },
      ],
    });
    expect(rootOf(alias)).toMatchObject({ endpoints: [{ target: 'cdn.example.net' }] });
  });
});

describe('what cannot be a tree is said beforehand', () => {
  const weights: readonly Feature[] = ['weights'];
  const a = { type: 'A', groups: [group('all', EVERYWHERE, tier(eu, us))] } as const;
  const cname = {
    type: 'CNAME',
    groups: [group('all', EVERYWHERE, tier(member('cdn', 1, ['cdn.example.net.'])))],
  } as const;

  it.each([
    [
      'private address',
      placement([group('all', EVERYWHERE, tier(member('in', 1, ['10.0.0.1'])))], { features: weights }),
      /10\.0\.0\.1 is private/,
    ],
    [
      'documentation address',
      placement([group('all', EVERYWHERE, tier(member('in', 1, ['2001:db8::1'])))], { features: weights }),
      /2001:db8::1 is private or reserved/,
    ],
    [
      'CNAME beside addresses',
      placement([], { types: [a, cname], features: ['mixedTypes'] }),
      /either a CNAME everywhere/,
    ],
    [
      'CNAME at the apex',
      placement([], { hostname: ORIGIN, types: [cname], features: weights }),
      /apex of a zone cannot be a CNAME/,
    ],
  ])('%s', (_what, given, reason) => {
    const made = compile(given);
    expect(made.outcome).toBe('no');
    expect(made.features[0]).toMatchObject({ handling: 'refused' });
    expect(made.features[0]?.detail).toMatch(reason);
    // A policy that asks for no feature at all hears it, too.
    expect(compile({ ...given, features: [] })).toMatchObject({ features: [], reason: matching(reason) });
  });

  it('an account without Traffic Manager, and a private zone', () => {
    const given = placement([group('all', EVERYWHERE, tier(eu, us))], { features: weights });
    expect(compile(given, false)).toMatchObject({ outcome: 'no', features: [{ handling: 'refused' }] });
    expect(compile(given, true, true)).toMatchObject({ outcome: 'no' });
  });

  it('a country without a code: kept with consent, never against residency', () => {
    const groups = [
      group(
        'rest',
        EVERYWHERE.filter((p) => p !== 'EH'),
        tier(us),
      ),
      group('eh', ['EH'], tier(eu)),
    ];
    expect(compile(placement(groups, { features: ['geo'] }))).toMatchObject({
      outcome: 'no',
      features: [{ handling: 'refused' }],
    });
    expect(compile(placement(groups, { features: ['geo'], accepted: ['geo'] }))).toMatchObject({
      outcome: 'native',
      features: [{ feature: 'geo', handling: 'lost' }],
    });
    expect(compile(placement(groups, { features: ['geo', 'residency'], accepted: ['geo'] })).outcome).toBe(
      'no',
    );
  });

  it('but a country without a code that nobody singled out costs no other place its routing', () => {
    const groups = [
      group('eu', ['unknown', 'DE', 'FR'], tier(eu)),
      group(
        'all',
        EVERYWHERE.filter((p) => !['unknown', 'DE', 'FR'].includes(p)),
        tier(eu, us),
      ),
    ];
    const asked = { features: ['geo', 'residency'] } as const;
    expect(compile(placement(groups, { ...asked, unbound: ['EH', 'US'] }))).toMatchObject({
      outcome: 'native',
      features: [
        { feature: 'geo', handling: 'native', detail: containing('EH') },
        { feature: 'residency', handling: 'native' },
      ],
    });
    // A rule that binds it is kept all the same.
    expect(compile(placement(groups, { ...asked, unbound: ['US'] }))).toMatchObject({
      outcome: 'no',
      features: [{ feature: 'geo' }, { feature: 'residency', handling: 'refused' }],
    });
  });

  it('a place where nobody may answer, under a world that is answered', () => {
    const nobody = [
      group(
        'rest',
        EVERYWHERE.filter((p) => p !== 'CN'),
        tier(us),
      ),
    ];
    const made = compile(placement(nobody, { features: ['residency'] }));
    expect(made.outcome).toBe('no');
    expect(made.features[0]?.detail).toContain('CN');
  });

  it('but where nobody outside is answered at all, only what is answered is mapped', () => {
    expect(
      rootOf(placement([group('eu', ['DE', 'FR'], tier(eu))], { features: ['residency'] })),
    ).toMatchObject({
      method: 'Geographic',
      endpoints: [{ geoMapping: ['DE', 'FR'] }],
    });
  });

  it('says who keeps what, and what happens without the hub', () => {
    const features: readonly Feature[] = ['weights', 'failover', 'sticky', 'maxAnswers'];
    const groups = [group('all', EVERYWHERE, tier(eu, us), tier(member('last', 1, ['20.50.0.9'])))];
    const native = compile(placement(groups, { features, decider: 'native' }));
    const hub = compile(
      placement(
        groups.map((g) => ({ ...g, tiers: g.tiers.slice(0, 1) })),
        { features },
      ),
    );
    const handling = (made: typeof native) => made.features.map((report) => report.handling);
    expect(handling(native)).toEqual(['native', 'native', 'lost', 'lost']);
    expect(handling(hub)).toEqual(['native', 'computed', 'lost', 'lost']);
    if (native.outcome === 'no' || hub.outcome === 'no') throw new Error('it was not compiled');
    expect(native.hubDown).toContain('with the hub or without');
    expect(hub.hubDown).toContain('until the hub is back');
  });
});
