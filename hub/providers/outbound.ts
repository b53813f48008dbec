import { isIP, type LookupFunction } from 'node:net';
import type { Resolve } from '../../prober/address-guard.ts';
import type { OutboundGuard } from '../../providers/contract.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { checkAddress } from '../../src/health/address-policy.ts';

/**
 * I32 for what a DNSProvider names: each name is resolved once, every address of it is judged, and the socket connects to one of
 * those. Metadata services, loopback and the link are refused unless `network.allowedRanges` has them.
 */
export function createOutboundGuard(options: {
  readonly allowedRanges: readonly string[];
  readonly resolve: Resolve;
}): OutboundGuard {
  const { allowedRanges, resolve } = options;

  function refusal(address: string, host: string): PortolanError | undefined {
    const hit = checkAddress(address, allowedRanges);
    if (hit === undefined) return undefined;
    const what = address === host ? address : `${host} resolves to ${address}, which`;
    return new PortolanError('ADDRESS_FORBIDDEN', `${what} lies in ${hit.range}: ${hit.why}`);
  }

  async function addressesOf(host: string): Promise<readonly { address: string; family: 4 | 6 }[]> {
    const addresses = isIP(host) === 0 ? await resolve(host) : [host];
    for (const address of addresses) {
      const refused = refusal(address, host);
      if (refused !== undefined) throw refused;
    }
    if (addresses.length === 0)
      throw Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND', hostname: host });
    // IPv4 first: a machine without IPv6 gets no further than the first one.
    return addresses
      .map((address) => ({ address, family: isIP(address) === 6 ? (6 as const) : (4 as const) }))
      .sort((a, b) => a.family - b.family);
  }

  const lookup: LookupFunction = (host, wanted, callback) => {
    addressesOf(host).then(
      (found) => {
        const family = wanted.family === 'IPv4' ? 4 : wanted.family === 'IPv6' ? 6 : (wanted.family ?? 0);
        const usable = family === 0 ? found : found.filter((a) => a.family === family);
        const [first] = usable;
        if (first === undefined)
          callback(
            Object.assign(new Error(`${host} has no IPv${family} address`), { code: 'ENOTFOUND' }),
            '',
          );
        else if (wanted.all === true) callback(null, [...usable]);
        else callback(null, first.address, first.family);
      },
      (thrown: unknown) => {
        const error: NodeJS.ErrnoException = thrown instanceof Error ? thrown : new Error(String(thrown));
        callback(error, '');
      },
    );
  };

  return {
    lookup,
    check(host) {
      const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
      if (isIP(bare) === 0) return;
      const refused = refusal(bare, bare);
      if (refused !== undefined) throw refused;
    },
  };
}
