import { describe, expect, it } from 'vitest';
import { formatClient, resolverAddress } from './client.ts';

const text = (address: string): string | undefined => {
  const client = resolverAddress(address);
  return client && formatClient(client);
};

describe('the address a query came from', () => {
  it('is read as the socket gives it, mapped IPv4 as IPv4, without the zone of an interface', () => {
    expect(text('192.0.2.1')).toBe('192.0.2.1/32');
    expect(text('::ffff:192.0.2.1')).toBe('192.0.2.1/32');
    expect(text('fe80::1%eth0')).toBe('fe80::1/128');
    expect(text('nonsense')).toBeUndefined();
  });

  it('is the same for however many others came between', () => {
    for (let i = 0; i < 10_000; i += 1) {
      const address = `10.0.${i >> 8}.${i & 0xff}`;
      expect(text(address)).toBe(`${address}/32`);
    }
    expect(text('10.0.0.0')).toBe('10.0.0.0/32');
  });
});
