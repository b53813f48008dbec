import { describe, expect, it } from 'vitest';
import { containing } from '../../support/matchers.ts';
import { applyChanges, type RequestedChange, type ZoneState } from './change-batch.ts';
import { InvalidInput } from './refused.ts';
import type { ApiSet } from './sets.ts';

/* The strict server must refuse what the documentation says is refused, else tests against it show nothing. */

const record = (Name: string, Type: ApiSet['Type'], Value: string, more: Partial<ApiSet> = {}): ApiSet => ({
  Name,
  Type,
  TTL: 60,
  ResourceRecords: [{ Value }],
  ...more,
});
const alias = (Name: string, DNSName: string, more: Partial<ApiSet> = {}): ApiSet => ({
  Name,
  Type: 'A',
  AliasTarget: { HostedZoneId: 'Z1', DNSName, EvaluateTargetHealth: false },
  ...more,
});
const weighted = (SetIdentifier: string, Weight: number, more: Partial<ApiSet> = {}): ApiSet =>
  record('w.example.com.', 'A', '192.0.2.1', { SetIdentifier, Weight, ...more });
const geo = (SetIdentifier: string, GeoLocation: object): ApiSet =>
  record('g.example.com.', 'A', '192.0.2.1', { SetIdentifier, GeoLocation });

const ZONE: ZoneState = {
  id: 'Z1',
  origin: 'example.com.',
  sets: [
    record('example.com.', 'NS', 'ns.example.net.'),
    record('example.com.', 'SOA', 'ns.example.net. h.example.net. 1 2 3 4 5'),
    record('www.example.com.', 'A', '192.0.2.1'),
    record('cname.example.com.', 'CNAME', 'x.example.net.'),
    weighted('one', 1),
    geo('de', { CountryCode: 'DE' }),
    alias('alias.example.com.', 'www.example.com.'),
  ],
};

const create = (set: Partial<ApiSet>): RequestedChange => ({ action: 'CREATE', set });
const remove = (set: Partial<ApiSet>): RequestedChange => ({ action: 'DELETE', set });
const run = (...changes: readonly RequestedChange[]) => applyChanges(ZONE, changes, (id) => id === 'h1');

