import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { PLACES } from '../../src/plan/answers.ts';
import type { PlaceGroup, Placement } from '../../src/plan/placement.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { COUNTRIES } from '../../src/routing/countries.ts';
import { BUILT_IN_REGIONS } from '../../src/routing/geography.ts';
import { groupOf, inputOf, memberOf, placementOf, ZONE } from '../../test/fakes/route53/placements.ts';
import { containing } from '../../test/support/matchers.ts';
import { compile } from './compile.ts';

const ONE = memberOf('one', 75, ['192.0.2.1']);
const TWO = memberOf('two', 25, ['192.0.2.2']);
const EVERYWHERE = [...PLACES];

function a(...groups: readonly PlaceGroup[]): Placement['types'] {
  return [{ type: 'A', groups }];
}

/** Everywhere but in the given places. */
function rest(...places: readonly string[]): readonly string[] {
  return EVERYWHERE.filter((place) => !places.includes(place));
}

function native(placement: Placement, zone = ZONE): readonly RecordSet[] {
  const compilation = compile(inputOf(placement, zone));
  if (compilation.outcome === 'no') throw new Error(compilation.features.map(({ detail }) => detail).join());
  return compilation.sets;
}

/** `name type setId routing → values`, as short as it can be compared. */
function lines(sets: readonly RecordSet[]): readonly string[] {
  return sets.map(({ name, type, setId, ttlSeconds, values, native: routing = {} }) => {
    const { AliasTarget, ...how } = routing;
    const alias = AliasTarget as { DNSName: string; EvaluateTargetHealth: boolean } | undefined;
    const to =
      alias === undefined
        ? `${values.join(' ')} (${ttlSeconds})`
        : `alias ${alias.DNSName}${alias.EvaluateTargetHealth ? ' evaluated' : ''}`;
    const without = Object.keys(how).length === 0 ? '' : ` ${JSON.stringify(how).replaceAll('"', '')}`;
    return `${name} ${type} ${setId === '' ? '-' : setId}${without} → ${to}`;
  });
}

