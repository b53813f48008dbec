import { isIP } from 'node:net';
import { PortolanError } from '../src/errors/error.ts';
import { checkAddress } from '../src/health/address-policy.ts';

/** All addresses of a name. Rejects when the name cannot be resolved. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export interface AddressGuard {
  /** CIDR blocks the operator permits although they would be refused (`network.allowedRanges`). */
  readonly allowedRanges: readonly string[];
  readonly resolve: Resolve;
  /** In [0, 1): which of several addresses is taken. */
  readonly random: () => number;
}

/**
 * The one address a probe may connect to (I32). A name is resolved once, every one of its addresses is judged, and the
 * caller connects to the address returned here and never to the name again, so that a second answer of the resolver cannot
 * lead elsewhere. One forbidden address refuses the whole name.
 *
 * Of several addresses one is drawn for each probe, of the IPv4 ones if there are any.
 * @throws PortolanError ADDRESS_FORBIDDEN
 * @throws whatever `resolve` rejects with
 */
export async function pinAddress(addressOrName: string, guard: AddressGuard): Promise<string> {
  const literal = isIP(addressOrName) !== 0;
  const addresses = literal ? [addressOrName] : await guard.resolve(addressOrName);
  for (const address of addresses) {
    const hit = checkAddress(address, guard.allowedRanges);
    if (hit === undefined) continue;
    const what = literal ? address : `${addressOrName} resolves to ${address}, which`;
    throw new PortolanError('ADDRESS_FORBIDDEN', `${what} lies in ${hit.range}: ${hit.why}`);
  }
  const ipv4 = addresses.filter((address) => isIP(address) === 4);
  const candidates = ipv4.length > 0 ? ipv4 : addresses;
  const pinned = candidates[Math.floor(guard.random() * candidates.length)];
  if (pinned === undefined) throw new NoAddress(addressOrName);
  return pinned;
}

/** The name exists but has no address. */
export class NoAddress extends Error {
  override readonly name = 'NoAddress';

  constructor(host: string) {
    super(`${host} has no address`);
  }
}
