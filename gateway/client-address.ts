import { BlockList, isIP } from 'node:net';
import type { ClientSource } from './request.ts';

/** Longest walk through `X-Forwarded-For`: more hops than that is nobody's network. */
const MOST_HOPS = 32;

/** A set of networks, such as those of trusted proxies. */
export class Networks {
  readonly #list: BlockList | undefined;

  /** @param ranges CIDR or single addresses, checked by the hub; what cannot be read matches nothing */
  constructor(ranges: readonly string[]) {
    if (ranges.length === 0) return;
    const list = new BlockList();
    for (const range of ranges) {
      const [address = '', bits] = range.split('/');
      const version = isIP(address);
      if (version === 0) continue;
      const family = version === 4 ? 'ipv4' : 'ipv6';
      if (bits === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(bits), family);
    }
    this.#list = list;
  }

  has(address: string): boolean {
    if (this.#list === undefined) return false;
    return this.#list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  }
}

/** The text of an address as sockets give it: IPv4 in IPv6 becomes IPv4. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/**
 * Who sent a request: the last address of `X-Forwarded-For` that is not a trusted proxy, when the connection comes from one; else
 * the connection's own. What cannot be read ends the walk: whoever wrote it is not believed any further.
 */
export function clientBehind(
  connection: ClientSource,
  forwardedFor: string,
  trusted: Pick<Networks, 'has'>,
): ClientSource {
  const hops = forwardedFor.split(',');
  let { address, port } = connection;
  for (let at = hops.length - 1, walked = 0; at >= 0 && walked < MOST_HOPS; at -= 1, walked += 1) {
    const hop = readHop(hops[at]?.trim() ?? '');
    if (hop === undefined) break;
    address = hop.address;
    port = hop.port;
    if (!trusted.has(address)) break;
  }
  return { address, port, peer: connection.peer, trusted: true };
}

function readHop(text: string): { readonly address: string; readonly port: number } | undefined {
  if (isIP(text) !== 0) return { address: plainAddress(text.toLowerCase()), port: 0 };
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?$/.exec(text);
  const address = parts?.[1] ?? parts?.[2];
  if (parts === null || address === undefined || isIP(address) === 0) return undefined;
  return { address: plainAddress(address.toLowerCase()), port: Number(parts[3] ?? 0) };
}