describe('compiling for Route 53', () => {
  it('leaves one member everywhere a plain record', () => {
    const placement = placementOf(a(groupOf('g1', EVERYWHERE, [ONE])));
    expect(lines(native(placement))).toEqual(['www.example.com. A - → 192.0.2.1 (30)']);
  });

  it('puts weighted records of one group right at the hostname, with all values of a member', () => {
    const both = memberOf('two', 25, ['192.0.2.2', '192.0.2.3']);
    expect(lines(native(placementOf(a(groupOf('g1', EVERYWHERE, [ONE, both])))))).toEqual([
      'www.example.com. A one {Weight:3} → 192.0.2.1 (30)',
      'www.example.com. A two {Weight:1} → 192.0.2.2 192.0.2.3 (30)',
    ]);
  });

  it('answers by country with aliases, and everybody else by the default', () => {
    const placement = placementOf(
      a(groupOf('g0', rest('DE', 'US-CA'), [ONE, TWO]), groupOf('g1', ['DE', 'US-CA'], [TWO])),
      { features: ['geo', 'weights'] },
    );
    expect(lines(native(placement))).toEqual([
      'g-g0.www._pool._portolan.example.com. A one {Weight:3} → 192.0.2.1 (30)',
      'g-g0.www._pool._portolan.example.com. A two {Weight:1} → 192.0.2.2 (30)',
      'g-g1.www._pool._portolan.example.com. A - → 192.0.2.2 (30)',
      'www.example.com. A default {GeoLocation:{CountryCode:*}} → alias g-g0.www._pool._portolan.example.com.',
      'www.example.com. A DE {GeoLocation:{CountryCode:DE}} → alias g-g1.www._pool._portolan.example.com.',
      'www.example.com. A US-CA {GeoLocation:{CountryCode:US,SubdivisionCode:CA}} → alias g-g1.www._pool._portolan.example.com.',
    ]);
  });

  it('says a continent at once where lists agree on it, and the rest country by country', () => {
    const europe = [...COUNTRIES.values()]
      .filter(({ continent }) => continent === 'EU')
      .map(({ code }) => code);
    const placement = placementOf(a(groupOf('g0', rest(...europe), [ONE]), groupOf('g1', europe, [TWO])), {
      features: ['geo'],
    });
    const places = native(placement).flatMap(({ native: routing }) =>
      routing?.GeoLocation === undefined ? [] : [JSON.stringify(routing.GeoLocation)],
    );
    expect(places).toContain('{"ContinentCode":"EU"}');
    expect(places).toContain('{"CountryCode":"CY"}');
    expect(places).not.toContain('{"CountryCode":"DE"}');
    // Lists differ about Russia and Georgia, so they have records of their own.
    expect(places).toContain('{"CountryCode":"RU"}');
    expect(places).toContain('{"CountryCode":"GE"}');
    expect(places.length).toBeLessThan(30);
  });

  it('chains more than two tiers of failover aliases, each with its health checks (decider native)', () => {
    const three = memberOf('three', 100, ['192.0.2.3']);
    const placement = placementOf(
      a(groupOf('g1', EVERYWHERE, [ONE, TWO], [three], [memberOf('four', 1, ['192.0.2.4'])])),
      {
        decider: 'native',
        features: ['failover', 'weights'],
      },
    );
    const compilation = compile(inputOf(placement));
    if (compilation.outcome === 'no') throw new Error('it must be possible');
    expect(compilation.aids).toHaveLength(4);
    expect(lines(compilation.sets).map((line) => line.replace(/\{\$aid:[0-9a-f]{20}\}/, '#'))).toEqual([
      't0-g1.www._pool._portolan.example.com. A one {Weight:3,HealthCheckId:#} → 192.0.2.1 (30)',
      't0-g1.www._pool._portolan.example.com. A two {Weight:1,HealthCheckId:#} → 192.0.2.2 (30)',
      't1-g1.www._pool._portolan.example.com. A three {Weight:1,HealthCheckId:#} → 192.0.2.3 (30)',
      't2-g1.www._pool._portolan.example.com. A four {Weight:1,HealthCheckId:#} → 192.0.2.4 (30)',
      'f1-g1.www._pool._portolan.example.com. A primary {Failover:PRIMARY} → alias t1-g1.www._pool._portolan.example.com. evaluated',
      'f1-g1.www._pool._portolan.example.com. A secondary {Failover:SECONDARY} → alias t2-g1.www._pool._portolan.example.com. evaluated',
      'www.example.com. A primary {Failover:PRIMARY} → alias t0-g1.www._pool._portolan.example.com. evaluated',
      'www.example.com. A secondary {Failover:SECONDARY} → alias f1-g1.www._pool._portolan.example.com. evaluated',
    ]);
    expect(compilation.hubDown).toContain('own health checks');
  });

  it('gives each address of a member its own health check (decider both)', () => {
    const pair = memberOf('pair', 1, ['192.0.2.8', '192.0.2.9']);
    const sets = native(placementOf(a(groupOf('g1', EVERYWHERE, [ONE, pair])), { decider: 'both' }));
    expect(lines(sets).map((line) => line.replace(/\{\$aid:[0-9a-f]{20}\}/, '#'))).toEqual([
      'm-pair.www._pool._portolan.example.com. A 192.0.2.8 {MultiValueAnswer:true,HealthCheckId:#} → 192.0.2.8 (30)',
      'm-pair.www._pool._portolan.example.com. A 192.0.2.9 {MultiValueAnswer:true,HealthCheckId:#} → 192.0.2.9 (30)',
      'www.example.com. A one {Weight:75,HealthCheckId:#} → 192.0.2.1 (30)',
      'www.example.com. A pair {Weight:1} → alias m-pair.www._pool._portolan.example.com. evaluated',
    ]);
  });

  it('makes no health checks for the decider portolan', () => {
    const compilation = compile(inputOf(placementOf(a(groupOf('g1', EVERYWHERE, [ONE, TWO])))));
    expect(compilation).toMatchObject({ outcome: 'native', aids: [] });
    expect(JSON.stringify(compilation)).not.toContain('HealthCheckId');
  });

  it('keeps weight 0 as it is: only when every other member is down', () => {
    const spare = memberOf('spare', 0, ['192.0.2.9']);
    const sets = native(placementOf(a(groupOf('g1', EVERYWHERE, [ONE, spare])), { decider: 'native' }));
    expect(sets.map(({ native: routing }) => routing?.Weight)).toEqual([1, 0]);
  });

  it('routes the apex by aliases, A and AAAA each by itself', () => {
    const groups = (address: string): readonly PlaceGroup[] => [
      groupOf('g0', rest('DE'), [memberOf('one', 1, [address])]),
      groupOf('g1', ['DE'], [memberOf('two', 1, [`${address}1`])]),
    ];
    const placement = placementOf(
      [
        { type: 'A', groups: groups('192.0.2.1') },
        { type: 'AAAA', groups: groups('2001:db8::1') },
      ],
      { hostname: ZONE.origin, features: ['geo'] },
    );
    const apex = native(placement).filter(({ name }) => name === ZONE.origin);
    expect(apex.map(({ type, setId }) => `${type} ${setId}`)).toEqual([
      'A default',
      'A DE',
      'AAAA default',
      'AAAA DE',
    ]);
  });

  it('weighs CNAMEs below the apex', () => {
    const placement = placementOf(
      [
        {
          type: 'CNAME',
          groups: [
            groupOf('g1', EVERYWHERE, [
              memberOf('x', 1, ['x.example.net.']),
              memberOf('y', 1, ['y.example.net.']),
            ]),
          ],
        },
      ],
      { features: ['weights'] },
    );
    expect(lines(native(placement))).toEqual([
      'www.example.com. CNAME x {Weight:1} → x.example.net. (30)',
      'www.example.com. CNAME y {Weight:1} → y.example.net. (30)',
    ]);
  });

  it('leaves a country without an answer out, when nobody gets the default', () => {
    const placement = placementOf(a(groupOf('g1', ['DE', 'FR'], [ONE])), { features: ['geo'] });
    expect(
      native(placement).flatMap(({ native: routing }) =>
        routing?.GeoLocation === undefined ? [] : [routing.GeoLocation],
      ),
    ).toEqual([{ CountryCode: 'DE' }, { CountryCode: 'FR' }]);
  });

  it('names its sets by what they are, so that other weights change no name', () => {
    const names = (weight: number) =>
      native(
        placementOf(a(groupOf('g0', rest('DE'), [{ ...ONE, weight }, TWO]), groupOf('g1', ['DE'], [TWO])), {
          features: ['geo', 'weights'],
        }),
      ).map(({ name, setId }) => `${name} ${setId}`);
    expect(names(1)).toEqual(names(99));
  });
});

