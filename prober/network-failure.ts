import { networkInterfaces } from 'node:os';
import { ProbeFailure, ProbeUnable } from './probe.ts';

/** Errors of this machine, not of the endpoint. */
const LOCAL: Readonly<Record<string, string>> = {
  EMFILE: 'this vantage point has no file descriptors left',
  ENFILE: 'this vantage point has no file descriptors left',
  ENOBUFS: 'this vantage point has no network buffers left',
  ENOMEM: 'this vantage point has no memory left',
  EADDRNOTAVAIL: 'this vantage point has no local port left',
  EAFNOSUPPORT: 'this vantage point does not support this address family',
  EINVAL: 'this vantage point cannot connect to such an address',
  EACCES: 'this vantage point may not open this connection (local firewall)',
  EPERM: 'this vantage point may not open this connection (local firewall)',
};

const REMOTE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EHOSTDOWN: 'host down',
  ETIMEDOUT: 'no TCP answer',
};

/** The `code` of a Node.js error, or an empty string. */
export function errorCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

/**
 * Sorts a socket's error into the endpoint's failure or this machine's. "Network unreachable" counts against the endpoint,
 * because a router on the way may have said so, unless the address is IPv6 and this machine has no IPv6 to begin with.
 * @param during What was going on, for errors that need it: "during the TLS handshake".
 */
export function networkFailure(
  thrown: unknown,
  address: string,
  during = '',
  hasIpv6: () => boolean = machineHasIpv6,
): Error {
  const code = errorCode(thrown);
  if (code === 'ENETUNREACH' && address.includes(':') && !hasIpv6()) {
    return new ProbeUnable('this vantage point has no IPv6');
  }
  const local = LOCAL[code];
  if (local !== undefined) return new ProbeUnable(local, { cause: thrown });
  const what = REMOTE[code] ?? (thrown instanceof Error ? thrown.message : String(thrown));
  return new ProbeFailure(during === '' ? what : `${what} ${during}`, { cause: thrown });
}

function machineHasIpv6(): boolean {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ family, internal, address }) => family === 'IPv6' && !internal && !address.startsWith('fe80:'));
}
