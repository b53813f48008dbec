import { formatIp, isMappedIpv4, parseIpv4, parseIpv6 } from './address.ts';

/** Where a query comes from, as far as DNS can tell. */
export interface ClientAddress {
  readonly family: 4 | 6;
  /** 4 or 16 octets; those beyond `prefixLength` are zero for `ecs`. */
  readonly bytes: Uint8Array;
  /** Significant bits: 32 or 128 for a resolver's own address; ECS may give fewer, 0 meaning "do not use my location". */
  readonly prefixLength: number;
  /** `ecs`: the network of the person behind the resolver (RFC 7871); `resolver`: the address the query came from. */
  readonly source: 'ecs' | 'resolver';
}

/**
 * The sender of a datagram or the peer of a connection, from what the socket reports; mapped IPv4 becomes IPv4 and an
 * IPv6 zone identifier is dropped. `undefined` when the text is no address.
 */
export function resolverAddress(text: string): ClientAddress | undefined {
  const known = recent.get(text);
  if (known !== undefined) return known;
  const address = readAddress(text);
  if (address !== undefined) {
    if (recent.size >= MAX_RECENT) recent.clear();
    recent.set(text, address);
  }
  return address;
}

/* A name server hears the same resolvers again and again. Immutable, so that one serves them all. */
const recent = new Map<string, ClientAddress>();
const MAX_RECENT = 4096;

function readAddress(text: string): ClientAddress | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return { family: 4, bytes: v4, prefixLength: 32, source: 'resolver' };
  const zone = text.indexOf('%');
  const v6 = parseIpv6(zone < 0 ? text : text.slice(0, zone));
  if (v6 === undefined) return undefined;
  if (isMappedIpv4(v6)) return { family: 4, bytes: v6.subarray(12), prefixLength: 32, source: 'resolver' };
  return { family: 6, bytes: v6, prefixLength: 128, source: 'resolver' };
}

/** `192.0.2.0/24`, for logs and explanations. */
export function formatClient(client: ClientAddress): string {
  return `${formatIp(client.bytes)}/${client.prefixLength}`;
}
