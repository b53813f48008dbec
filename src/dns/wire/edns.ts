import type { ClientAddress } from '../client.ts';
import { EDNS_OPTION, TYPE } from '../types.ts';
import type { WireWriter } from './writer.ts';

/** EDNS client subnet of a query (RFC 7871 section 6). */
export interface ClientSubnet {
  /** 1 is IPv4, 2 is IPv6, 0 is "none" and comes with prefix length 0 only. */
  readonly family: 0 | 1 | 2;
  readonly sourcePrefixLength: number;
  /** The octets as sent: just enough for the prefix. */
  readonly address: Uint8Array;
}

/** The EDNS part of a query (RFC 6891). */
export interface Edns {
  /** As the client said, not clamped. */
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  readonly clientSubnet: ClientSubnet | undefined;
}

/** The size we announce and the most a UDP answer has: what crosses every path unfragmented (DNS flag day 2020). */
export const UDP_PAYLOAD = 1232;

/**
 * Reads the options in `bytes[from..to)`.
 * @returns `undefined` when an option is malformed, which earns FORMERR (RFC 6891 section 6.1.2, RFC 7871 section 7.1.2)
 */
export function parseOptions(
  bytes: Uint8Array,
  from: number,
  to: number,
): { clientSubnet: ClientSubnet | undefined } | undefined {
  let clientSubnet: ClientSubnet | undefined;
  let at = from;
  while (at < to) {
    if (at + 4 > to) return undefined;
    const code = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    at += 4;
    if (at + length > to) return undefined;
    if (code === EDNS_OPTION.CLIENT_SUBNET) {
      if (clientSubnet !== undefined) return undefined;
      clientSubnet = parseClientSubnet(bytes, at, length);
      if (clientSubnet === undefined) return undefined;
    }
    at += length;
  }
  return { clientSubnet };
}

/**
 * RFC 7871 sections 6 and 7.1.2: scope 0 in queries, exactly the octets the prefix needs, no bit set beyond it, and
 * a prefix no longer than the address.
 */
function parseClientSubnet(bytes: Uint8Array, at: number, length: number): ClientSubnet | undefined {
  if (length < 4) return undefined;
  const family = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const sourcePrefixLength = bytes[at + 2] ?? 0;
  const scope = bytes[at + 3] ?? 0;
  if (family !== 0 && family !== 1 && family !== 2) return undefined;
  const most = family === 1 ? 32 : family === 2 ? 128 : 0;
  if (scope !== 0 || sourcePrefixLength > most) return undefined;
  if (length - 4 !== (sourcePrefixLength + 7) >> 3) return undefined;
  const address = new Uint8Array(length - 4);
  for (let i = 0; i < address.length; i += 1) address[i] = bytes[at + 4 + i] ?? 0;
  const spare = (8 - (sourcePrefixLength & 7)) & 7;
  if (((address.at(-1) ?? 0) & ((1 << spare) - 1)) !== 0) return undefined;
  return { family, sourcePrefixLength, address };
}

/**
 * What a decision may go by: the client subnet where the query has one (/0 asks not to use any location, RFC 7871 section
 * 7.1.2), else the address it came from.
 */
export function clientOfQuery(edns: Edns | undefined, resolver: () => ClientAddress): ClientAddress {
  const subnet = edns?.clientSubnet;
  if (subnet === undefined) return resolver();
  const bytes = new Uint8Array(subnet.family === 2 ? 16 : 4);
  bytes.set(subnet.address);
  return {
    family: subnet.family === 2 ? 6 : 4,
    bytes,
    prefixLength: subnet.sourcePrefixLength,
    source: 'ecs',
  };
}

/**
 * Writes the OPT record of an answer.
 * @param extendedRcode the whole response code; its upper eight bits go here
 * @param scope the prefix over which the answer is the same; ignored without a client subnet, 0 when its source is /0
 */
export function writeOpt(writer: WireWriter, edns: Edns, extendedRcode: number, scope: number): void {
  const subnet = edns.clientSubnet;
  writer.u8(0); // the root
  writer.u16(TYPE.OPT);
  writer.u16(UDP_PAYLOAD);
  writer.u8(extendedRcode >> 4);
  writer.u8(0); // version
  writer.u16(edns.dnssecOk ? 0x8000 : 0); // RFC 3225 section 3: the bit is copied
  if (subnet === undefined) {
    writer.u16(0);
    return;
  }
  writer.u16(8 + subnet.address.length);
  writer.u16(EDNS_OPTION.CLIENT_SUBNET);
  writer.u16(4 + subnet.address.length);
  writer.u16(subnet.family);
  writer.u8(subnet.sourcePrefixLength);
  writer.u8(subnet.sourcePrefixLength === 0 ? 0 : Math.min(scope, subnet.family === 1 ? 32 : 128));
  writer.octets(subnet.address);
}

/** Octets `writeOpt` will write. */
export function optLength(edns: Edns): number {
  return edns.clientSubnet === undefined ? 11 : 19 + edns.clientSubnet.address.length;
}
