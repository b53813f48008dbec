import { describe, expect, it } from 'vitest';
import type { OutboundGuard } from '../../providers/contract.ts';
import { createOutboundGuard } from './outbound.ts';

const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  'api.example.com': ['2001:4860::8', '8.8.8.8'],
  'rebound.example.com': ['8.8.8.8', '169.254.169.254'],
  'inside.example.com': ['127.0.0.2'],
};

const guard = (allowedRanges: readonly string[] = []) =>
  createOutboundGuard({
    allowedRanges,
    resolve: async (name) => ADDRESSES[name] ?? [],
  });

const look = (of: OutboundGuard, host: string, options: { all?: boolean; family?: 4 | 6 } = {}) =>
  new Promise((resolve) => {
    of.lookup(host, options, (error, address) => resolve(error?.message ?? address));
  });

describe('I32 where a DNSProvider makes the hub connect to', () => {
  it('is any public address of the name', async () => {
    expect(await look(guard(), 'api.example.com')).toBe('8.8.8.8');
    expect(await look(guard(), 'api.example.com', { family: 6 })).toBe('2001:4860::8');
    expect(await look(guard(), 'api.example.com', { all: true })).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '2001:4860::8', family: 6 },
    ]);
  });

  it('is never a metadata service, not even as the second address of a name', async () => {
    expect(await look(guard(), 'rebound.example.com')).toMatch(/169\.254\.169\.254, which lies in/);
    expect(() => guard().check('169.254.169.254')).toThrow(/169\.254\.169\.254/);
    expect(() => guard().check('[::1]')).toThrow(/::1/);
  });

  it('is the machine itself only when the operator allows the range', async () => {
    expect(await look(guard(), 'inside.example.com')).toMatch(/127\.0\.0\.2, which lies in/);
    expect(await look(guard(['127.0.0.0/8']), 'inside.example.com')).toBe('127.0.0.2');
    expect(() => guard(['127.0.0.0/8']).check('127.0.0.2')).not.toThrow();
  });

  it('does not exist for a name without an address', async () => {
    expect(await look(guard(), 'nowhere.example.com')).toBe('nowhere.example.com has no address');
  });
});
