import { formatIpv4, isMappedIpv4, parseIpv4, parseIpv6 } from '../dns/address.ts';

/** Why an address must not be contacted. */
export interface ForbiddenAddress {
  /** The refused range as a CIDR block. */
  readonly range: string;
  /** What the range is, to follow "is". */
  readonly why: string;
}

interface Range {
  readonly cidr: string;
  readonly octets: Uint8Array;
  readonly bits: number;
}

/**
 * Ranges that reach the machine itself, its link, or a cloud's metadata service (which hands out credentials). Private
 * ranges (RFC 1918, RFC 4193, RFC 6598) are not here: clusters live in them.
 */
const FORBIDDEN: readonly (Range & { readonly why: string })[] = [
  forbidden('0.0.0.0/8', 'an unspecified address (RFC 1122)'),
  forbidden('127.0.0.0/8', 'loopback'),
  forbidden('169.254.0.0/16', 'link-local, where cloud metadata services live'),
  forbidden('100.100.100.200/32', 'a cloud metadata service'),
  forbidden('168.63.129.16/32', 'a cloud metadata service'),
  forbidden('192.0.0.192/32', 'a cloud metadata service'),
  forbidden('224.0.0.0/4', 'multicast'),
  forbidden('255.255.255.255/32', 'broadcast'),
  forbidden('240.0.0.0/4', 'reserved (RFC 1112)'),
  forbidden('::/128', 'an unspecified address'),
  forbidden('::1/128', 'loopback'),
  forbidden('fe80::/10', 'link-local'),
  forbidden('fec0::/10', 'site-local, deprecated (RFC 3879)'),
  forbidden('ff00::/8', 'multicast'),
  forbidden('fd00:ec2::/32', 'a cloud metadata service'),
  forbidden('fd20:ce::254/128', 'a cloud metadata service'),
  forbidden('fd00:42::42/128', 'a cloud metadata service'),
];

/** IPv6 forms that carry an IPv4 address: it is judged as well, else `::ffff:127.0.0.1` walks around the list. */
const EMBEDDING: readonly { readonly range: Range; readonly at: number; readonly inverted: boolean }[] = [
  { range: parsed('::/96'), at: 12, inverted: false },
  { range: parsed('::ffff:0:0:0/96'), at: 12, inverted: false },
  { range: parsed('64:ff9b::/96'), at: 12, inverted: false },
  { range: parsed('64:ff9b:1::/48'), at: 12, inverted: false },
  { range: parsed('2002::/16'), at: 2, inverted: false },
  { range: parsed('2001::/32'), at: 12, inverted: true },
];

/**
 * Judges one IP address against the ranges nothing may contact or publish (I32).
 * @param address IPv4 or IPv6 text. Text that is not an address is refused.
 * @param allowedRanges CIDR blocks the operator permits (`network.allowedRanges`); one that cannot be read permits nothing.
 * @returns `undefined` when the address is permitted.
 */
export function checkAddress(
  address: string,
  allowedRanges: readonly string[],
): ForbiddenAddress | undefined {
  const octets = parseIpv4(address) ?? parseIpv6(address);
  if (octets === undefined) return { range: address, why: 'not an IP address' };
  const judged = [octets, ...embeddedIpv4(octets)];
  const allowed = allowedRanges.map(parseRange).filter((range) => range !== undefined);
  if (judged.some((form) => allowed.some((range) => contains(range, form)))) return undefined;
  for (const form of judged) {
    const hit = FORBIDDEN.find((range) => contains(range, form));
    if (hit !== undefined) {
      const why = form === octets ? hit.why : `${hit.why} (it stands for ${formatIpv4(form)})`;
      return { range: hit.cidr, why };
    }
  }
  return undefined;
}

function embeddedIpv4(octets: Uint8Array): readonly Uint8Array[] {
  if (octets.length === 4) return [];
  if (isMappedIpv4(octets)) return [octets.slice(12)];
  return EMBEDDING.filter(({ range }) => contains(range, octets)).map(({ at, inverted }) =>
    octets.slice(at, at + 4).map((octet) => (inverted ? octet ^ 0xff : octet)),
  );
}

function contains(range: Range, octets: Uint8Array): boolean {
  if (range.octets.length !== octets.length) return false;
  let bits = range.bits;
  for (let i = 0; bits > 0; i += 1, bits -= 8) {
    const mask = bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff;
    if (((range.octets[i] ?? 0) ^ (octets[i] ?? 0)) & mask) return false;
  }
  return true;
}

function parseRange(cidr: string): Range | undefined {
  const [, address, prefix] = /^([^/]+)\/(\d{1,3})$/.exec(cidr) ?? [];
  if (address === undefined || prefix === undefined) return undefined;
  const octets = parseIpv4(address) ?? parseIpv6(address);
  const bits = Number(prefix);
  if (octets === undefined || bits > octets.length * 8) return undefined;
  return { cidr, octets, bits };
}

function parsed(cidr: string): Range {
  const range = parseRange(cidr);
  if (range === undefined) throw new TypeError(`${cidr} is not a CIDR block`);
  return range;
}

function forbidden(cidr: string, why: string): Range & { readonly why: string } {
  return { ...parsed(cidr), why };
}
