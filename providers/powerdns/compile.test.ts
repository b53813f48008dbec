import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { Target } from '../../src/health/types.ts';
import type { Decider, PlacedMember, Placement } from '../../src/plan/placement.ts';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { checkSpec } from '../../src/resources/health-check.ts';
import { COUNTRIES } from '../../src/routing/countries.ts';
import { containing } from '../../test/support/matchers.ts';
import { compile } from './compile.ts';

const ORIGIN = parseName('example.com');
const EVERYWHERE = ['unknown', ...COUNTRIES.keys()];
const spec = (lua: boolean) =>
  dnsProviderSpec.parse({
    zones: [{ origin: ORIGIN }],
    powerdns: { url: 'https://ns1.example.com:8081', secret: 'api', lua },
  });

function member(
  n: number,
  weight = 1,
  check: Record<string, unknown> = { protocol: 'tcp', port: 443 },
): PlacedMember {
  const value = `192.0.2.${n}`;
  const target: Target = {
    id: `t${n}`,
    cluster: `ns/c${n}`,
    failureDomain: `c${n}`,
    address: value,
    port: 443,
    check: checkSpec.parse(check),
    defaultHost: 'www.example.com.',
  };
  return { endpoint: `e${n}`, cluster: target.cluster, weight, values: [value], targets: [target] };
}

const placement = (
  tiers: readonly (readonly PlacedMember[])[],
  more: Partial<Placement> & { readonly decider?: Decider } = {},
): Placement => ({
  hostname: parseName('www.example.com'),
  policy: 'ns/www',
  ttlSeconds: 30,
  decider: 'portolan',
  types: [
    { type: 'A', groups: [{ id: 'all', places: EVERYWHERE, tiers: tiers.map((members) => ({ members })) }] },
  ],
  features: ['weights'],
  accepted: [],
  ...more,
});

const compiled = (of: Placement, lua = true) =>
  compile({
    placement: of,
    spec: spec(lua),
    zone: { origin: ORIGIN, id: ORIGIN, private: false, nameServers: [] },
    poolSuffix: parseName('www._pool._portolan.example.com'),
  });

/** The code of the only set's only record. */
function code(of: Placement): string {
  const made = compiled(of);
  if (made.outcome !== 'native') throw new Error(made.features.map(({ detail }) => detail).join(' '));
  expect(made.sets).toHaveLength(1);
  const [set] = made.sets;
  expect(set).toMatchObject({ name: 'www.example.com.', type: 'LUA', setId: '', ttlSeconds: 30, values: [] });
  const lua = set?.native?.lua;
  return Array.isArray(lua) ? lua.join('\n') : '';
}

