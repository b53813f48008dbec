import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseName } from '../../../src/dns/name.ts';
import { createZone, deleteSet, putSet, type StoredZone, setKeyOf } from './dns-zones.ts';
import { azureSpec, openAzure } from './open.ts';
import { ACCOUNT, type AzureFake, startAzure } from './server.ts';
import { createTrafficManager } from './traffic-manager.ts';

/** What Azure refuses, so that a client that passes here does not learn it from the cloud. */

const ANY = { ifMatch: undefined, ifNoneMatch: undefined };
const noAlias = (): never => {
  throw new Error('an alias');
};

function put(zone: StoredZone, name: string, type: 'A' | 'CNAME' | 'NS' | 'SOA' | 'TXT', properties: object) {
  return putSet(zone, name, type, { properties }, ANY, noAlias);
}

const A = { TTL: 60, ARecords: [{ ipv4Address: '192.0.2.1' }] };

describe('the test server of Azure DNS refuses', () => {
  const zone = () => createZone(parseName('example.com'), '/zones/example.com');
  const cname = { TTL: 60, CNAMERecord: { cname: 'b.example.net.' } };

  it.each([
    ['a CNAME at the apex', '@', 'CNAME', cname],
    ['a TTL of 0', 'www', 'A', { ...A, TTL: 0 }],
    ['records without a TTL', 'www', 'A', { ARecords: A.ARecords }],
    ['records of another type', 'www', 'A', { ...A, TXTRecords: [{ value: ['x'] }] }],
    [
      '21 records',
      'www',
      'A',
      { TTL: 60, ARecords: Array.from({ length: 21 }, (_, n) => ({ ipv4Address: `192.0.2.${n}` })) },
    ],
    ['a record twice', 'www', 'A', { TTL: 60, ARecords: [...A.ARecords, ...A.ARecords] }],
    ['data that is none', 'www', 'A', { TTL: 60, ARecords: [{ ipv4Address: '300.0.2.1' }] }],
    ['a property that the API does not have', 'www', 'A', { ...A, Weight: 3 }],
    ['a string of 256 characters', 'www', 'TXT', { TTL: 60, TXTRecords: [{ value: ['x'.repeat(256)] }] }],
    ['records beside a target', 'www', 'A', { ...A, targetResource: { id: '/x' } }],
    ['an alias of another type', 'www', 'TXT', { TTL: 60, targetResource: { id: '/x' } }],
    ['a wildcard of name servers', '*', 'NS', { TTL: 60, NSRecords: [{ nsdname: 'ns.example.net.' }] }],
    ['another SOA', 'www', 'SOA', { TTL: 60 }],
    ['other name servers at the apex', '@', 'NS', { TTL: 60, NSRecords: [{ nsdname: 'ns.example.net.' }] }],
    ['a name with an escape', 'a\\.b', 'A', A],
  ] as const)('%s', (_what, name, type, properties) => {
    const before = zone();
    expect(() => put(before, name, type, properties)).toThrow(expect.objectContaining({ status: 400 }));
    expect(before.sets.size).toBe(2);
  });

  it('a CNAME beside another set, and another set beside a CNAME', () => {
    const one = zone();
    put(one, 'www', 'A', A);
    expect(() => put(one, 'www', 'CNAME', cname)).toThrow(/coexist/);
    put(one, 'alias', 'CNAME', cname);
    expect(() => put(one, 'alias', 'A', A)).toThrow(/coexist/);
  });

  it('writes whose condition does not hold', () => {
    const one = zone();
    put(one, 'www', 'A', A);
    const etag = one.sets.get(setKeyOf('A', 'www'))?.etag;
    const write = (ifMatch: string | undefined, ifNoneMatch: string | undefined, name = 'www') =>
      putSet(one, name, 'A', { properties: A }, { ifMatch, ifNoneMatch }, noAlias);
    const failed: unknown = expect.objectContaining({ status: 412 });
    expect(() => write(undefined, '*')).toThrow(failed);
    expect(() => write('another', undefined)).toThrow(failed);
    expect(() => write(etag, undefined, 'api')).toThrow(failed);
    expect(() => deleteSet(one, 'www', 'A', { ifMatch: 'another', ifNoneMatch: undefined })).toThrow(failed);
    expect(write(etag, undefined).status).toBe(200);
    expect(() => write(etag, undefined)).toThrow(failed);
  });
});

