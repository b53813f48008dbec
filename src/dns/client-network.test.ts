import { describe, expect, it } from 'vitest';
import { NetworkReader } from './client-network.ts';

const reader = (exempt: readonly string[] = [], ipv4PrefixLength = 24, ipv6PrefixLength = 56) =>
  new NetworkReader({ ipv4PrefixLength, ipv6PrefixLength, exempt });

function networkOf(address: string, by = reader()): string {
  by.read(address);
  return `${by.high}/${by.low}`;
}
function isExempt(address: string, ...exempt: string[]): boolean {
  const by = reader(exempt);
  by.read(address);
  return by.exempt;
}

describe('the network of a client', () => {
  it.each([
    ['192.0.2.1', '192.0.2.254', true],
    ['192.0.2.1', '192.0.3.1', false],
    ['255.255.255.255', '255.255.255.0', true],
    ['2001:db8:0:1100::1', '2001:db8:0:11ff::2', true],
    ['2001:db8:0:1100::1', '2001:db8:0:1200::1', false],
    ['2001:db8:1::1', '2001:db8:2::1', false],
    ['fe80::1%eth0', 'fe80::2%eth1', true],
    ['::ffff:192.0.2.1', '192.0.2.9', true],
    ['::ffff:192.0.2.1', '::ffff:192.0.3.1', false],
    ['0.0.0.0', '::', false],
  ])('%s and %s: one is %s', (a, b, same) => expect(networkOf(a) === networkOf(b)).toBe(same));

  it('may be a single address or wider', () => {
    expect(networkOf('192.0.2.1', reader([], 32))).not.toBe(networkOf('192.0.2.2', reader([], 32)));
    expect(networkOf('192.0.2.1', reader([], 8))).toBe(networkOf('192.9.9.9', reader([], 8)));
    const wide = reader([], 24, 32);
    expect(networkOf('2001:db8:1::', wide)).toBe(networkOf('2001:db8:2::', wide));
    const narrow = reader([], 24, 64);
    expect(networkOf('2001:db8:0:1::', narrow)).not.toBe(networkOf('2001:db8:0:2::', narrow));
  });

  it.each([
    ['127.0.0.1', ['127.0.0.0/8', '::1/128'], true],
    ['127.255.0.9', ['127.0.0.0/8', '::1/128'], true],
    ['128.0.0.1', ['127.0.0.0/8', '::1/128'], false],
    ['::1', ['127.0.0.0/8', '::1/128'], true],
    ['::2', ['127.0.0.0/8', '::1/128'], false],
    ['::ffff:127.0.0.1', ['127.0.0.0/8'], true],
    ['2001:db8:7f::1', ['2001:db8:40::/42'], true],
    ['2001:db8:80::1', ['2001:db8:40::/42'], false],
    ['8.8.8.8', ['0.0.0.0/0'], true],
    ['2001:db8::1', ['0.0.0.0/0'], false],
    ['192.0.2.1', [], false],
  ])('%s with %j exempt: %s', (address, blocks, exempt) => expect(isExempt(address, ...blocks)).toBe(exempt));

  it.each(['', 'x', '1.2.3', '1.2.3.', '1..2.3', '1.2.3.256', '1.2.3.4.5', 'fe80::g'])(
    'is nobody’s for %j, which no socket reports',
    (text) => expect(isExempt(text)).toBe(true),
  );
});

describe('an exempt block that is no network', () => {
  it('exempts nobody', () => {
    const network = reader(['nonsense/8']);
    network.read('192.0.2.1');
    expect(network.exempt).toBe(false);
  });
});