describe('a placement as LUA records', () => {
  it('draws members by weight, each with all its addresses', () => {
    const both = { ...member(2), values: ['192.0.2.2', '192.0.2.3'] };
    expect(code(placement([[member(1, 3), both]]))).toBe(
      `A ";return ({['0.0.0.0']={'192.0.2.1'},['0.0.0.1']={'192.0.2.2','192.0.2.3'}})[pickwrandom({{3,'0.0.0.0'},{1,'0.0.0.1'}})]"`,
    );
  });

  it('scales weights that are no whole numbers', () => {
    expect(code(placement([[member(1, 0.25), member(2, 0.75)]]))).toContain(`{{1,'0.0.0.0'},{3,'0.0.0.1'}}`);
  });

  it('keeps a client network at its member when the policy is sticky', () => {
    const of = placement([[member(1), member(2)]], { features: ['weights', 'sticky'] });
    expect(code(of)).toContain('pickwhashed(');
    expect(compiled(of).features).toContainEqual(
      expect.objectContaining({ feature: 'sticky', handling: 'native' }),
    );
  });

  it('asks for subdivisions, then for countries, and answers everybody else last', () => {
    const group = (id: string, places: readonly string[], n: number) => ({
      id,
      places,
      tiers: [{ members: [member(n)] }],
    });
    const rest = EVERYWHERE.filter((place) => place !== 'DE' && place !== 'FR');
    const groups = [group('rest', rest, 1), group('eu', ['DE', 'FR'], 2), group('ca', ['US-CA', 'US-NV'], 3)];
    expect(code(placement([], { types: [{ type: 'A', groups }], features: ['geo'] }))).toBe(
      `A ";if (country('US') and region({'CA','NV'})) then return {'192.0.2.3'} end if country({'DE','FR'}) then return {'192.0.2.2'} end return {'192.0.2.1'}"`,
    );
  });

  it('answers nobody where no group is', () => {
    const groups = [{ id: 'de', places: ['DE'], tiers: [{ members: [member(1)] }] }];
    const made = code(placement([], { types: [{ type: 'A', groups }], features: ['residency'] }));
    expect(made).toBe(`A ";if country({'DE'}) then return {'192.0.2.1'} end return {}"`);
  });

  it('has one record for each type in one set', () => {
    const six = { ...member(1), values: ['2001:db8::1'] };
    const of = placement([[member(1), member(2)]]);
    const types = [
      ...of.types,
      { type: 'AAAA' as const, groups: [{ id: 'x', places: EVERYWHERE, tiers: [{ members: [six] }] }] },
    ];
    expect(code({ ...of, types }).split('\n')).toEqual([
      containing('A ";return'),
      `AAAA ";return {'2001:db8::1'}"`,
    ]);
  });

  it('lets PowerDNS ask for ports and URLs when it decides on health', () => {
    const http = { protocol: 'https', path: '/healthz?full=1', host: 'api.example.com' };
    const made = code(placement([[member(1), member(2, 0)], [member(3, 1, http)]], { decider: 'native' }));
    expect(made).toContain("T(443,'192.0.2.1')");
    expect(made).toContain("U('https://api.example.com:443/healthz?full=1','192.0.2.3')");
    expect(made).toContain('G({1,0},');
  });

  it('checks every address by itself, so that only the one that is down leaves', () => {
    const [first, second] = [member(1), member(2)];
    const both = {
      ...first,
      values: [...first.values, ...second.values],
      targets: [...first.targets, ...second.targets],
    };
    const made = code(placement([[both], [member(3)]], { decider: 'native', features: ['failover'] }));
    expect(made).toContain(
      "V,C={{'192.0.2.1','192.0.2.2'}},{{function() return T(443,'192.0.2.1') end,function() return T(443,'192.0.2.2') end}}",
    );
    expect(made).not.toContain(' and T(');
  });

  it('says what a hub that is away means', () => {
    const hubDown = (decider: Decider) => {
      const made = compiled(placement([[member(1), member(2)]], { decider }));
      return made.outcome === 'native' ? made.hubDown : '';
    };
    expect(hubDown('portolan')).toContain('stays in answers until the hub is back');
    expect(hubDown('both')).toContain('leaves the answers');
  });

  it.each([
    ['gRPC', { protocol: 'grpc', port: 443 }, 'none of grpc'],
    ['headers of its own', { protocol: 'http', headers: { 'X-A': 'b' } }, 'without headers'],
    ['another status', { protocol: 'http', expectedStatuses: [204] }, 'status 200 alone'],
  ] as const)('are none when a check asks for %s', (_, check, detail) => {
    const made = compiled(placement([[member(1, 1, check), member(2)]], { decider: 'native' }));
    expect(made).toMatchObject({
      outcome: 'no',
      features: [{ feature: 'weights', detail: containing(detail) }],
      reason: containing(detail),
    });
  });

  // What a policy names is the only text that reaches the code.
  it.each([`/x'..os.execute([[id]])..'`, '/x"', '/x\\', '/x;y', '/x(', '/x[', '/x{', '/x\u00e9'])(
    'are none when a path could be code: %s',
    (path) => {
      const check = { protocol: 'http', path };
      const made = compiled(placement([[member(1, 1, check), member(2)]], { decider: 'native' }));
      expect(made).toMatchObject({ outcome: 'no', features: [{ detail: containing('not put into code') }] });
    },
  );

  it('are none when a name could be code', () => {
    const target = { ...member(1), values: ['x\\039\\034.example.net.'] };
    const types = [
      {
        type: 'CNAME' as const,
        groups: [{ id: 'x', places: EVERYWHERE, tiers: [{ members: [target, member(2)] }] }],
      },
    ];
    expect(compiled(placement([], { types }))).toMatchObject({ outcome: 'no' });
  });

  it('are made only with spec.powerdns.lua, and then it is said', () => {
    expect(compiled(placement([[member(1), member(2)]]), false)).toMatchObject({
      outcome: 'no',
      features: [{ feature: 'weights', handling: 'refused', fix: containing('spec.powerdns.lua: true') }],
    });
  });

  it('are none when the author has not accepted what they lose', () => {
    const of = placement([[member(1), member(2)]], { features: ['weights', 'subnets'] });
    expect(compiled(of)).toMatchObject({ outcome: 'no' });
    expect(compiled({ ...of, accepted: ['subnets'] })).toMatchObject({ outcome: 'native' });
  });
});
