import { lookup, Resolver } from 'node:dns/promises';
import type { Resolve } from './address-guard.ts';
import { errorCode } from './network-failure.ts';

/**
 * Asks the machine's resolvers for A and AAAA. Not `getaddrinfo`: that blocks one of four threads per query, and a resolver
 * that does not answer would stop every probe.
 * @param servers `host:port` of other resolvers than the machine's.
 */
export function systemResolve(servers: readonly string[] = []): Resolve {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  if (servers.length > 0) resolver.setServers([...servers]);
  return async (name) => {
    const [ipv4, ipv6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const addresses = [ipv4, ipv6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length > 0 || ipv4.status === 'fulfilled') return addresses;
    // "No such record" of one family hides the reason of the other.
    if (ipv6.status === 'rejected' && errorCode(ipv4.reason) === 'ENODATA') throw ipv6.reason;
    throw ipv4.reason;
  };
}

/**
 * As `systemResolve`, and names that DNS does not have as the machine itself looks them up: `/etc/hosts`, search domains. For the few names
 * of a configuration, not for probes: `getaddrinfo` is asked only once a resolver has answered that there is no such name.
 */
export function machineResolve(servers: readonly string[] = []): Resolve {
  const resolve = systemResolve(servers);
  return async (name) => {
    try {
      return await resolve(name);
    } catch (error) {
      if (errorCode(error) !== 'ENOTFOUND' && errorCode(error) !== 'ENODATA') throw error;
      const found = await lookup(name, { all: true }).catch(() => []);
      if (found.length === 0) throw error;
      return found.map(({ address }) => address);
    }
  };
}
