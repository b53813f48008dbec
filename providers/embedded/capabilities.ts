import type { SetChange } from '../../src/plan/record-set.ts';
import type { Capabilities } from '../contract.ts';

export const ROUTED_WITHOUT_RECORDS =
  'A Zone holds plain records; the embedded name servers route hostnames of policies without records.';

/** What a Zone of this installation can hold. */
export const CAPABILITIES: Capabilities = {
  preconditions: 'atomic',
  preconditionsWhy:
    'The Zone is replaced as a whole, and only if its resourceVersion is still the one that was compared with what the batch expects.',
  batch: {
    // A Zone has at most 100,000 record entries (its schema); a request body at most 10 MB.
    maxChanges: 10_000,
    cost: (change) => ({ changes: 1, octets: octetsOf(change) }),
    maxOctets: 4_000_000,
  },
  // Each write is a transaction of the hub's own store.
  rate: { perSecond: 50, burst: 50 },
  // RFC 2181 section 8.
  ttl: { minSeconds: 0, maxSeconds: 0x7fff_ffff },
  routing: (['geo', 'subnets', 'weights', 'residency', 'failover'] as const).map((feature) => ({
    feature,
    native: false,
    reason: ROUTED_WITHOUT_RECORDS,
  })),
  healthChecks: {
    native: false,
    reason: 'Records of a Zone do not follow health; hostnames of policies do.',
  },
  unsupportedTypes: [
    ...['SOA', 'RRSIG', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'DNSKEY', 'CDS', 'CDNSKEY', 'ZONEMD'].map((type) => ({
      type,
      reason: 'The embedded name servers make it.',
    })),
  ],
  staleWriter: 'Nothing: the store refuses a Zone whose resourceVersion is not the stored one.',
};

function octetsOf({ before, after }: SetChange): number {
  const set = after ?? before;
  return set.name.length + set.values.reduce((sum, value) => sum + value.length + 4, 64);
}
