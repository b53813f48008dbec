import type { ClientAddress } from '../client.ts';
import { COOKIE_OCTETS, isCookieLength } from '../cookies.ts';
import { EDNS_OPTION, TYPE } from '../types.ts';
import type { WireWriter } from './writer.ts';

/** EDNS client subnet of a query (RFC 7871 section 6). */
export interface ClientSubnet {
  /** 1 is IPv4, 2 is IPv6, 0 is "none" and comes with prefix length 0 only. */
  readonly family: 0 | 1 | 2;
  readonly sourcePrefixLength: number;
  /** 4 octets, or 16 of family 2; those that were not sent are zero. */
  readonly address: Uint8Array;
  /** How many octets were sent: just enough for the prefix. */
  readonly octets: number;
}

/** The options of a query that mean something here; others are skipped (RFC 6891 section 6.1.2). */
export interface QueryOptions {
  readonly clientSubnet: ClientSubnet | undefined;
  /** Where the data of the first COOKIE option stands in the query (RFC 7873), and its length: 0 without one, else 8 or 16 to 40. */
  readonly cookieAt: number;
  readonly cookieLength: number;
  /** Bits of `ASKS`: options that only need to be there. */
  readonly asks: number;
}

/** What a client asks for by an option: the server's name (RFC 5001), the idle timeout (RFC 7828), padding (RFC 7830). */
export const ASKS = { NSID: 1, KEEPALIVE: 2, PADDING: 4 } as const;

/** The EDNS part of a query (RFC 6891). */
export interface Edns extends QueryOptions {
  /** As the client said, not clamped. */
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  /** A denial may have the response code NXDOMAIN beside its compact proof (RFC 9824 section 5.1). */
  readonly compactOk: boolean;
}

/** What the OPT record of an answer has besides the client subnet. */
export interface ReplyOptions {
  readonly nsid: Uint8Array | undefined;
  /** Client and server cookie, `COOKIE_OCTETS` of them. */
  readonly cookie: Uint8Array | undefined;
  /** How long an idle connection is kept, in units of 100 ms; -1 to say nothing. */
  readonly keepalive: number;
  /** An extended error (RFC 8914) without text; -1 for none. */
  readonly extendedError: number;
  /** The message is filled up to a multiple of so many octets (RFC 8467); 0: not at all. */
  readonly padTo: number;
}

/** Extended errors that are sent (RFC 8914 section 4). */
export const EXTENDED_ERROR = {
  NOT_READY: 14,
  PROHIBITED: 18,
  NOT_AUTHORITATIVE: 20,
  NOT_SUPPORTED: 21,
  INVALID_QUERY_TYPE: 30,
} as const;

/** Options of a query that has none. */
export const NO_OPTIONS: QueryOptions = { clientSubnet: undefined, cookieAt: 0, cookieLength: 0, asks: 0 };

/** The size we announce and the most a UDP answer has: what crosses every path unfragmented (DNS flag day 2020). */
export const UDP_PAYLOAD = 1232;

/**
 * Reads the options in `bytes[from..to)`.
 * @returns `undefined` when an option is malformed, which earns FORMERR (RFC 6891 section 6.1.2, RFC 7871 section 7.1.2,
 * RFC 7873 section 5.2.2)
 */
export function parseOptions(bytes: Uint8Array, from: number, to: number): QueryOptions | undefined {
  if (from === to) return NO_OPTIONS;
  let clientSubnet: ClientSubnet | undefined;
  let cookieAt = 0;
  let cookieLength = 0;
  let asks = 0;
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
    } else if (code === EDNS_OPTION.COOKIE) {
      // The first counts, others are ignored (RFC 7873 section 5.2).
      if (cookieLength === 0) {
        if (!isCookieLength(length)) return undefined;
        cookieAt = at;
        cookieLength = length;
      }
    } else if (code === EDNS_OPTION.NSID) {
      asks |= ASKS.NSID;
    } else if (code === EDNS_OPTION.TCP_KEEPALIVE) {
      asks |= ASKS.KEEPALIVE;
    } else if (code === EDNS_OPTION.PADDING) {
      asks |= ASKS.PADDING;
    }
    at += length;
  }
  return { clientSubnet, cookieAt, cookieLength, asks };
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
  const octets = length - 4;
  const address = new Uint8Array(family === 2 ? 16 : 4);
  for (let i = 0; i < octets; i += 1) address[i] = bytes[at + 4 + i] ?? 0;
  const spare = (8 - (sourcePrefixLength & 7)) & 7;
  if (spare !== 0 && ((bytes[at + 3 + octets] ?? 0) & ((1 << spare) - 1)) !== 0) return undefined;
  return { family, sourcePrefixLength, address, octets };
}

