import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { OutboundGuard, ProviderZone } from '../../providers/contract.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';

export interface AuthoritativeServer {
  /** For messages: `ns-1.example.net. (192.0.2.53)`. */
  readonly label: string;
  readonly address: string;
  readonly port: number;
}

/** Whom to ask about a zone, or why nobody. */
export type Servers =
  | { readonly known: true; readonly servers: readonly AuthoritativeServer[] }
  | { readonly known: false; readonly reason: string };

const DNS_PORT = 53;

/**
 * The servers to ask: those that the DNSProvider names, else every address of those that the provider names. The guard judges each of them (I32).
 * @throws PortolanError ADDRESS_FORBIDDEN, PROVIDER_UNAVAILABLE when a name has no address
 */
export async function authoritativeServers(
  zone: ProviderZone,
  { servers }: DnsProviderSpec['verify'],
  guard: OutboundGuard,
): Promise<Servers> {
  if (servers.length > 0) {
    return {
      known: true,
      servers: servers.map(({ address, port }) => {
        guard.check(address);
        return { label: `${address} port ${port}`, address, port };
      }),
    };
  }
  // Only who is inside its networks sees a private zone; what the internet answers would be about another one.
  if (zone.private) {
    return { known: false, reason: 'the zone is private: name servers that can be asked in verify.servers' };
  }
  if (zone.nameServers.length === 0) {
    return { known: false, reason: 'the provider does not say its servers: name them in verify.servers' };
  }
  const found = await Promise.all(
    zone.nameServers.map(async (name) => {
      const addresses = await addressesOf(name, guard);
      return addresses.map((address) => ({ label: `${name} (${address})`, address, port: DNS_PORT }));
    }),
  );
  const all = found.flat();
  if (all.length > 0) return { known: true, servers: all };
  throw new PortolanError('PROVIDER_UNAVAILABLE', `no name server of ${zone.origin} has an address`);
}

function addressesOf(name: string, { lookup }: OutboundGuard): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    lookup(name.replace(/\.$/, ''), { all: true }, (error, found: string | LookupAddress[]) => {
      if (error !== null) {
        reject(
          error instanceof PortolanError
            ? error
            : new PortolanError('PROVIDER_UNAVAILABLE', `name server ${name}: ${messageOf(error)}`, {
                cause: error,
              }),
        );
        return;
      }
      const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address);
      resolve(addresses.filter((address) => isIP(address) !== 0));
    });
  });
}