describe('the strict Route 53 refuses', () => {
  it.each<[string, readonly RequestedChange[], string]>([
    ['to create what exists', [create(record('www.example.com', 'A', '192.0.2.9'))], 'but it already exists'],
    [
      'to delete what is not there',
      [remove(record('no.example.com', 'A', '192.0.2.1'))],
      'but it was not found',
    ],
    ['to delete with other values', [remove(record('www.example.com', 'A', '192.0.2.2'))], 'do not match'],
    [
      'to delete with another TTL',
      [remove(record('www.example.com', 'A', '192.0.2.1', { TTL: 61 }))],
      'do not match',
    ],
    [
      'to delete the NS set of the apex',
      [remove(record('example.com', 'NS', 'ns.example.net.'))],
      'at least one NS',
    ],
    [
      'a name outside the zone',
      [create(record('www.example.org', 'A', '192.0.2.1'))],
      'not permitted in zone',
    ],
    ['a CNAME at the apex', [create(record('example.com', 'CNAME', 'x.example.net.'))], 'at apex'],
    [
      'a CNAME beside others',
      [create(record('www.example.com', 'CNAME', 'x.example.net.'))],
      'conflicts with other records',
    ],
    [
      'others beside a CNAME',
      [create(record('cname.example.com', 'A', '192.0.2.1'))],
      'conflicting RRSet of type CNAME',
    ],
    [
      'a plain set beside weighted ones',
      [create(record('w.example.com', 'A', '192.0.2.1'))],
      'other RRSets exist',
    ],
    [
      'a second policy for one name and type',
      [create({ ...geo('fr', { CountryCode: 'FR' }), Name: 'w.example.com.' })],
      'non-geolocation set exists',
    ],
    ['a second set for one place', [create(geo('again', { CountryCode: 'DE' }))], 'same GeoLocation'],
    ['another TTL within weighted sets', [create(weighted('two', 1, { TTL: 30 }))], 'must have the same TTL'],
    ['an alias to nothing', [create(alias('a.example.com', 'no.example.com'))], 'that target was not found'],
    [
      'an alias before its target',
      [create(alias('a.example.com', 't.example.com')), create(record('t.example.com', 'A', '192.0.2.1'))],
      'that target was not found',
    ],
    [
      'an alias of another type than its target',
      [create(alias('a.example.com', 'cname.example.com'))],
      'that target was not found',
    ],
    [
      'to take the target of an alias away',
      [remove(record('www.example.com', 'A', '192.0.2.1'))],
      'would be gone',
    ],
    ['TXT without quotes', [create(record('t.example.com', 'TXT', 'text'))], 'quotation marks'],
    ['what is no address', [create(record('t.example.com', 'A', '192.0.2.300'))], 'FATAL problem'],
    [
      '1001 records',
      [
        create(
          record('t.example.com', 'A', '', {
            ResourceRecords: Array.from({ length: 1001 }, (_, i) => ({
              Value: `192.0.${i >> 8}.${i & 255}`,
            })),
          }),
        ),
      ],
      'records limit of 1000',
    ],
    [
      '501 records by UPSERT, which counts twice',
      [
        {
          action: 'UPSERT',
          set: record('t.example.com', 'A', '', {
            ResourceRecords: Array.from({ length: 501 }, (_, i) => ({ Value: `192.0.${i >> 8}.${i & 255}` })),
          }),
        },
      ],
      'records limit of 1000',
    ],
    [
      '32,001 characters',
      Array.from({ length: 9 }, (_, i) =>
        create(record(`t${i}.example.com`, 'TXT', `"${'x'.repeat(3554)}"`)),
      ),
      'characters limit of 32000',
    ],
  ])('%s', (_, changes, message) => {
    expect(run(...changes)).toMatchObject({ messages: [containing(message)] });
  });

  it.each<[string, RequestedChange]>([
    ['a weight above 255', create(weighted('two', 256))],
    ['a weight below 0', create(weighted('two', -1))],
    ['an alias with a TTL', create({ ...alias('a.example.com', 'www.example.com'), TTL: 60 })],
    ['a policy without a SetIdentifier', create(record('x.example.com', 'A', '192.0.2.1', { Weight: 1 }))],
    [
      'a SetIdentifier without a policy',
      create(record('x.example.com', 'A', '192.0.2.1', { SetIdentifier: 'x' })),
    ],
    ['two policies at once', create(weighted('two', 1, { Failover: 'PRIMARY' }))],
    ['a country that ISO 3166-1 does not have', create(geo('x', { CountryCode: 'XX' }))],
    [
      'a subdivision outside the United States',
      create(geo('x', { CountryCode: 'DE', SubdivisionCode: 'BY' })),
    ],
    ['a continent with a country', create(geo('x', { ContinentCode: 'EU', CountryCode: 'DE' }))],
    [
      'a failover alias that does not evaluate its target',
      create(alias('a.example.com', 'www.example.com', { SetIdentifier: 'p', Failover: 'PRIMARY' })),
    ],
    [
      'a multivalue alias',
      create(alias('a.example.com', 'www.example.com', { SetIdentifier: 'm', MultiValueAnswer: true })),
    ],
    [
      'an action that it does not have',
      { action: 'REPLACE', set: record('x.example.com', 'A', '192.0.2.1') },
    ],
  ])('%s, as invalid input', (_, change) => {
    expect(() => run(change)).toThrow(InvalidInput);
  });

  it('a health check that does not exist', () => {
    expect(run(create(weighted('two', 1, { HealthCheckId: 'h2' })))).toEqual({ noSuchHealthCheck: 'h2' });
    expect(run(create(weighted('two', 1, { HealthCheckId: 'h1' })))).toHaveProperty('sets');
  });

  it('all of a batch when one change of it is wrong, and takes a replacement', () => {
    const good = create(record('good.example.com', 'A', '192.0.2.1'));
    expect(run(good, create(record('www.example.com', 'A', '192.0.2.9')))).not.toHaveProperty('sets');
    const old = record('www.example.com', 'A', '192.0.2.1');
    const replaced = run(good, remove(old), create({ ...old, TTL: 30 }));
    expect(replaced).toHaveProperty('sets.length', ZONE.sets.length + 1);
  });
});
