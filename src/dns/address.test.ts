import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp, formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './address.ts';
import { formatClient, resolverAddress } from './client.ts';

describe('IPv4', () => {
  it.each(['0.0.0.0', '192.0.2.1', '255.255.255.255'])('reads and writes %s', (text) => {
    const octets = parseIpv4(text);
    expect(octets && formatIpv4(octets)).toBe(text);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.04',
    '1..2.3',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1.2.3.1000',
    '1,2,3,4',
  ])('refuses %j', (text) => expect(parseIpv4(text)).toBeUndefined());

  it('agrees with the system about any text', () => {
    const text = fc.oneof(fc.ipV4(), fc.string({ unit: fc.constantFrom(...'0129.5a'), maxLength: 16 }));
    fc.assert(
      fc.property(text, (t) => (parseIpv4(t) !== undefined) === isIPv4(t)),
      { numRuns: 2000 },
    );
  });
});

describe('IPv6', () => {
  it.each([
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ])('writes %s as %s (RFC 5952)', (text, canonical) => {
    const octets = parseIpv6(text);
    expect(octets && formatIpv6(octets)).toBe(canonical);
  });

  it.each([
    '',
    ':',
    ':::',
    '1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    ':1::',
    '1:',
    '1:2:3:4:5:6:7:8:',
    '::1.2.3',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    'fe80::1%eth0',
    '1:2:3:4::5:6:7:8',
  ])('refuses %j', (text) => expect(parseIpv6(text)).toBeUndefined());

  it('agrees with the system about any text', () => {
    const text = fc.oneof(fc.ipV6(), fc.string({ unit: fc.constantFrom(...'::1af0.2'), maxLength: 24 }));
    fc.assert(
      fc.property(text, (t) => (parseIpv6(t) !== undefined) === isIPv6(t)),
      { numRuns: 3000 },
    );
  });

  it('reads back what it writes', () => {
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(sparse, (list) => {
        const octets = Uint8Array.from(list);
        expect(parseIpv6(formatIp(octets))).toEqual(octets);
      }),
    );
  });
});

describe('the address a query came from', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1/32'],
    ['::ffff:192.0.2.1', '192.0.2.1/32'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['fe80::1%eth0', 'fe80::1/128'],
  ])('reads %s as %s', (text, expected) => {
    const client = resolverAddress(text);
    expect(client && formatClient(client)).toBe(expected);
    expect(client?.source).toBe('resolver');
  });

  it('says when there is none', () => expect(resolverAddress('somewhere')).toBeUndefined());
});
