import { describe, expect, it } from 'vitest';
import { networkFailure } from './network-failure.ts';

const failing = (code: string, address: string, hasIpv6: boolean) => {
  const { name, message } = networkFailure(
    Object.assign(new Error(`connect ${code}`), { code }),
    address,
    '',
    () => hasIpv6,
  );
  return `${name}: ${message}`;
};

describe('an error of a socket', () => {
  it.each([
    ['ECONNREFUSED', '192.0.2.1', true, 'ProbeFailure: connection refused'],
    ['EHOSTUNREACH', '192.0.2.1', true, 'ProbeFailure: host unreachable'],
    ['ENETUNREACH', '192.0.2.1', false, 'ProbeFailure: network unreachable'],
    ['ENETUNREACH', '2001:db8::1', true, 'ProbeFailure: network unreachable'],
    ['ENETUNREACH', '2001:db8::1', false, 'ProbeUnable: this vantage point has no IPv6'],
    ['EMFILE', '192.0.2.1', true, 'ProbeUnable: this vantage point has no file descriptors left'],
    ['EADDRNOTAVAIL', '192.0.2.1', true, 'ProbeUnable: this vantage point has no local port left'],
    ['EPROTO', '192.0.2.1', true, 'ProbeFailure: connect EPROTO'],
  ])('%s to %s (IPv6 here: %s) is a %s', (code, address, hasIpv6, expected) => {
    expect(failing(code, address, hasIpv6)).toBe(expected);
  });
});
