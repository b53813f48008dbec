import { describe, expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { ERROR_TABLE } from '../errors/table.ts';
import { parseAs, parseResource } from './validate.ts';

const API = { apiVersion: 'portolan.dev/v1alpha1' };
const named = (kind: string, spec: unknown, metadata: unknown = { name: 'x' }) => ({
  ...API,
  kind,
  metadata,
  spec,
});

const policy = (change: Record<string, unknown> = {}, routing: Record<string, unknown> = {}) =>
  named('TrafficPolicy', {
    hostnames: ['api.example.com'],
    endpoints: [
      { name: 'eu-1', cluster: 'eu-1' },
      { name: 'us-1', cluster: 'us-1' },
    ],
    routing: { default: { tiers: [{ members: [{ endpoint: 'eu-1' }, { endpoint: 'us-1' }] }] }, ...routing },
    ...change,
  });
const geo = (name: string, match: unknown, endpoint = 'eu-1') => ({
  name,
  match,
  tiers: [{ members: [{ endpoint }] }],
});
const check = (spec: Record<string, unknown>) => named('HealthCheck', spec);
const zone = (record: Record<string, unknown>) =>
  named('Zone', { origin: 'example.com', nameServers: [{ name: 'ns1.example.com' }], records: [record] });

const refusal = (document: unknown): PortolanError => {
  try {
    parseResource(document);
  } catch (thrown) {
    if (thrown instanceof PortolanError) return thrown;
    throw thrown;
  }
  throw new Error('the document was accepted');
};

describe('a good document', () => {
  it('comes back with defaults applied and names canonical', () => {
    const parsed = parseAs('TrafficPolicy', policy({ hostnames: ['API.Example.com', '*.münchen.example'] }));
    expect(parsed.metadata).toMatchObject({ namespace: 'default', name: 'x' });
    expect(parsed.spec).toMatchObject({
      hostnames: ['api.example.com.', '*.xn--mnchen-3ya.example.'],
      ttlSeconds: 30,
      selection: { mode: 'weighted', maxAnswers: 1 },
    });
  });

  it('parses to itself again, so that what was read can be applied', () => {
    const once = parseResource(policy());
    expect(parseResource({ ...once, status: { anything: true } })).toMatchObject(once);
  });
});

describe('a bad document is refused with place, code and fix', () => {
  it.each<[what: string, document: unknown, path: string, code: string, fix: RegExp]>([
    [
      'a misspelt field',
      policy({ hostname: ['x.example.com'] }),
      'spec.hostname',
      'VALIDATION_FAILED',
      /Did you mean "hostnames"/,
    ],
    [
      'a misspelt field deep inside',
      policy({}, { geo: [geo('de', { countires: ['DE'] })] }),
      'spec.routing.geo[0].match.countires',
      'VALIDATION_FAILED',
      /Did you mean "countries"/,
    ],
    [
      'a field nobody knows',
      named('Cluster', { location: { country: 'DE' }, colour: 'red' }),
      'spec.colour',
      'VALIDATION_FAILED',
      /Known fields here: addresses, failureDomain, location/,
    ],
    [
      'an unknown field of metadata',
      named('Cluster', { location: { country: 'DE' } }, { name: 'x', lables: {} }),
      'metadata.lables',
      'VALIDATION_FAILED',
      /Did you mean "labels"/,
    ],
    ['a missing field', named('Cluster', {}), 'spec.location', 'VALIDATION_FAILED', /Add `location`/],
    [
      'a missing spec',
      { ...API, kind: 'Cluster', metadata: { name: 'x' } },
      'spec',
      'VALIDATION_FAILED',
      /Add `spec`/,
    ],
    [
      'a number where text belongs',
      named('Drain', { cluster: 7 }),
      'spec.cluster',
      'VALIDATION_FAILED',
      /Write a text/,
    ],
    [
      'text where a number belongs',
      policy({ ttlSeconds: '30' }),
      'spec.ttlSeconds',
      'VALIDATION_FAILED',
      /Write a (whole )?number/,
    ],
    [
      'a number out of range',
      policy({ ttlSeconds: 0 }),
      'spec.ttlSeconds',
      'VALIDATION_FAILED',
      /at least 1/,
    ],
    ['an empty list', policy({ hostnames: [] }), 'spec.hostnames', 'VALIDATION_FAILED', /at least 1 entry/],
    [
      'a lower-case country',
      named('Cluster', { location: { country: 'de' } }),
      'spec.location.country',
      'VALIDATION_FAILED',
      /upper case, such as DE/,
    ],
    [
      'a bad address',
      named('Cluster', { location: { country: 'DE' }, addresses: ['192.0.2.300'] }),
      'spec.addresses[0]',
      'VALIDATION_FAILED',
      /IPv4 or IPv6 address/,
    ],
    [
      'a bad CIDR block',
      policy({}, { geo: [geo('a', { cidrs: ['192.0.2.0/33'] })] }),
      'spec.routing.geo[0].match.cidrs[0]',
      'VALIDATION_FAILED',
      /CIDR block such as/,
    ],
    [
      'a bad hostname',
      policy({ hostnames: ['a..b'] }),
      'spec.hostnames[0]',
      'DNS_NAME_INVALID',
      /Labels have 1 to 63/,
    ],
    [
      'a bad object name',
      named('Cluster', { location: { country: 'DE' } }, { name: 'EU_1' }),
      'metadata.name',
      'VALIDATION_FAILED',
      /lower-case letters/,
    ],
    [
      'a bad namespace',
      named('Cluster', { location: { country: 'DE' } }, { name: 'x', namespace: '../etc' }),
      'metadata.namespace',
      'VALIDATION_FAILED',
      /lower-case letters/,
    ],
    [
      'a bad label key',
      named('Cluster', { location: { country: 'DE' } }, { name: 'x', labels: { '': 'v' } }),
      'metadata.labels[""]',
      'VALIDATION_FAILED',
      /Rename the key/,
    ],
    [
      'an unknown protocol',
      check({ protocol: 'htp' }),
      'spec.protocol',
      'VALIDATION_FAILED',
      /Did you mean "http"/,
    ],
    ['no protocol', check({ port: 80 }), 'spec.protocol', 'VALIDATION_FAILED', /one of "http"/],
    [
      'a field of another protocol',
      check({ protocol: 'tcp', port: 1, path: '/' }),
      'spec.path',
      'VALIDATION_FAILED',
      /Known fields here/,
    ],
    [
      'a timeout above the interval',
      check({ protocol: 'tcp', port: 1, intervalSeconds: 1, timeoutMs: 2000 }),
      'spec.timeoutMs',
      'VALIDATION_FAILED',
      /at most 1000, or raise intervalSeconds/,
    ],
    [
      'a timeout above a second with an interval below one',
      check({ protocol: 'tcp', port: 1, intervalSeconds: 0.2, timeoutMs: 1001 }),
      'spec.timeoutMs',
      'VALIDATION_FAILED',
      /at most 1000/,
    ],
    [
      'a header that would split the request',
      check({ protocol: 'http', headers: { a: 'b\r\nc: d' } }),
      'spec.headers.a',
      'VALIDATION_FAILED',
      /./,
    ],
    [
      'an unknown action',
      policy({ residency: [{ region: 'EU', onAllDown: { action: 'pnic' } }] }),
      'spec.residency[0].onAllDown.action',
      'VALIDATION_FAILED',
      /Did you mean "panic"/,
    ],
    [
      'a health check that is neither ref nor inline',
      policy({ healthCheck: {} }),
      'spec.healthCheck',
      'VALIDATION_FAILED',
      /one of `ref`, `inline`/,
    ],
    [
      'a mistake inside an inline health check',
      policy({ healthCheck: { inline: { protocol: 'tcp', prot: 7 } } }),
      'spec.healthCheck.inline.prot',
      'VALIDATION_FAILED',
      /Did you mean "port"/,
    ],
    [
      'an endpoint with addresses and a cname',
      policy({
        endpoints: [{ name: 'eu-1', cluster: 'c', addresses: ['192.0.2.1'], cname: 'a.example.com' }],
      }),
      'spec.endpoints[0].cname',
      'VALIDATION_FAILED',
      /./,
    ],
    [
      'a geo rule that matches nothing',
      policy({}, { geo: [geo('a', {})] }),
      'spec.routing.geo[0].match',
      'VALIDATION_FAILED',
      /./,
    ],
    [
      'the same country in two rules',
      policy({}, { geo: [geo('a', { countries: ['DE'] }), geo('b', { countries: ['FR', 'DE'] })] }),
      'spec.routing.geo[1].match.countries[1]',
      'GEO_OVERLAP',
      /Remove DE/,
    ],
    [
      'the same block spelt differently',
      policy(
        {},
        { geo: [geo('a', { cidrs: ['2001:db8::/32'] }), geo('b', { cidrs: ['2001:0db8:0::1/32'] })] },
      ),
      'spec.routing.geo[1].match.cidrs[0]',
      'GEO_OVERLAP',
      /./,
    ],
    [
      'all weights zero',
      policy(
        {},
        {
          default: {
            tiers: [
              {
                members: [
                  { endpoint: 'eu-1', weight: 0 },
                  { endpoint: 'us-1', weight: 0 },
                ],
              },
            ],
          },
        },
      ),
      'spec.routing.default.tiers[0].members',
      'WEIGHTS_ALL_ZERO',
      /weight above zero/,
    ],
    [
      'a member that is no endpoint',
      policy({}, { geo: [geo('a', { countries: ['DE'] }, 'eu-9')] }),
      'spec.routing.geo[0].tiers[0].members[0].endpoint',
      'REFERENCE_NOT_FOUND',
      /eu-1, us-1/,
    ],
    [
      'an endpoint twice in a tier',
      policy({}, { default: { tiers: [{ members: [{ endpoint: 'eu-1' }, { endpoint: 'eu-1' }] }] } }),
      'spec.routing.default.tiers[0].members[1].endpoint',
      'VALIDATION_FAILED',
      /Remove or rename/,
    ],
    [
      'two endpoints of one name',
      policy({
        endpoints: [
          { name: 'eu-1', cluster: 'a' },
          { name: 'eu-1', cluster: 'b' },
          { name: 'us-1', cluster: 'c' },
        ],
      }),
      'spec.endpoints[1].name',
      'VALIDATION_FAILED',
      /Remove or rename/,
    ],
    [
      'one hostname twice in two spellings',
      policy({ hostnames: ['a.example.com', 'A.example.com.'] }),
      'spec.hostnames[1]',
      'VALIDATION_FAILED',
      /Remove or rename/,
    ],
    [
      'a least TTL above the TTL',
      policy({ ttlSeconds: 5, minTtlSeconds: 6 }),
      'spec.minTtlSeconds',
      'VALIDATION_FAILED',
      /at most 5/,
    ],
    [
      'a record outside its zone',
      zone({ name: 'www.example.org.', type: 'A', data: ['192.0.2.1'] }),
      'spec.records[0].name',
      'DNS_RECORD_INVALID',
      /at or below example\.com\./,
    ],
    [
      'a record name that is none',
      zone({ name: 'a..b', type: 'A', data: ['192.0.2.1'] }),
      'spec.records[0].name',
      'DNS_NAME_INVALID',
      /./,
    ],
    [
      'a delegation to a name server in the zone that nobody could find',
      named('Zone', {
        origin: 'e.com',
        nameServers: [{ name: 'ns.e.net' }, { name: 'ns.e.com' }],
        delegation: { provider: 'cloud' },
      }),
      'spec.nameServers[1].addresses',
      'VALIDATION_FAILED',
      /outside the zone/,
    ],
    [
      'a delegation of the root',
      named('Zone', {
        origin: '.',
        nameServers: [{ name: 'ns.e.com', addresses: ['192.0.2.1'] }],
        delegation: { provider: 'cloud' },
      }),
      'spec.delegation',
      'VALIDATION_FAILED',
      /Remove/,
    ],
    [
      'a zone that would expire within a hub outage',
      named('Zone', { origin: 'e.com', nameServers: [{ name: 'ns.e.com' }], soa: { expireSeconds: 3600 } }),
      'spec.soa.expireSeconds',
      'VALIDATION_FAILED',
      /at least 604800/,
    ],
    [
      'a secret value that is no text',
      named('Secret', { stringData: { a: 1 } }),
      'spec.stringData.a',
      'VALIDATION_FAILED',
      /./,
    ],
    [
      'a drain that ends at no time',
      named('Drain', { cluster: 'a', expiresAt: 'tomorrow' }),
      'spec.expiresAt',
      'VALIDATION_FAILED',
      /RFC 3339/,
    ],
    [
      'a drill without action',
      named('Drill', { cluster: 'a' }),
      'spec.action',
      'VALIDATION_FAILED',
      /one of "drain", "fail"/,
    ],
  ])('I36 %s', (_what, document, path, code, fix) => {
    const error = refusal(document);
    const codes = new Set(error.violations.map((v) => v.code));
    expect(error.code).toBe(codes.size === 1 ? code : 'VALIDATION_FAILED');
    const found = error.violations.find((v) => v.path === path);
    expect(error.violations.map((v) => v.path)).toContain(path);
    expect(found?.code).toBe(code);
    expect(found?.fix).toMatch(fix);
    for (const v of error.violations) {
      expect(v.message).not.toBe('');
      expect(v.fix).not.toBe('');
      expect(v.message).not.toMatch(/^Invalid|^Too |expected /);
      expect(ERROR_TABLE).toHaveProperty(v.code);
    }
  });

  it.each<[what: string, document: unknown, code: string]>([
    ['an unknown kind', { ...API, kind: 'Clusterr' }, 'KIND_UNKNOWN'],
    ['no kind', { ...API }, 'KIND_UNKNOWN'],
    ["a kind that is an object's own property elsewhere", { ...API, kind: 'constructor' }, 'KIND_UNKNOWN'],
    ['another apiVersion', { apiVersion: 'v1', kind: 'Cluster' }, 'KIND_UNKNOWN'],
    ['a list', [], 'VALIDATION_FAILED'],
    ['nothing', null, 'VALIDATION_FAILED'],
    ['text', 'kind: Cluster', 'VALIDATION_FAILED'],
    [
      'a key that reaches the prototype',
      JSON.parse(
        '{"apiVersion":"portolan.dev/v1alpha1","kind":"Cluster","metadata":{"name":"x","labels":{"__proto__":"y"}},"spec":{}}',
      ),
      'VALIDATION_FAILED',
    ],
    [
      'a document of more than 4 MiB',
      named('Zone', { origin: 'e.com', records: [{ data: ['x'.repeat(5 * 1024 * 1024)] }] }),
      'PAYLOAD_TOO_LARGE',
    ],
    [
      'labels of more than 256 KiB',
      named(
        'Cluster',
        { location: { country: 'DE' } },
        {
          name: 'x',
          labels: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'v'.repeat(4000)])),
        },
      ),
      'VALIDATION_FAILED',
    ],
  ])('I36 %s is %s', (_what, document, code) => {
    const error = refusal(document);
    expect(error.code).toBe(code);
    expect(error.fix).not.toBe('');
  });

  it('a near kind is suggested', () => {
    expect(refusal({ ...API, kind: 'trafficpolicies' }).fix).toBe('Write `kind: TrafficPolicy`.');
    expect(refusal({ ...API, kind: 'AuthPolcy' }).fix).toBe('Write `kind: AuthPolicy`.');
    expect(refusal({ ...API, kind: 'Gatway' }).fix).toBe('Write `kind: Gateway`.');
    expect(refusal({ ...API, kind: 'Pod' }).fix).toMatch(/^Use one of /);
  });

  it('a kind of the Gateway API that is not here is known as that', () => {
    expect(refusal({ ...API, kind: 'TLSRoute' })).toMatchObject({
      message: 'TLSRoute of the Gateway API is not served here',
      code: 'KIND_UNKNOWN',
    });
  });

  it('nesting beyond sense is refused before it is followed', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    expect(refusal({ ...API, kind: 'Cluster', spec: deep }).message).toContain('levels deep');
  });

  it('a document wrong in a thousand places gets a hundred answers', () => {
    const hostnames = Array.from({ length: 100 }, () => 'a..b');
    const endpoints = Array.from({ length: 200 }, () => ({ name: 'A' }));
    expect(refusal(policy({ hostnames, endpoints })).violations).toHaveLength(100);
  });

  it('long hostile values are cut in messages', () => {
    const error = refusal(named('Cluster', { location: { country: 'x'.repeat(10_000) } }));
    expect(JSON.stringify(error.toProblem()).length).toBeLessThan(1500);
  });
});

describe('where a mapping should stand', () => {
  it('the fields of the mapping are named', () => {
    const server = { server: '192.0.2.1', tsigSecret: 'key' };
    const { violations } = refusal(named('DNSProvider', { zones: ['example.com'], rfc2136: server }));
    expect(violations).toMatchObject([
      {
        path: 'spec.zones[0]',
        message: 'must be a mapping, not "example.com"',
        fix: 'Write a mapping with `origin`, `id`, `private`.',
      },
    ]);
    expect(refusal({ ...API, kind: 'Cluster', metadata: { name: 'x' } }).violations[0]?.fix).toMatch(
      /^Add `spec`: a mapping with `\w+`/,
    );
  });
});