describe('the test server of Traffic Manager refuses', () => {
  const monitorConfig = {
    protocol: 'TCP',
    port: 443,
    intervalInSeconds: 30,
    timeoutInSeconds: 10,
    toleratedNumberOfFailures: 3,
  };
  const external = (target: string, more: object = {}) => ({
    name: target.replaceAll(/[.:]/g, '-'),
    type: 'Microsoft.Network/trafficManagerProfiles/externalEndpoints',
    properties: { target, ...more },
  });
  const nested = (targetResourceId: string, more: object = { minChildEndpoints: 1 }) => ({
    name: 'child',
    type: 'Microsoft.Network/trafficManagerProfiles/nestedEndpoints',
    properties: { targetResourceId, ...more },
  });
  const profile = (endpoints: readonly object[], properties: object = {}) => ({
    location: 'global',
    properties: {
      trafficRoutingMethod: 'Weighted',
      dnsConfig: { relativeName: 'portolan-one', ttl: 20 },
      monitorConfig,
      endpoints,
      ...properties,
    },
  });
  const service = () => createTrafficManager({ prefix: '/p', aliases: () => [] });
  const make = (tm: ReturnType<typeof service>, name: string, body: object) =>
    tm.answer({ method: 'PUT', parts: ['trafficManagerProfiles', name], json: () => body });
  const geographic = { trafficRoutingMethod: 'Geographic' };

  it.each([
    ['a private address', profile([external('10.0.0.1')])],
    ['a documentation address', profile([external('192.0.2.1')])],
    ['a weight of 0', profile([external('20.50.0.1', { weight: 0 })])],
    ['a weight of 1001', profile([external('20.50.0.1', { weight: 1001 })])],
    ['the same target twice', profile([external('20.50.0.1'), { ...external('20.50.0.1'), name: 'again' }])],
    ['addresses beside names', profile([external('20.50.0.1'), external('cdn.example.net')])],
    [
      'the same priority twice',
      profile([external('20.50.0.1', { priority: 1 }), external('20.50.0.2', { priority: 1 })], {
        trafficRoutingMethod: 'Priority',
      }),
    ],
    [
      'a region twice',
      profile(
        [external('20.50.0.1', { geoMapping: ['DE'] }), external('20.50.0.2', { geoMapping: ['DE'] })],
        geographic,
      ),
    ],
    ['a region that is none', profile([external('20.50.0.1', { geoMapping: ['EH'] })], geographic)],
    ['an endpoint without a region', profile([external('20.50.0.1')], geographic)],
    ['a path with TCP', profile([external('20.50.0.1')], { monitorConfig: { ...monitorConfig, path: '/' } })],
    [
      'a probe every second',
      profile([external('20.50.0.1')], { monitorConfig: { ...monitorConfig, intervalInSeconds: 1 } }),
    ],
    ['a property that the API does not have', { ...profile([external('20.50.0.1')]), sku: 'x' }],
  ])('%s', (_what, body) => {
    const tm = service();
    expect(() => make(tm, 'one', body)).toThrow(expect.objectContaining({ status: 400 }));
    expect(tm.profiles.size).toBe(0);
  });

  it('what nesting does not allow', () => {
    const tm = service();
    make(tm, 'child', profile([external('20.50.0.1')]));
    const parent = (endpoint: object) =>
      profile([endpoint], { dnsConfig: { relativeName: 'portolan-two', ttl: 20 } });
    const child = '/p/trafficManagerProfiles/child';
    expect(() => make(tm, 'parent', parent(nested(child, {})))).toThrow(/needs minChildEndpoints/);
    expect(() => make(tm, 'parent', parent(nested(child, { minChildEndpoints: 2 })))).toThrow(
      /has 1 endpoints/,
    );
    expect(() =>
      make(tm, 'parent', parent(nested(child, { minChildEndpoints: 1, alwaysServe: 'Enabled' }))),
    ).toThrow(/Always Serve/);
    expect(() => make(tm, 'parent', parent(nested('/p/trafficManagerProfiles/none')))).toThrow(/not found/);
    make(tm, 'parent', parent(nested(child)));
    expect(() =>
      tm.answer({ method: 'DELETE', parts: ['trafficManagerProfiles', 'child'], json: () => ({}) }),
    ).toThrow(/nested in parent/);
    expect(() => make(tm, 'child', profile([nested('/p/trafficManagerProfiles/parent')]))).toThrow(/circle/);
  });

  it('a domain name that is taken, and aliases to what is not there or not of their type', () => {
    const tm = service();
    make(tm, 'one', profile([external('20.50.0.1')]));
    expect(() => make(tm, 'two', profile([external('20.50.0.2')]))).toThrow(/already exists/);
    expect(() => tm.aliasRule('A', '/p/trafficManagerProfiles/none')).toThrow(/does not exist/);
    expect(() => tm.aliasRule('AAAA', '/p/trafficManagerProfiles/one')).toThrow(/cannot lead/);
    expect(() => tm.aliasRule('CNAME', '/p/trafficManagerProfiles/one')).toThrow(/cannot lead/);
    expect(() => tm.aliasRule('A', '/P/trafficmanagerprofiles/ONE')).not.toThrow();
  });

  it('a 21st alias to the same profile', () => {
    const target = '/p/trafficManagerProfiles/one';
    const tm = createTrafficManager({
      prefix: '/p',
      aliases: () => Array.from({ length: 20 }, (_, n) => ({ name: `n${n}`, target })),
    });
    make(tm, 'one', profile([external('20.50.0.1')]));
    expect(() => tm.aliasRule('A', target)).toThrow(/20 alias record sets/);
  });
});

describe('the test server of Azure Resource Manager refuses', () => {
  let fake: AzureFake;
  beforeAll(async () => {
    fake = await startAzure();
  });
  afterAll(() => fake.close());
  const never = new AbortController().signal;

  it('another subscription, another resource group, and a path without a zone', async () => {
    const origin = parseName('example.com');
    const spec = azureSpec(fake, origin);
    if (spec.azure === undefined) throw new Error('no account');
    const accounts = [
      { ...spec.azure, subscriptionId: ACCOUNT.subscriptionId.replace('1', '9') },
      { ...spec.azure, resourceGroup: 'another' },
    ];
    for (const account of accounts) {
      const provider = await openAzure(fake, { ...spec, azure: account });
      await expect(provider.zones(never)).rejects.toMatchObject({ failure: 'gone' });
      await provider.close();
    }
    const provider = await openAzure(fake, spec);
    const zone = { origin, id: 'example.com', private: false, nameServers: [] };
    await expect(provider.read(zone, never)).rejects.toMatchObject({ failure: 'gone' });
    await provider.close();
  });
});
