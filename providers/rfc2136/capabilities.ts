import { INTERPRETED_TYPES } from '../../src/dns/records/catalogue.ts';
import { parseType } from '../../src/dns/types.ts';
import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import type { Capabilities } from '../contract.ts';

/** Octets that header, zone section and TSIG record may take of a message. */
const FRAME_OCTETS = 1024;
/** A DNS message over TCP has at most 65,535 octets (RFC 1035 section 4.2.2). */
const MAX_OCTETS = 65_535 - FRAME_OCTETS;
/** Type, class, TTL and data length of a record (RFC 1035 section 3.2.1), and a name as a pointer. */
const RECORD_OCTETS = 12;

const NO_ROUTING = 'A zone that is written by UPDATE holds plain records.';

/**
 * What DNS UPDATE can do, whichever server answers it. A message is one transaction: prerequisites and changes are judged together
 * (RFC 2136 sections 3.2 and 3.7).
 */
export const CAPABILITIES: Capabilities = {
  preconditions: 'atomic',
  preconditionsWhy:
    'Every change goes with the prerequisite that the set still has the values that were read (RFC 2136 section 2.4.2), in one message that is applied as a whole or not at all; the TTL is not part of a prerequisite.',
  batch: {
    // The protocol has no limit but the message's size. A server holds the zone while it judges a message, so they are kept short.
    maxChanges: 200,
    cost: (change) => ({ changes: 1, octets: octetsOf(change) }),
    maxOctets: MAX_OCTETS,
  },
  // Servers have no limit; this keeps one hub from being a burden to them.
  rate: { perSecond: 50, burst: 50 },
  // RFC 2181 section 8.
  ttl: { minSeconds: 0, maxSeconds: 0x7fff_ffff },
  routing: [
    { feature: 'geo', native: false, reason: NO_ROUTING },
    { feature: 'subnets', native: false, reason: NO_ROUTING },
    { feature: 'weights', native: false, reason: NO_ROUTING },
    {
      feature: 'residency',
      native: false,
      reason: `${NO_ROUTING} The hub publishes what every residency rule admits.`,
    },
    { feature: 'failover', native: false, reason: `${NO_ROUTING} The hub changes them when health changes.` },
  ],
  healthChecks: { native: false, reason: 'DNS UPDATE knows records only; nobody but the hub probes.' },
  unsupportedTypes: [
    ...['RRSIG', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'DNSKEY', 'CDS', 'CDNSKEY', 'ZONEMD'].map((type) => ({
      type,
      reason: 'The server that signs the zone keeps them.',
    })),
    { type: 'SOA', reason: 'The server keeps the serial.' },
  ],
  staleWriter:
    'None of its messages is applied: the fence or a set it names is no longer as it read it, and the server answers NXRRSET or YXRRSET.',
};

/** Types that servers make by themselves: they are neither shown nor written. 65534 is where BIND notes how far signing is. */
const SERVERS_OWN: ReadonlySet<number> = new Set(
  [
    ...CAPABILITIES.unsupportedTypes.map(({ type }) => parseType(type)).filter((type) => type !== undefined),
    65_534,
  ].filter((type) => type !== parseType('SOA')),
);

export function isServersOwn(type: number): boolean {
  return SERVERS_OWN.has(type);
}

/** Upper bound: what must still be there, what goes, what comes, and that no CNAME stands there; names in full. */
function octetsOf({ before, after }: SetChange): number {
  const name = (before ?? after)?.name.length ?? 0;
  // That nothing else is there: for a CNAME one prerequisite for each type, the name a pointer after the first.
  const guard =
    RECORD_OCTETS + name + (after?.type === 'CNAME' ? RECORD_OCTETS * INTERPRETED_TYPES.length : 0);
  return (
    guard +
    (before === undefined ? 0 : 2 * octetsOfSet(before)) +
    (after === undefined ? 0 : octetsOfSet(after)) +
    guard
  );
}

/** Presentation form is never shorter than the wire form, but for names in full and for numbers: two octets a word cover those. */
function octetsOfSet(set: RecordSet): number {
  return set.values.reduce(
    (sum, value) => sum + set.name.length + RECORD_OCTETS + value.length + 2 * value.split(' ').length + 8,
    0,
  );
}
