import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { ProviderError } from '../contract.ts';
import { decimalEscapes, nameFromApi, nameToApi, octalEscapes, plainId } from './names.ts';
import { setFromApi, setToApi } from './records.ts';

describe('names and values of Route 53', () => {
  it.each([
    ['\\052.example.com.', '*.example.com.'],
    ['www.Example.com', 'www.example.com.'],
    ['_sip._tcp.example.com.', '_sip._tcp.example.com.'],
    ['a\\056b.example.com.', 'a\\046b.example.com.'],
    ['a\\040b.example.com.', 'a\\032b.example.com.'],
  ])('reads %s as %s, and writes what is read the same', (api, ours) => {
    const name = nameFromApi(api);
    expect(name).toBe(ours);
    expect(nameFromApi(nameToApi(name ?? ''))).toBe(ours);
  });

  it('turns octal escapes into decimal ones and back, and leaves \\" and \\\\ alone', () => {
    const octal = '"ex\\344mple \\"q\\" \\\\ \\000"';
    expect(decimalEscapes(octal)).toBe('"ex\\228mple \\"q\\" \\\\ \\000"');
    expect(octalEscapes(decimalEscapes(octal))).toBe(octal);
  });

  it('knows ids with and without the kind in front', () => {
    expect(['/hostedzone/Z1', 'Z1', '/change/C1'].map(plainId)).toEqual(['Z1', 'Z1', 'C1']);
  });
});

describe('record sets of Route 53', () => {
  const read = (api: Parameters<typeof setFromApi>[0]) => setFromApi(api);

  it.each<[string, Parameters<typeof setFromApi>[0], RecordSet]>([
    [
      'a wildcard TXT record',
      { Name: '\\052.example.com.', Type: 'TXT', TTL: 300, ResourceRecords: [{ Value: '"a" "b\\344"' }] },
      {
        name: parseName('*.example.com'),
        type: 'TXT',
        setId: '',
        ttlSeconds: 300,
        values: ['"a" "b\\228"'],
      },
    ],
    [
      'a geolocation alias, spelling what the API leaves to defaults',
      {
        Name: 'www.example.com.',
        Type: 'A',
        SetIdentifier: 'DE',
        GeoLocation: { CountryCode: 'DE' },
        AliasTarget: {
          HostedZoneId: '/hostedzone/Z1',
          DNSName: 'De.example.com.',
          EvaluateTargetHealth: false,
        },
      },
      {
        name: parseName('www.example.com'),
        type: 'A',
        setId: 'DE',
        values: [],
        native: {
          GeoLocation: { CountryCode: 'DE' },
          AliasTarget: { HostedZoneId: 'Z1', DNSName: 'de.example.com.', EvaluateTargetHealth: false },
        },
      },
    ],
    [
      'a weighted record of weight 0 with a health check',
      {
        Name: 'www.example.com.',
        Type: 'AAAA',
        SetIdentifier: 'spare',
        Weight: 0,
        HealthCheckId: 'h1',
        MultiValueAnswer: false,
        TTL: 0,
        ResourceRecords: [{ Value: '2001:DB8:0:0::1' }],
      },
      {
        name: parseName('www.example.com'),
        type: 'AAAA',
        setId: 'spare',
        ttlSeconds: 0,
        values: ['2001:db8::1'],
        native: { Weight: 0, HealthCheckId: 'h1' },
      },
    ],
    [
      'names in values, which are absolute with and without the dot',
      { Name: 'example.com.', Type: 'MX', TTL: 60, ResourceRecords: [{ Value: '10 Mail.example.net' }] },
      {
        name: parseName('example.com'),
        type: 'MX',
        setId: '',
        ttlSeconds: 60,
        values: ['10 mail.example.net.'],
      },
    ],
  ])('reads %s', (_, api, set) => {
    expect(read(api)?.set).toEqual(set);
    expect(setFromApi(setToApi(set))?.set).toEqual(set);
  });

  it('gives values back as they came, where somebody spelt them otherwise: a DELETE must match', () => {
    const api = {
      Name: 'example.com.',
      Type: 'MX',
      TTL: 60,
      ResourceRecords: [{ Value: '10 Mail.example.net' }],
    } as const;
    const found = setFromApi({ ...api, ResourceRecords: [...api.ResourceRecords] });
    if (found === undefined) throw new Error('it is read');
    expect(setToApi(found.set, found.token).ResourceRecords).toEqual([{ Value: '10 Mail.example.net' }]);
    expect(setFromApi(setToApi(found.set))?.token).toBeUndefined();
  });

  it('reads a zone whatever is in it: a value that is none stays as it is', () => {
    const api = {
      Name: 'x.example.com.',
      Type: 'A',
      TTL: 60,
      ResourceRecords: [{ Value: 'nonsense' }],
    } as const;
    expect(setFromApi({ ...api, ResourceRecords: [...api.ResourceRecords] })?.set.values).toEqual([
      'nonsense',
    ]);
  });

  it.each([
    ['a type that Route 53 does not host', { type: 'LOC' }],
    ['a weight above 255', { native: { Weight: 256 } }],
    ['a key that the API does not have', { native: { Wieght: 1 } }],
    ['a health check without an id', { native: { Weight: 1, HealthCheckId: { $aid: 'x' } } }],
  ])('refuses to send %s', (_, wrong) => {
    const set: RecordSet = {
      name: parseName('www.example.com'),
      type: 'A',
      setId: '',
      ttlSeconds: 60,
      values: ['192.0.2.1'],
      ...wrong,
    };
    expect(() => setToApi(set)).toThrow(ProviderError);
  });
});