describe('Kosovo, which Route 53 has no code for', () => {
  // As with a rule for the EU: who is not located is answered with its clusters only, Kosovo with all.
  const european = placementOf(
    a(
      groupOf('eu', ['unknown', ...(BUILT_IN_REGIONS.EU ?? [])], [ONE]),
      groupOf('all', rest('unknown', ...(BUILT_IN_REGIONS.EU ?? [])), [ONE, TWO]),
    ),
    { features: ['geo', 'residency'] },
  );

  it('costs nobody the routing where no residency rule binds it', () => {
    expect(compile(inputOf({ ...european, unbound: ['US', 'XK'] }))).toMatchObject({
      outcome: 'native',
      features: [
        { feature: 'geo', handling: 'native', detail: containing('Kosovo') },
        { feature: 'residency', handling: 'native' },
      ],
    });
  });

  it('is never answered against a residency rule', () => {
    expect(compile(inputOf({ ...european, unbound: ['US'] }))).toMatchObject({
      outcome: 'no',
      features: [
        { feature: 'geo' },
        { feature: 'residency', handling: 'refused', detail: containing('Kosovo') },
      ],
    });
  });
});

describe('Route 53 cannot', () => {
  const geo = { features: ['geo', 'residency'] } as const;

  it.each([
    [
      'tell German states apart',
      placementOf(a(groupOf('g0', rest('DE-BY'), [ONE]), groupOf('g1', ['DE-BY'], [TWO])), geo),
      'DE-BY',
    ],
    [
      'give one country no answer while the others have the default',
      placementOf(a(groupOf('g0', rest('DE'), [ONE])), geo),
      'no empty answer',
    ],
    [
      'check the health of private addresses',
      placementOf(a(groupOf('g0', EVERYWHERE, [memberOf('x', 1, ['10.0.0.1']), TWO])), {
        ...geo,
        decider: 'native',
      }),
      '10.0.0.1',
    ],
    [
      'weigh more than 100 members',
      placementOf(
        a(
          groupOf(
            'g0',
            EVERYWHERE,
            Array.from({ length: 101 }, (_, i) => memberOf(`e${i}`, 1, [`192.0.2.${i}`])),
          ),
        ),
        geo,
      ),
      '101 members',
    ],
    [
      'change more records at once than a request holds',
      placementOf(
        a(
          ...Array.from({ length: 8 }, (_, g) =>
            groupOf(
              `g${g}`,
              g === 0
                ? rest('DE', 'FR', 'IT', 'ES', 'PL', 'SE', 'NO')
                : [['DE', 'FR', 'IT', 'ES', 'PL', 'SE', 'NO'][g - 1] ?? ''],
              Array.from({ length: 90 }, (_, i) => memberOf(`e${i}`, 1, [`192.0.${g}.${i}`])),
            ),
          ),
        ),
        geo,
      ),
      'do not fit into one change',
    ],
  ])('%s, and says so', (_, placement, reason) => {
    const compilation = compile(inputOf(placement));
    expect(compilation.outcome).toBe('no');
    expect(compilation.features).toMatchObject([
      { feature: 'geo', handling: 'refused', detail: containing(reason) },
      { feature: 'residency', handling: 'refused', detail: containing(reason) },
    ]);
  });

  it('use health checks in a private zone', () => {
    const placement = placementOf(a(groupOf('g0', EVERYWHERE, [ONE], [TWO])), {
      decider: 'native',
      features: ['failover'],
    });
    expect(compile(inputOf(placement, { ...ZONE, private: true }))).toMatchObject({
      outcome: 'no',
      features: [
        {
          feature: 'failover',
          handling: 'refused',
          detail: containing('private zone'),
          fix: containing('portolan'),
        },
      ],
    });
  });

  it('route more members than it takes, and says so to a policy without any feature, too', () => {
    const many = Array.from({ length: 256 }, (_, n) => memberOf(`m${n}`, 1, [`198.51.100.${n}`]));
    const placement = placementOf(a(groupOf('g0', EVERYWHERE, many)), { decider: 'native', features: [] });
    expect(compile(inputOf(placement))).toEqual({
      outcome: 'no',
      features: [],
      reason: 'It has 256 members, and Route 53 takes 100 weighted records.',
    });
  });

  it('hold a CNAME beside addresses', () => {
    const placement = placementOf(
      [
        { type: 'A', groups: [groupOf('g0', rest('DE'), [ONE])] },
        { type: 'CNAME', groups: [groupOf('g1', ['DE'], [memberOf('x', 1, ['x.example.net.'])])] },
      ],
      { features: ['mixedTypes'] },
    );
    expect(compile(inputOf(placement))).toMatchObject({
      outcome: 'no',
      features: [{ feature: 'mixedTypes', handling: 'refused' }],
    });
  });

  it('lead on from a name that is too long', () => {
    const hostname = parseName(`${'a.'.repeat(112)}example.com`);
    const placement = placementOf(a(groupOf('g0', rest('DE'), [ONE]), groupOf('g1', ['DE'], [TWO])), {
      hostname,
      features: ['geo'],
    });
    const input = {
      ...inputOf(placement),
      poolSuffix: parseName(`${'a.'.repeat(112)}_pool._portolan.example.com`),
    };
    expect(compile(input)).toMatchObject({ outcome: 'no', features: [{ detail: containing('too long') }] });
  });

  it('make a subdivision of what the author can do without', () => {
    const placement = placementOf(a(groupOf('g0', rest('DE-BY'), [ONE]), groupOf('g1', ['DE-BY'], [TWO])), {
      features: ['geo'],
      accepted: ['geo'],
    });
    expect(compile(inputOf(placement))).toMatchObject({
      outcome: 'native',
      features: [{ feature: 'geo', handling: 'lost', detail: containing('DE-BY') }],
    });
  });
});
