import type { FoundAddress } from '../resources/cluster.ts';
import type { InventoryFacts } from './contract.ts';

/** An address that nobody tells of any more is used for this long: a load balancer that is made anew is between two for a moment. */
const LINGER_MS = 300_000;
/** As many as `spec.addresses` may have. */
const MAX_ADDRESSES = 16;

/**
 * The addresses of a cluster, after its agent told of these. What is new counts at once. What is told no more stays for five minutes, and for as
 * long as no other IP address is told: discovery that fails, or a load balancer that is gone, must not empty an answer (health checks withdraw
 * what does not answer).
 * @param usable an address that answers may have
 */
export function foundAddresses(
  before: readonly FoundAddress[],
  told: InventoryFacts['addresses'],
  nowMs: number,
  usable: (address: string) => boolean,
): readonly FoundAddress[] {
  const current = new Map<string, FoundAddress>();
  for (const { value, type, from } of told) {
    if (current.size >= MAX_ADDRESSES || current.has(value)) continue;
    if (type === 'IPAddress' && !usable(value)) continue;
    current.set(value, { value, type, from });
  }
  const hasAddress = [...current.values()].some(({ type }) => type === 'IPAddress');
  const lingering = before
    .filter(({ value, type }) => type === 'IPAddress' && !current.has(value))
    .map((address) => ({ ...address, goneSince: address.goneSince ?? new Date(nowMs).toISOString() }))
    .filter(({ goneSince }) => !hasAddress || nowMs - Date.parse(goneSince) < LINGER_MS);
  return [...current.values(), ...lingering].slice(0, MAX_ADDRESSES);
}
