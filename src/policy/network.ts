import { parseIpv4, parseIpv6 } from '../dns/address.ts';
import { maskOctets, parseCidr } from '../routing/cidr-index.ts';

/** One network, to ask whether it holds an address. */
export interface Network {
  /** False for what is no address; an IPv4-mapped IPv6 address is looked at as IPv4. */
  holds(address: string): boolean;
}

/** @throws PortolanError VALIDATION_FAILED when the text is no CIDR block */
export function networkFrom(text: string): Network {
  const block = parseCidr(text);
  return {
    holds(address) {
      const octets = octetsOf(address);
      if (octets?.length !== block.bytes.length) return false;
      const masked = maskOctets(octets, block.prefixLength);
      return masked.every((octet, at) => octet === block.bytes[at]);
    },
  };
}

function octetsOf(address: string): Uint8Array | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return parseIpv4(mapped?.[1] ?? address) ?? parseIpv6(address);
}
