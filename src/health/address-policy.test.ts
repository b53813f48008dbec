import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAddress } from './address-policy.ts';

describe('I32 an address a user can name', () => {
  it.each([
    ['127.0.0.1', '127.0.0.0/8'],
    ['127.255.255.254', '127.0.0.0/8'],
    ['0.0.0.0', '0.0.0.0/8'],
    ['169.254.169.254', '169.254.0.0/16'],
    ['100.100.100.200', '100.100.100.200/32'],
    ['168.63.129.16', '168.63.129.16/32'],
    ['224.0.0.1', '224.0.0.0/4'],
    ['239.255.255.255', '224.0.0.0/4'],
    ['255.255.255.255', '255.255.255.255/32'],
    ['240.0.0.1', '240.0.0.0/4'],
    ['::', '::/128'],
    ['::1', '::1/128'],
    ['fe80::1', 'fe80::/10'],
    ['febf::1', 'fe80::/10'],
    ['ff02::1', 'ff00::/8'],
    ['fd00:ec2::254', 'fd00:ec2::/32'],
    ['fd20:ce::254', 'fd20:ce::254/128'],
    ['::ffff:127.0.0.1', '127.0.0.0/8'],
    ['::ffff:a9fe:a9fe', '169.254.0.0/16'],
    ['::127.0.0.1', '127.0.0.0/8'],
    ['::ffff:0:169.254.169.254', '169.254.0.0/16'],
    ['64:ff9b::169.254.169.254', '169.254.0.0/16'],
    ['64:ff9b:1::169.254.169.254', '169.254.0.0/16'],
    ['2002:7f00:1::', '127.0.0.0/8'],
    ['2001:0:4136:e378:8000:63bf:80ff:fffe', '127.0.0.0/8'],
  ])('is refused: %s lies in %s', (address, range) => {
    expect(checkAddress(address, [])?.range).toBe(range);
  });

  it.each([
    '10.0.0.1',
    '172.16.3.4',
    '192.168.1.1',
    '100.64.0.1',
    '203.0.113.7',
    '8.8.8.8',
    'fd12:3456::1',
    '2001:db8::1',
    '::ffff:10.0.0.1',
    '64:ff9b::8.8.8.8',
  ])('is permitted: %s (clusters live in private ranges)', (address) => {
    expect(checkAddress(address, [])).toBeUndefined();
  });

  it.each(['', 'localhost', '127.1', '0x7f.0.0.1', '0177.0.0.1', '2130706433', 'fe80::1%eth0', '1.2.3.4/32'])(
    'is refused when it is not plainly an address: %j',
    (text) => {
      expect(checkAddress(text, ['0.0.0.0/0', '::/0'])?.why).toBe('not an IP address');
    },
  );

  it('is permitted inside a range of the operator, in any spelling', () => {
    expect(checkAddress('127.0.0.2', ['127.0.0.0/8'])).toBeUndefined();
    expect(checkAddress('::ffff:127.0.0.2', ['127.0.0.0/8'])).toBeUndefined();
    expect(checkAddress('fe80::5', ['fe80::/16'])).toBeUndefined();
    expect(checkAddress('127.0.0.2', ['127.0.0.1/32'])?.range).toBe('127.0.0.0/8');
    expect(checkAddress('127.0.0.2', ['::/0'])?.range).toBe('127.0.0.0/8');
  });

  it('is not permitted by a range that cannot be read', () => {
    for (const broken of [
      '127.0.0.0',
      '127.0.0.0/33',
      '127.0.0.0/-1',
      '127/8',
      'everything',
      '/8',
      '127.0.0.0/8/8',
    ]) {
      expect(checkAddress('127.0.0.1', [broken])?.range).toBe('127.0.0.0/8');
    }
  });

  it('says what an IPv6 spelling stands for', () => {
    expect(checkAddress('::ffff:127.0.0.1', [])?.why).toBe('loopback (it stands for 127.0.0.1)');
  });

  it('is judged the same as IPv4 and as IPv4 in IPv6', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(checkAddress(`::ffff:${address}`, [])?.range).toBe(checkAddress(address, [])?.range);
      }),
    );
  });
});
