import { isMappedIpv4, parseIpv6 } from './address.ts';
import { resolverAddress } from './client.ts';

export interface NetworkRules {
  /** Leading bits that make one network. */
  readonly ipv4PrefixLength: number;
  /** At most 64. */
  readonly ipv6PrefixLength: number;
  /** CIDR blocks whose addresses are nobody's network; in canonical form. */
  readonly exempt: readonly string[];
}

interface Block {
  readonly network: Uint8Array;
  readonly bits: number;
}

/**
 * The network an address belongs to, as two numbers: whom a flood of answers would hit together. IPv4 has no part in common
 * with IPv6. Reading an IPv4 address allocates nothing.
 */
export class NetworkReader {
  high = 0;
  low = 0;
  /** The address is in an exempt block, or is none. */
  exempt = false;
  readonly #mask4: number;
  readonly #maskHigh: number;
  readonly #maskLow: number;
  readonly #exempt4: readonly { readonly network: number; readonly mask: number }[];
  readonly #exempt6: readonly Block[];

  constructor(rules: NetworkRules) {
    this.#mask4 = maskOf(rules.ipv4PrefixLength);
    this.#maskHigh = maskOf(Math.min(32, rules.ipv6PrefixLength));
    this.#maskLow = maskOf(Math.max(0, rules.ipv6PrefixLength - 32));
    const blocks = rules.exempt.map((cidr): Block => {
      const slash = cidr.indexOf('/');
      const network = resolverAddress(cidr.slice(0, slash))?.bytes ?? new Uint8Array(0);
      return { network, bits: Number(cidr.slice(slash + 1)) };
    });
    this.#exempt4 = blocks
      .filter(({ network }) => network.length === 4)
      .map(({ network, bits }) => ({ network: wordAt(network, 0), mask: maskOf(bits) }));
    this.#exempt6 = blocks.filter(({ network }) => network.length === 16);
  }

  /** Reads an address as a socket reports it. */
  read(address: string): void {
    const v4 = ipv4Number(address);
    if (v4 !== undefined) {
      this.#ipv4(v4);
      return;
    }
    const zone = address.indexOf('%');
    const octets = parseIpv6(zone < 0 ? address : address.slice(0, zone));
    if (octets === undefined) {
      this.exempt = true;
      return;
    }
    if (isMappedIpv4(octets)) {
      this.#ipv4(wordAt(octets, 12));
      return;
    }
    this.high = wordAt(octets, 0) & this.#maskHigh;
    this.low = wordAt(octets, 4) & this.#maskLow;
    this.exempt = this.#exempt6.some((block) => isWithin(octets, block));
  }

  #ipv4(address: number): void {
    this.high = 0x0000_ffff; // no IPv6 address of the internet begins like this
    this.low = address & this.#mask4;
    this.exempt = false;
    for (const { network, mask } of this.#exempt4) {
      if ((address & mask) === (network & mask)) this.exempt = true;
    }
  }
}

/** Dotted decimal to a 32-bit number; `undefined` for anything else. */
function ipv4Number(text: string): number | undefined {
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (octet < 0) return undefined;
      address = (address << 8) | octet;
      octet = -1;
      dots += 1;
    } else {
      const digit = code - 0x30;
      if (digit < 0 || digit > 9) return undefined;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return undefined;
    }
  }
  return dots === 3 && octet >= 0 ? (address << 8) | octet : undefined;
}

function isWithin(address: Uint8Array, { network, bits }: Block): boolean {
  for (let i = 0; i < network.length; i += 1) {
    const wanted = Math.min(8, Math.max(0, bits - 8 * i));
    const mask = (0xff00 >> wanted) & 0xff;
    if (((address[i] ?? 0) & mask) !== ((network[i] ?? 0) & mask)) return false;
  }
  return true;
}

function maskOf(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

function wordAt(octets: Uint8Array, at: number): number {
  return (
    ((octets[at] ?? 0) << 24) |
    ((octets[at + 1] ?? 0) << 16) |
    ((octets[at + 2] ?? 0) << 8) |
    (octets[at + 3] ?? 0)
  );
}
