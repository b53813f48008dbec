import { BlockList, isIPv6 } from 'node:net';

/**
 * What Traffic Manager refuses as the target of an endpoint: addresses that its probes and the public could never reach.
 * https://learn.microsoft.com/azure/traffic-manager/traffic-manager-FAQs ("What types of IP addresses can I use when adding an endpoint?")
 */
const RESERVED = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 96],
  ['::ffff:0:0', 96],
  ['100::', 64],
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const;

// Two lists, because one would take every IPv4 address for its mapped form (::ffff:0:0/96).
const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [address, bits] of RESERVED) lists[familyOf(address)].addSubnet(address, bits, familyOf(address));

/** True for private, shared, loopback, link-local, documentation, benchmark and multicast addresses. */
export function isReservedAddress(address: string): boolean {
  return lists[familyOf(address)].check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
