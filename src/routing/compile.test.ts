import { describe, expect, test } from 'vitest';
import { parseName } from '../dns/name.ts';
import type { ErrorCode } from '../errors/table.ts';
import { clusterSpec } from '../resources/cluster.ts';
import { checkSpec } from '../resources/health-check.ts';
import { trafficPolicySpec } from '../resources/traffic-policy.ts';
import { hostnamesConflict, type PolicyContext, type PolicyResource, routePolicy } from './compile.ts';

const CLUSTERS: Readonly<Record<string, unknown>> = {
  'eu-1': {
    location: { country: 'DE', latitude: 50.1, longitude: 8.7 },
    addresses: ['203.0.113.1', '2001:db8::1'],
  },
  'eu-2': { location: { country: 'FR' }, failureDomain: 'paris', addresses: ['203.0.113.2'] },
  'us-1': { location: { country: 'US' }, addresses: ['203.0.113.3'] },
  bare: { location: { country: 'US' } },
  wrong: { location: { country: 'UK' }, addresses: ['203.0.113.4'] },
};

const CONTEXT: PolicyContext = {
  cluster: (name) =>
    Object.hasOwn(CLUSTERS, name) ? { spec: clusterSpec.parse(CLUSTERS[name]) } : undefined,
  healthCheck: (name) =>
    name === 'web' ? { spec: checkSpec.parse({ protocol: 'https', path: '/healthz' }) } : undefined,
  regions: { DACH: ['DE', 'AT', 'CH'] },
  allowedRanges: [],
};

const BASE = {
  hostnames: ['api.example.com'],
  endpoints: [
    { name: 'eu-1', cluster: 'eu-1' },
    { name: 'eu-2', cluster: 'eu-2' },
    { name: 'us-1', cluster: 'us-1' },
  ],
  routing: { default: { tiers: [{ members: [{ endpoint: 'eu-1' }, { endpoint: 'us-1' }] }] } },
};

function resource(spec: object, name = 'api', namespace = 'default'): PolicyResource {
  return {
    metadata: { namespace, name, generation: 3 },
    spec: trafficPolicySpec.parse({ ...BASE, ...spec }),
  };
}

function routed(spec: object, context: PolicyContext = CONTEXT) {
  const result = routePolicy(resource(spec), context);
  if (!result.ok) throw new Error(JSON.stringify(result.violations));
  return result;
}

function violationsOf(spec: object, context: PolicyContext = CONTEXT) {
  const result = routePolicy(resource(spec), context);
  return result.ok ? [] : result.violations;
}

const tiers = (...members: object[]) => [{ members }];
const rule = (name: string, match: object) => ({ name, match, tiers: tiers({ endpoint: 'eu-1' }) });
const withGeo = (...geo: object[]) => ({ routing: { ...BASE.routing, geo } });
const withDefault = (...members: object[]) => ({ routing: { default: { tiers: tiers(...members) } } });

describe('a policy that is right', () => {
  test('gets addresses, country and coordinates from the clusters', () => {
    const { policy } = routed({});
    expect(policy.endpoints[0]).toMatchObject({
      name: 'eu-1',
      cluster: 'default/eu-1',
      country: 'DE',
      latitude: 50.1,
      kind: 'addresses',
      addresses: [
        { address: '203.0.113.1', family: 4 },
        { address: '2001:db8::1', family: 6 },
      ],
    });
    expect(policy).toMatchObject({ namespace: 'default', name: 'api', generation: 3, nextBest: 'nearest' });
  });

  test('is probed by TCP on port 443 when it says nothing', () => {
    const { targets } = routed({});
    expect(targets.map((t) => [t.address, t.port, t.check.protocol])).toEqual([
      ['203.0.113.1', 443, 'tcp'],
      ['2001:db8::1', 443, 'tcp'],
      ['203.0.113.2', 443, 'tcp'],
      ['203.0.113.3', 443, 'tcp'],
    ]);
  });

  test('takes port and inside address of an endpoint, and the failure domain of its cluster', () => {
    const endpoints = [
      { name: 'eu-1', cluster: 'eu-1', port: 8443, internal: { address: '10.0.0.1', port: 9443 } },
      { name: 'eu-2', cluster: 'eu-2' },
      { name: 'us-1', cluster: 'us-1', cname: 'Lb.example.NET' },
    ];
    const { targets, policy } = routed({ endpoints, ...withDefault({ endpoint: 'eu-1' }) });
    expect(targets[0]).toMatchObject({
      port: 8443,
      internal: { address: '10.0.0.1', port: 9443 },
      failureDomain: 'eu-1',
    });
    expect(targets.find((t) => t.address === '203.0.113.2')).toMatchObject({ failureDomain: 'paris' });
    expect(policy.endpoints[2]).toMatchObject({
      kind: 'cname',
      addresses: [],
      cname: { name: parseName('lb.example.net') },
    });
    expect(targets.find((t) => t.id === policy.endpoints[2]?.cname?.targetId)?.address).toBe(
      'lb.example.net',
    );
  });
});

