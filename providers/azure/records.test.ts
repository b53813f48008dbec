import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { ProviderError } from '../contract.ts';
import { fromAzure, relativeName, toAzure } from './records.ts';

const ORIGIN = parseName('example.com');

function set(type: string, values: readonly string[], more: Partial<RecordSet> = {}): RecordSet {
  return { name: parseName('www.example.com'), type, setId: '', ttlSeconds: 60, values, ...more };
}

/** As the API gives back what was sent. */
function readBack(given: RecordSet) {
  const relative = relativeName(given.name, ORIGIN);
  return fromAzure(
    { ...toAzure(given), name: relative, type: `Microsoft.Network/dnszones/${given.type}` },
    ORIGIN,
  );
}

describe('record sets at Azure', () => {
  it.each([
    set('A', ['192.0.2.1', '192.0.2.2']),
    set('AAAA', ['2001:db8::1']),
    set('CAA', ['0 issue "ca.example.net"', '128 issuewild ";"']),
    set('CNAME', ['target.example.net.']),
    set('MX', ['10 mail.example.net.']),
    set('NS', ['ns1.example.net.']),
    set('PTR', ['host.example.net.']),
    set('SRV', ['10 60 5060 sip.example.net.']),
    set('TXT', [`"${'k'.repeat(255)}" "rest"`, '"say \\"hi\\"; back\\\\slash"', '"gr\\195\\188n"']),
    set('SOA', ['ns1.example.net. hostmaster.example.net. 7 3600 300 2419200 300'], { name: ORIGIN }),
  ])('keep what a $type set says', (given) => {
    expect(readBack({ ...given, values: [...given.values].sort() })).toEqual({
      ...given,
      values: [...given.values].sort(),
    });
  });

  it('are put into the one typed property', () => {
    expect(toAzure(set('A', ['192.0.2.1']))).toEqual({ ttl: 60, aRecords: [{ ipv4Address: '192.0.2.1' }] });
    expect(toAzure(set('TXT', ['"one" "two"']))).toEqual({
      ttl: 60,
      txtRecords: [{ value: ['one', 'two'] }],
    });
    expect(toAzure(set('CNAME', ['b.example.']))).toEqual({ ttl: 60, cnameRecord: { cname: 'b.example.' } });
  });

  it('that are aliases have neither values nor a TTL of their own, and ids of any case are the same', () => {
    const id = '/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/trafficManagerProfiles/P';
    const read = fromAzure(
      { name: '@', type: 'Microsoft.Network/dnszones/A', ttl: 30, targetResource: { id } },
      ORIGIN,
    );
    expect(read).toEqual({
      name: 'example.com.',
      type: 'A',
      setId: '',
      values: [],
      native: { targetResource: id.toLowerCase() },
    });
  });

  it('without a target have an empty object there, and are plain', () => {
    const plain = {
      name: 'www',
      type: 'Microsoft.Network/dnszones/A',
      ttl: 60,
      aRecords: [{ ipv4Address: '192.0.2.1' }],
    };
    expect(fromAzure({ ...plain, targetResource: {} }, ORIGIN)).toEqual(set('A', ['192.0.2.1']));
  });

  it('of a type that the API cannot hold, with bytes that JSON cannot, or with bad data are refused by name', () => {
    const refused = (given: RecordSet): ProviderError => {
      try {
        toAzure(given);
      } catch (error) {
        if (error instanceof ProviderError) return error;
      }
      throw new Error('it was not refused');
    };
    for (const given of [
      set('HTTPS', ['1 . alpn=h2']),
      set('TXT', ['"\\255\\254"']),
      set('A', ['300.0.2.1']),
      set('A', [], { native: { targetResource: { $aid: 'k' } } }),
    ]) {
      expect(refused(given)).toMatchObject({ failure: 'invalid', group: 'www.example.com.' });
    }
    expect(refused(set('HTTPS', ['1 . alpn=h2'])).message).toContain('HTTPS');
  });

  it('are named relative to the zone', () => {
    const relative = (name: string) => relativeName(parseName(name), ORIGIN);
    expect(['example.com', 'www.example.com', '*.a.example.com', '_x._y.example.com'].map(relative)).toEqual([
      '@',
      'www',
      '*.a',
      '_x._y',
    ]);
    expect(() => relative('a\\.b.example.com')).toThrow(ProviderError);
  });
});
