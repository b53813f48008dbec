import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { sameSet } from '../../src/plan/record-set.ts';
import { apiRecordSet, canonicalLink, octetsOf, readRecordSet, writeRecordSet } from './records.ts';

const NAME = parseName('www.example.com.');

function read(api: object) {
  return readRecordSet(apiRecordSet.parse(api));
}

describe('record sets of Cloud DNS', () => {
  it('are read in canonical form, however the API spells them', () => {
    expect(
      read({
        kind: 'dns#resourceRecordSet',
        name: 'WWW.Example.com.',
        type: 'aaaa',
        ttl: 60,
        rrdatas: ['2001:0db8::000b', '2001:DB8::A'],
        signatureRrdatas: ['sig'],
      }),
    ).toEqual({
      name: NAME,
      type: 'AAAA',
      setId: '',
      ttlSeconds: 60,
      values: ['2001:db8::a', '2001:db8::b'],
    });
  });

  it.each([
    ['TXT', 'v=spf1', '"v=spf1"'],
    ['TXT', '"say \\"hi\\""', '"say \\"hi\\""'],
    ['MX', '10 Mail.Example.NET.', '10 mail.example.net.'],
    ['CAA', '0 issue "ca.example.net"', '0 issue "ca.example.net"'],
  ])('have %s data %s as %s', (type, given, canonical) => {
    expect(read({ name: NAME, type, ttl: 60, rrdatas: [given] })?.values).toEqual([canonical]);
  });

  it('keep data of a type that only Google knows as it is', () => {
    expect(read({ name: NAME, type: 'ALIAS', ttl: 60, rrdatas: ['Target.Example.net.'] })?.values).toEqual([
      'Target.Example.net.',
    ]);
  });

  it('have their routing policy in `native`, as the API spells it, without what it adds and without defaults', () => {
    const set = read({
      name: NAME,
      type: 'A',
      ttl: 30,
      routingPolicy: {
        kind: 'dns#rRSetRoutingPolicy',
        healthCheck: 'projects/p/global/healthChecks/web',
        primaryBackup: {
          kind: 'dns#rRSetRoutingPolicyPrimaryBackupPolicy',
          primaryTargets: { externalEndpoints: ['192.0.2.2', '192.0.2.1'], internalLoadBalancers: [] },
          trickleTraffic: 0,
          backupGeoTargets: {
            enableFencing: false,
            items: [{ location: 'us-east1', rrdatas: ['192.0.2.3'], signatureRrdatas: [] }],
          },
        },
      },
    });
    expect(set).toEqual({
      name: NAME,
      type: 'A',
      setId: '',
      ttlSeconds: 30,
      values: [],
      native: {
        routingPolicy: {
          primaryBackup: {
            primaryTargets: { externalEndpoints: ['192.0.2.1', '192.0.2.2'] },
            backupGeoTargets: { items: [{ location: 'us-east1', rrdatas: ['192.0.2.3'] }] },
          },
          healthCheck: 'https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/web',
        },
      },
    });
  });

  it('name a health check in one way', () => {
    const link = 'https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/web';
    expect(canonicalLink('projects/p/global/healthChecks/web')).toBe(link);
    expect(canonicalLink(link)).toBe(link);
    expect(
      canonicalLink('https://compute.googleapis.com/compute/v1/projects/p/global/healthChecks/web'),
    ).toBe(link);
  });

  it('are no sets under a name that DNS does not allow', () => {
    expect(
      read({ name: `${'a'.repeat(64)}.example.com.`, type: 'A', rrdatas: ['192.0.2.1'] }),
    ).toBeUndefined();
  });

  it('count for the octets of their data, and of their routing policy', () => {
    const plain = read({ name: NAME, type: 'A', ttl: 60, rrdatas: ['192.0.2.1', '192.0.2.20'] });
    expect(plain && octetsOf(plain)).toBe(19);
    const routed = read({
      name: NAME,
      type: 'A',
      ttl: 60,
      routingPolicy: { wrr: { items: [{ weight: 1, rrdatas: ['192.0.2.1'] }] } },
    });
    expect(routed && octetsOf(routed)).toBeGreaterThan(20);
  });

  it('are the same after writing and reading', () => {
    const values = fc.uniqueArray(fc.ipV4(), { minLength: 1, maxLength: 5 });
    const item = fc.record({ weight: fc.integer({ min: 0, max: 1000 }), rrdatas: values });
    const data = fc.oneof(
      values.map((rrdatas) => ({ rrdatas })),
      fc.array(item, { minLength: 1, maxLength: 4 }).map((items) => ({ routingPolicy: { wrr: { items } } })),
      fc.tuple(values, values, fc.boolean()).map(([first, second, enableFencing]) => ({
        routingPolicy: {
          healthCheck: 'projects/p/global/healthChecks/web',
          primaryBackup: {
            primaryTargets: { externalEndpoints: first },
            backupGeoTargets: {
              enableFencing,
              items: [{ location: 'us-east1', healthCheckedTargets: { externalEndpoints: second } }],
            },
          },
        },
      })),
    );
    fc.assert(
      fc.property(data, fc.integer({ min: 0, max: 86_400 }), (content, ttl) => {
        const once = read({ name: NAME, type: 'A', ttl, ...content });
        if (once === undefined) throw new Error('it was read');
        const twice = read(writeRecordSet(once));
        expect(twice).toEqual(once);
        expect(twice !== undefined && sameSet(once, twice)).toBe(true);
      }),
    );
  });
});
