import { networkInterfaces } from 'node:os';
import { type ServerState, skipped } from './servers.ts';

/**
 * An IPv4 address of this machine that is not of loopback: API servers refuse endpoints there. Only what a test answers with stands on it, never a
 * listener that can change anything.
 */
export function ownAddress(suite: string): ServerState {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(
      ({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'),
    );
  return found === undefined
    ? skipped(suite, 'this machine has only loopback addresses', 'run it where there is a network interface')
    : { available: true, path: found.address };
}
