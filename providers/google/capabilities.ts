import type { SetChange } from '../../src/plan/record-set.ts';
import type { Capabilities } from '../contract.ts';
import { octetsOf } from './records.ts';

/**
 * "Additions per change: 1,000. Deletions per change: 1,000. Resource record data size per change: 100,000 bytes."
 * https://cloud.google.com/dns/quotas
 */
export const MAX_ADDITIONS = 1000;
export const MAX_DELETIONS = 1000;
export const MAX_OCTETS = 100_000;
/** "Records per RR set: 100." https://cloud.google.com/dns/quotas */
export const MAX_RECORDS_PER_SET = 100;
/** "Resource records (RR) sets per managed zone: 10,000." https://cloud.google.com/dns/quotas */
export const MAX_SETS_PER_ZONE = 10_000;
/** TTLs are 31 bits (RFC 2181, section 8). */
export const MAX_TTL_SECONDS = 0x7fff_ffff;

const NO_COUNTRIES =
  'Google routes by the Google Cloud region that is nearest to a client: it has no countries, and no answer for everybody else.';

export const capabilities: Capabilities = {
  preconditions: 'atomic',
  preconditionsWhy:
    'A change is applied as a whole or not at all, every deletion has to match the record set that is there (412 conditionNotMet), and an addition must not be there yet (409 alreadyExists).',
  batch: {
    // A replacement is one addition and one deletion: while every change counts as one, neither limit is passed.
    maxChanges: Math.min(MAX_ADDITIONS, MAX_DELETIONS),
    maxOctets: MAX_OCTETS,
    cost: costOf,
  },
  // The documentation names per-minute quotas for reads and writes without numbers (each project has its own): 300 a minute, with what a
  // plan needs at once.
  rate: { perSecond: 5, burst: 20 },
  ttl: { minSeconds: 0, maxSeconds: MAX_TTL_SECONDS },
  routing: [
    {
      feature: 'weights',
      native: true,
      reason: 'Weighted round robin (`wrr`), where all clients are answered alike.',
    },
    {
      feature: 'failover',
      native: true,
      reason:
        'Failover from one set of addresses to another (`primaryBackup`), with a health check of yours, in public zones.',
    },
    { feature: 'geo', native: false, reason: NO_COUNTRIES },
    { feature: 'nearest', native: false, reason: NO_COUNTRIES },
    { feature: 'residency', native: false, reason: NO_COUNTRIES },
    { feature: 'subnets', native: false, reason: 'Google has no routing by client network.' },
    { feature: 'sticky', native: false, reason: 'Google draws a new answer for every query.' },
    {
      feature: 'mixedTypes',
      native: false,
      reason: 'A name has either a CNAME or addresses, for every client.',
    },
  ],
  healthChecks: { native: true },
  unsupportedTypes: [
    { type: 'DNAME', reason: 'Cloud DNS has no DNAME records.' },
    { type: 'RRSIG', reason: 'Cloud DNS signs its zones itself.' },
    { type: 'NSEC', reason: 'Cloud DNS signs its zones itself.' },
  ],
  staleWriter:
    'Nothing: every change replaces the fence record exactly as it was read, and Google refuses the whole change when it is another one by then.',
};

function costOf(change: SetChange): { readonly changes: number; readonly octets: number } {
  const octets = [change.before, change.after].reduce(
    (sum, set) => (set === undefined ? sum : sum + octetsOf(set)),
    0,
  );
  return { changes: 1, octets };
}
