import { expect, test } from 'vitest';
import { clientBehind, Networks, plainAddress } from './client-address.ts';

const trusted = new Networks(['10.0.0.0/8', '2001:db8::/32', 'nonsense']);
const direct = { address: '10.0.0.1', port: 4000, peer: '10.0.0.1', trusted: true };

test.each([
  ['the client of one proxy', '203.0.113.7', '203.0.113.7'],
  ['the client before several proxies', '203.0.113.7, 10.1.1.1, 2001:db8::5', '203.0.113.7'],
  ['not what the client itself wrote before that', '1.2.3.4, 203.0.113.7, 10.1.1.1', '203.0.113.7'],
  ['an address with a port', '203.0.113.7:81', '203.0.113.7'],
  ['an IPv6 address in brackets', '[2001:DB9::1]:81', '2001:db9::1'],
  ['IPv4 written as IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
  ['the last that could be read, before what cannot', '203.0.113.7, unknown, 10.1.1.1', '10.1.1.1'],
  ['the connection, when nothing can be read', 'unknown', '10.0.0.1'],
  ['the connection, when there is nothing', '', '10.0.0.1'],
  ['the first, when all are proxies', '10.2.2.2, 10.1.1.1', '10.2.2.2'],
])('X-Forwarded-For gives %s', (_what, header, expected) => {
  expect(clientBehind(direct, header, trusted)).toMatchObject({ address: expected, peer: '10.0.0.1' });
});

test('a long list is not walked to its end', () => {
  const hops = ['203.0.113.7', ...Array.from({ length: 40 }, () => '10.1.1.1')].join(', ');
  expect(clientBehind(direct, hops, trusted).address).toBe('10.1.1.1');
});

test('networks hold what they hold, and nothing when there are none', () => {
  expect(trusted.has('10.255.0.1')).toBe(true);
  expect(trusted.has('11.0.0.1')).toBe(false);
  expect(trusted.has('2001:db8::1')).toBe(true);
  expect(new Networks([]).has('10.0.0.1')).toBe(false);
  expect(plainAddress('::ffff:10.0.0.1')).toBe('10.0.0.1');
  expect(plainAddress(undefined)).toBe('');
});
