import { describe, expect, it } from 'vitest';
import { parseName } from '../dns/name.ts';
import { type DelegationInput, delegationOf, zoneAbove } from './delegation.ts';
import { expectedOfDelegation } from './expectation.ts';

const GEO = parseName('geo.example.com');
const DS = { keyTag: 12345, algorithm: 13, digestType: 2, digest: 'AB'.repeat(32) };

function delegate(more: Partial<DelegationInput> = {}, provider: Partial<DelegationInput['provider']> = {}) {
  return delegationOf({
    zone: 'shop/geo',
    spec: {
      origin: GEO,
      nameServers: [
        { name: parseName('ns1.geo.example.com'), addresses: ['192.0.2.53', '2001:DB8:0::53'] },
        { name: parseName('ns2.example.net'), addresses: ['192.0.2.54'] },
      ],
    },
    ttlSeconds: 3600,
    ds: [],
    provider: {
      name: 'shop/cloud',
      zone: parseName('example.com'),
      ttl: { minSeconds: 0, maxSeconds: 86_400 },
      unsupportedTypes: [],
      ...provider,
    },
    ...more,
  });
}
const lines = ({ desired }: ReturnType<typeof delegate>): readonly string[] | undefined =>
  desired.sets?.map(
    ({ name, ttlSeconds, type, values }) => `${name} ${ttlSeconds} ${type} ${values.join(' ')}`,
  );

describe('a delegation to the embedded name servers', () => {
  it('is the name servers, and before them the addresses of those that lie in the zone', () => {
    const { desired, report, problem } = delegate();
    expect(lines(delegate())).toEqual([
      'ns1.geo.example.com. 3600 A 192.0.2.53',
      'ns1.geo.example.com. 3600 AAAA 2001:db8::53',
      'geo.example.com. 3600 NS ns1.geo.example.com. ns2.example.net.',
    ]);
    expect(desired).toMatchObject({
      name: GEO,
      resource: 'zone/shop/geo',
      types: ['NS', 'DS'],
      shared: false,
    });
    expect(report).toMatchObject({
      hostname: GEO,
      provider: 'shop/cloud',
      zone: 'example.com.',
      outcome: 'delegated',
    });
    expect(problem).toBeUndefined();
  });

  it('has the DS records that the keys ask for, and none when they ask for none', () => {
    const signed = delegate({ ds: [DS] });
    expect(lines(signed)?.at(-1)).toBe(`geo.example.com. 3600 DS 12345 13 2 ${'AB'.repeat(32)}`);
    expect(expectedOfDelegation(signed)).toMatchObject([
      { type: 'DS', oneOf: [[`12345 13 2 ${'AB'.repeat(32)}`]] },
    ]);
    expect(expectedOfDelegation(delegate())).toMatchObject([{ type: 'DS', oneOf: [[]] }]);
  });

  it('stays as it is while nobody knows what the keys ask for: a DS is never taken away by a restart', () => {
    const { desired } = delegate({ ds: undefined });
    expect(desired.sets).toBeUndefined();
  });

  it('goes without DS at a provider that has none, and says what is to be done by hand', () => {
    const made = delegate({ ds: [DS] }, { unsupportedTypes: [{ type: 'DS', reason: 'It knows no DS.' }] });
    expect(made.desired.types).toEqual(['NS']);
    expect(lines(made)?.some((line) => line.includes(' DS '))).toBe(false);
    expect(made.problem).toContain('It knows no DS. Until somebody publishes them in example.com. ');
    expect(made.problem).toContain('12345 13 2');
    expect(expectedOfDelegation(made)).toEqual([]);
  });

  it('has a TTL that the provider allows', () => {
    expect(lines(delegate({ ttlSeconds: 172_800 }))?.[0]).toContain(' 86400 ');
    expect(lines(delegate({ ttlSeconds: 60 }, { ttl: { minSeconds: 300, maxSeconds: 900 } }))?.[0]).toContain(
      ' 300 ',
    );
  });
});

describe('the zone above an origin', () => {
  const zones = ['.', 'com', 'example.com', 'geo.example.com', 'other.com'].map((name) => ({
    origin: parseName(name),
  }));

  it('is the closest one, never the zone itself', () => {
    expect(zoneAbove(GEO, zones)?.origin).toBe('example.com.');
    expect(zoneAbove(parseName('a.b.geo.example.com'), zones)?.origin).toBe('geo.example.com.');
    expect(zoneAbove(parseName('.'), zones)).toBeUndefined();
    expect(zoneAbove(parseName('myexample.com'), zones.slice(2))).toBeUndefined();
  });
});
