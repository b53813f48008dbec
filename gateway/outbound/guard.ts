import { isIP, type LookupFunction } from 'node:net';
import { checkAddress } from '../../src/health/address-policy.ts';
import { OutboundFailure } from './failure.ts';

/** All addresses of a name. Rejects when the name cannot be resolved. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/**
 * Which addresses calls in the name of a policy may reach (I32). A name is resolved once per connection, every one of its addresses is
 * judged, and the socket connects to one of those; a second answer of the resolver cannot lead elsewhere. One forbidden address
 * refuses the whole name.
 */
export interface OutboundGuard {
  /** @throws OutboundFailure `forbidden` when the host is an address that may not be contacted; names pass, `lookup` judges them */
  checkHost(host: string): void;
  /** For `net.connect`, which calls it for names only. */
  readonly lookup: LookupFunction;
}

/** @param allowedRanges CIDR blocks the operator permits (`network.allowedRanges`) */
export function createOutboundGuard(allowedRanges: readonly string[], resolve: Resolve): OutboundGuard {
  const checkAll = (host: string, addresses: readonly string[]): void => {
    for (const address of addresses) {
      const hit = checkAddress(address, allowedRanges);
      if (hit === undefined) continue;
      const what = address === host ? address : `${host} resolves to ${address}, which`;
      throw new OutboundFailure('forbidden', `${what} lies in ${hit.range}: ${hit.why}`);
    }
  };

  const addressesOf = async (host: string): Promise<readonly { address: string; family: 4 | 6 }[]> => {
    const addresses = await resolve(host);
    checkAll(host, addresses);
    if (addresses.length === 0) throw new OutboundFailure('network', `${host} has no address`);
    // IPv4 first: a machine without IPv6 gets no further than the first one.
    return addresses
      .map((address) => ({ address, family: isIP(address) === 6 ? (6 as const) : (4 as const) }))
      .sort((a, b) => a.family - b.family);
  };

  return {
    checkHost(host) {
      if (isIP(host) !== 0) checkAll(host, [host]);
    },
    lookup(host, wanted, callback) {
      addressesOf(host).then(
        (found) => {
          const family = wanted.family === 'IPv4' ? 4 : wanted.family === 'IPv6' ? 6 : (wanted.family ?? 0);
          const usable = family === 0 ? found : found.filter((a) => a.family === family);
          const [first] = usable;
          if (first === undefined) {
            callback(new OutboundFailure('network', `${host} has no IPv${family} address`), '');
          } else if (wanted.all === true) callback(null, [...usable]);
          else callback(null, first.address, first.family);
        },
        (thrown: unknown) =>
          callback(thrown instanceof Error ? thrown : new OutboundFailure('network', String(thrown)), ''),
      );
    },
  };
}