/**
 * What a decision may go by: the client subnet where the query has one (/0 asks not to use any location, RFC 7871 section
 * 7.1.2), else the address it came from.
 */
export function clientOfQuery(edns: Edns | undefined, resolver: () => ClientAddress): ClientAddress {
  const subnet = edns?.clientSubnet;
  if (subnet === undefined) return resolver();
  return {
    family: subnet.family === 2 ? 6 : 4,
    bytes: subnet.address,
    prefixLength: subnet.sourcePrefixLength,
    source: 'ecs',
  };
}

/**
 * Writes the OPT record of an answer.
 * @param extendedRcode the whole response code; its upper eight bits go here
 * @param scope the prefix over which the answer is the same; ignored without a client subnet, 0 when its source is /0
 */
export function writeOpt(
  writer: WireWriter,
  edns: Edns,
  extendedRcode: number,
  scope: number,
  options?: ReplyOptions,
): void {
  const subnet = edns.clientSubnet;
  writer.u8(0); // the root
  writer.u16(TYPE.OPT);
  writer.u16(UDP_PAYLOAD);
  writer.u8(extendedRcode >> 4);
  writer.u8(0); // version
  // RFC 3225 section 3: DO is copied; RFC 9824 section 5.1: CO says that it was understood.
  writer.u16((edns.dnssecOk ? 0x8000 : 0) | (edns.compactOk ? 0x4000 : 0));
  const lengthAt = writer.offset;
  writer.u16(0);
  if (subnet !== undefined) {
    writer.u16(EDNS_OPTION.CLIENT_SUBNET);
    writer.u16(4 + subnet.octets);
    writer.u16(subnet.family);
    writer.u8(subnet.sourcePrefixLength);
    writer.u8(subnet.sourcePrefixLength === 0 ? 0 : Math.min(scope, subnet.family === 1 ? 32 : 128));
    writer.slice(subnet.address, 0, subnet.octets);
  }
  if (options !== undefined) writeReplyOptions(writer, options);
  const length = writer.offset - lengthAt - 2;
  if (length > 0) writer.patchU16(lengthAt, length);
}

function writeReplyOptions(writer: WireWriter, options: ReplyOptions): void {
  const { nsid, cookie, keepalive, extendedError, padTo } = options;
  if (cookie !== undefined) {
    writer.u16(EDNS_OPTION.COOKIE);
    writer.u16(cookie.length);
    writer.octets(cookie);
  }
  if (nsid !== undefined) {
    writer.u16(EDNS_OPTION.NSID);
    writer.u16(nsid.length);
    writer.octets(nsid);
  }
  if (keepalive >= 0) {
    writer.u16(EDNS_OPTION.TCP_KEEPALIVE);
    writer.u16(2);
    writer.u16(Math.min(keepalive, 0xffff));
  }
  if (extendedError >= 0) {
    writer.u16(EDNS_OPTION.EDE);
    writer.u16(2);
    writer.u16(extendedError);
  }
  if (padTo > 0) {
    // Last, for then it is known how much is missing (RFC 8467 section 4).
    const filled = writer.offset + OPTION_HEAD;
    const padding = Math.min((padTo - (filled % padTo)) % padTo, Math.max(0, 0xffff - filled));
    writer.u16(EDNS_OPTION.PADDING);
    writer.u16(padding);
    writer.zeros(padding);
  }
}

const OPTION_HEAD = 4;

/** Octets `writeOpt` will write, but for padding beyond the option's head. */
export function optLength(edns: Edns, options?: ReplyOptions): number {
  let length = 11;
  if (edns.clientSubnet !== undefined) length += OPTION_HEAD + 4 + edns.clientSubnet.octets;
  if (options === undefined) return length;
  if (options.cookie !== undefined) length += OPTION_HEAD + COOKIE_OCTETS;
  if (options.nsid !== undefined) length += OPTION_HEAD + options.nsid.length;
  if (options.keepalive >= 0) length += OPTION_HEAD + 2;
  if (options.extendedError >= 0) length += OPTION_HEAD + 2;
  if (options.padTo > 0) length += OPTION_HEAD;
  return length;
}