describe('target ids', () => {
  const idOf = (spec: object, name = 'api') => {
    const result = routePolicy(resource(spec, name), CONTEXT);
    return result.ok ? result.targets[0]?.id : undefined;
  };
  const web = { healthCheck: { ref: 'web' } };

  test('are 16 octets in hex and the same each time', () => {
    expect(idOf({})).toMatch(/^[0-9a-f]{32}$/);
    expect(idOf({})).toBe(idOf({}));
  });

  test('are shared by policies that probe the same thing', () => {
    expect(idOf({}, 'other')).toBe(idOf({}));
    expect(idOf({ hostnames: ['other.example.com'] })).toBe(idOf({}));
    expect(idOf({ healthCheck: { inline: { protocol: 'tcp', port: 443 } } })).toBe(idOf({}));
  });

  test('differ when the check sends the hostname and the hostname differs', () => {
    expect(idOf({ ...web, hostnames: ['other.example.com'] })).not.toBe(idOf(web));
  });

  test('differ by port, check and inside address', () => {
    const endpoints = (extra: object) => ({
      endpoints: [{ ...BASE.endpoints[0], ...extra }, ...BASE.endpoints.slice(1)],
    });
    const ids = [
      idOf({}),
      idOf(web),
      idOf(endpoints({ port: 8443 })),
      idOf(endpoints({ internal: { address: '10.0.0.1' } })),
      idOf(endpoints({ cluster: 'eu-2', addresses: ['203.0.113.1'] })),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each([
    [['*.example.com', 'www.example.com'], 'www.example.com'],
    [['*.example.com'], 'health-check.example.com'],
  ])('of a check without host for %j send %s', (hostnames, host) => {
    expect(routed({ ...web, hostnames }).targets[0]?.defaultHost).toBe(host);
  });
});

describe('a policy that is wrong', () => {
  const cases: readonly (readonly [string, object, string, ErrorCode, RegExp])[] = [
    [
      'an unknown cluster',
      { endpoints: [...BASE.endpoints, { name: 'x', cluster: 'nope' }] },
      'spec.endpoints[3].cluster',
      'REFERENCE_NOT_FOUND',
      /Cluster default\/nope/,
    ],
    [
      'an unknown health check',
      { healthCheck: { ref: 'nope' } },
      'spec.healthCheck.ref',
      'REFERENCE_NOT_FOUND',
      /HealthCheck default\/nope/,
    ],
    [
      'a cluster in no country',
      { endpoints: [...BASE.endpoints, { name: 'x', cluster: 'wrong' }] },
      'spec.endpoints[3].cluster',
      'VALIDATION_FAILED',
      /"UK"/,
    ],
    [
      'nothing to answer with',
      { endpoints: [...BASE.endpoints, { name: 'x', cluster: 'bare' }] },
      'spec.endpoints[3].addresses',
      'VALIDATION_FAILED',
      /neither addresses nor a cname/,
    ],
    [
      'an endpoint name twice',
      { endpoints: [...BASE.endpoints, BASE.endpoints[0]] },
      'spec.endpoints[3].name',
      'VALIDATION_FAILED',
      /"eu-1" stands twice/,
    ],
    [
      'an unknown member',
      withDefault({ endpoint: 'nope' }),
      'spec.routing.default.tiers[0].members[0].endpoint',
      'REFERENCE_NOT_FOUND',
      /"nope"/,
    ],
    [
      'a member twice',
      withDefault({ endpoint: 'eu-1' }, { endpoint: 'eu-1' }),
      'spec.routing.default.tiers[0].members[1].endpoint',
      'VALIDATION_FAILED',
      /stands twice/,
    ],
    [
      'all weights zero',
      withDefault({ endpoint: 'eu-1', weight: 0 }),
      'spec.routing.default.tiers[0].members',
      'WEIGHTS_ALL_ZERO',
      /all weights/,
    ],
    [
      'a minimum TTL above the TTL',
      { ttlSeconds: 3 },
      'spec.minTtlSeconds',
      'VALIDATION_FAILED',
      /longer than ttlSeconds/,
    ],
    [
      'a loopback address',
      {
        endpoints: [
          ...BASE.endpoints,
          { name: 'x', cluster: 'eu-1', addresses: ['203.0.113.9', '127.0.0.1'] },
        ],
      },
      'spec.endpoints[3].addresses[1]',
      'ADDRESS_FORBIDDEN',
      /127\.0\.0\.0\/8/,
    ],
    [
      'a metadata address inside',
      {
        endpoints: [
          ...BASE.endpoints,
          { name: 'x', cluster: 'eu-1', internal: { address: '169.254.169.254' } },
        ],
      },
      'spec.endpoints[3].internal.address',
      'ADDRESS_FORBIDDEN',
      /169\.254/,
    ],
    [
      'a loopback maintenance address',
      { residency: [{ region: 'EU', onAllDown: { action: 'maintenance', addresses: ['127.0.0.1'] } }] },
      'spec.residency[0].onAllDown.addresses[0]',
      'ADDRESS_FORBIDDEN',
      /127/,
    ],
    [
      'one country in two rules',
      withGeo(rule('a', { countries: ['DE'] }), rule('b', { countries: ['FR', 'DE'] })),
      'spec.routing.geo[1].match.countries[1]',
      'GEO_OVERLAP',
      /country DE.*"a"/,
    ],
    [
      'one continent in two rules',
      withGeo(rule('a', { continents: ['EU'] }), rule('b', { continents: ['EU'] })),
      'spec.routing.geo[1].match.continents[0]',
      'GEO_OVERLAP',
      /continent EU/,
    ],
    [
      'one subdivision in two rules',
      withGeo(rule('a', { subdivisions: ['US-CA'] }), rule('b', { subdivisions: ['US-CA'] })),
      'spec.routing.geo[1].match.subdivisions[0]',
      'GEO_OVERLAP',
      /US-CA/,
    ],
    [
      'one network in two rules, written differently',
      withGeo(rule('a', { cidrs: ['198.51.100.0/24'] }), rule('b', { cidrs: ['198.51.100.7/24'] })),
      'spec.routing.geo[1].match.cidrs[0]',
      'GEO_OVERLAP',
      /198\.51\.100\.0\/24/,
    ],
    [
      'two regions that share countries',
      withGeo(rule('a', { regions: ['EU'] }), rule('b', { regions: ['DACH'] })),
      'spec.routing.geo[1].match.regions[0]',
      'GEO_OVERLAP',
      /DACH overlaps EU in DE, AT/,
    ],
    [
      'one region in two rules',
      withGeo(rule('a', { regions: ['EU'] }), rule('b', { regions: ['EU'] })),
      'spec.routing.geo[1].match.regions[0]',
      'GEO_OVERLAP',
      /region EU is already matched/,
    ],
    [
      'a rule name twice',
      withGeo(rule('a', { countries: ['DE'] }), rule('a', { countries: ['FR'] })),
      'spec.routing.geo[1].name',
      'VALIDATION_FAILED',
      /"a" stands twice/,
    ],
    [
      'an unknown region in a rule',
      withGeo(rule('a', { regions: ['Atlantis'] })),
      'spec.routing.geo[0].match.regions[0]',
      'REFERENCE_NOT_FOUND',
      /"Atlantis"/,
    ],
    [
      'a country that is none',
      withGeo(rule('a', { countries: ['UK'] })),
      'spec.routing.geo[0].match.countries[0]',
      'VALIDATION_FAILED',
      /"UK" is no country/,
    ],
    [
      'an unknown residency region',
      { residency: [{ region: 'Atlantis' }] },
      'spec.residency[0].region',
      'REFERENCE_NOT_FOUND',
      /"Atlantis"/,
    ],
    [
      'one residency region twice',
      { residency: [{ region: 'EU' }, { region: 'EU' }] },
      'spec.residency[1].region',
      'VALIDATION_FAILED',
      /stands twice/,
    ],
    [
      'a residency region without a cluster',
      {
        endpoints: BASE.endpoints.slice(2),
        ...withDefault({ endpoint: 'us-1' }),
        residency: [{ region: 'EU', unknownLocation: 'allow' }],
      },
      'spec.residency[0]',
      'VALIDATION_FAILED',
      /no endpoint is on a cluster in EU.*never be answered/,
    ],
    [
      'an alias beside addresses in one tier',
      {
        endpoints: [...BASE.endpoints, { name: 'cdn', cluster: 'us-1', cname: 'cdn.example.net' }],
        ...withDefault({ endpoint: 'eu-1' }, { endpoint: 'cdn' }),
      },
      'spec.routing.default.tiers[0].members',
      'VALIDATION_FAILED',
      /mixes/,
    ],
  ];
  test.each(cases)('%s', (_what, spec, path, code, message) => {
    const violations = violationsOf(spec);
    expect(violations.map(({ path, code }) => ({ path, code }))).toEqual([{ path, code }]);
    expect(violations[0]?.message).toMatch(message);
    expect(violations[0]?.fix).toMatch(/\w/);
  });

  test('all that is wrong is said at once', () => {
    const spec = {
      ...withDefault({ endpoint: 'nope', weight: 0 }),
      healthCheck: { ref: 'nope' },
      ttlSeconds: 1,
    };
    expect(
      violationsOf(spec)
        .map((v) => v.code)
        .sort(),
    ).toEqual(['REFERENCE_NOT_FOUND', 'REFERENCE_NOT_FOUND', 'VALIDATION_FAILED', 'WEIGHTS_ALL_ZERO']);
  });

  test('ranges that the operator allows pass', () => {
    const endpoints = [...BASE.endpoints, { name: 'x', cluster: 'eu-1', addresses: ['127.0.0.1'] }];
    expect(violationsOf({ endpoints }, { ...CONTEXT, allowedRanges: ['127.0.0.0/8'] })).toEqual([]);
  });

  test('a region without a cluster passes with a maintenance address', () => {
    const onAllDown = { action: 'maintenance', addresses: ['203.0.113.99'] };
    const spec = {
      endpoints: BASE.endpoints.slice(2),
      ...withDefault({ endpoint: 'us-1' }),
      residency: [{ region: 'EU', onAllDown }],
    };
    expect(violationsOf(spec)).toEqual([]);
  });

  test('two disjoint regions cannot both restrict unknown locations', () => {
    const context = { ...CONTEXT, regions: { America: ['US', 'CA'] } };
    const both = [{ region: 'EU' }, { region: 'America' }];
    const violations = violationsOf({ residency: both }, context);
    expect(violations).toHaveLength(1);
    expect(violations[0]?.message).toContain('an unknown location');
    expect(violations[0]?.fix).toContain('unknownLocation: allow');
    expect(
      violationsOf(
        { residency: [{ region: 'EU' }, { region: 'America', unknownLocation: 'allow' }] },
        context,
      ),
    ).toEqual([]);
  });
});

describe('hostnames', () => {
  const api = resource({ hostnames: ['api.example.com', '*.example.com'] });

  test('that another policy answers for are refused, also across namespaces', () => {
    const other = resource({ hostnames: ['API.example.com.'] }, 'api', 'team-b');
    expect(hostnamesConflict(api, [other])).toEqual([
      expect.objectContaining({
        path: 'spec.hostnames[0]',
        code: 'HOSTNAME_CLAIMED',
        message: expect.stringContaining('team-b/api') as unknown,
      }),
    ]);
  });

  test('of the policy itself and names below a wildcard are no conflict', () => {
    expect(hostnamesConflict(api, [api, resource({ hostnames: ['www.example.com'] }, 'www')])).toEqual([]);
  });
});
