import { INTERPRETED_TYPES } from '../../src/dns/records/catalogue.ts';
import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import type { Capabilities } from '../contract.ts';
import { octalEscapes } from './names.ts';
import { isRecordType } from './records.ts';

/**
 * Limits: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests-changeresourcerecordsets
 * - "ResourceRecord elements: a request cannot contain more than 1,000 ResourceRecord elements (including alias records)."
 * - "Maximum number of characters: the sum of the number of characters (including spaces) in all Value elements in a request cannot exceed 32,000."
 * - "When the value of the Action element is UPSERT", each counts twice; we send DELETE and CREATE, which count once each.
 * - "Five requests per second per AWS account." Nothing is said of bursts, so there are none.
 */
export const capabilities: Capabilities = {
  preconditions: 'atomic',
  preconditionsWhy:
    'A change batch is applied whole or not at all, and a DELETE must name exactly what is there, so every batch swaps the fence as it was read.',
  batch: {
    maxChanges: 1000,
    maxOctets: 32_000,
    cost: ({ before, after }: SetChange) => {
      const parts = [before, after].filter((set) => set !== undefined);
      return { changes: sum(parts.map(recordsOf)), octets: sum(parts.map(charactersOf)) };
    },
  },
  rate: { perSecond: 5, burst: 1 },
  // "TTL: minimum 0, maximum 2147483647."
  ttl: { minSeconds: 0, maxSeconds: 2_147_483_647 },
  routing: [
    {
      feature: 'geo',
      native: true,
      reason: 'Geolocation records by country, continent and state of the United States, with a default.',
    },
    { feature: 'subnets', native: false, reason: 'CIDR collections of an account are not managed here.' },
    { feature: 'weights', native: true, reason: 'Weighted records; weights are rounded to 0 to 255.' },
    {
      feature: 'failover',
      native: true,
      reason:
        'Chains of PRIMARY and SECONDARY records with health checks, for decider native and both; else the hub changes the records.',
    },
    { feature: 'residency', native: true, reason: 'Every country gets only what the policy lets it have.' },
    { feature: 'sticky', native: false, reason: 'Route 53 picks anew for every query.' },
    { feature: 'dynamicTtl', native: false, reason: 'A record has one TTL.' },
    {
      feature: 'panic',
      native: false,
      reason: 'Its own checks serve all only when all are down; a threshold is kept by the hub.',
    },
    { feature: 'capacityFloor', native: false, reason: 'Route 53 knows no capacity; the hub keeps it.' },
    { feature: 'drainRamp', native: false, reason: 'The hub changes the weights step by step.' },
    {
      feature: 'nearest',
      native: false,
      reason: 'The next best are one more tier, by capacity and not by distance.',
    },
    { feature: 'maxAnswers', native: false, reason: 'One weighted record answers each query.' },
    { feature: 'mixedTypes', native: false, reason: 'A name has a CNAME or addresses, for everybody.' },
  ],
  healthChecks: { native: true },
  unsupportedTypes: INTERPRETED_TYPES.filter((type) => !isRecordType(type)).map((type) => ({
    type,
    reason: 'Route 53 does not host this record type.',
  })),
  staleWriter: 'Nothing: its batch names a fence that is no longer there, so Route 53 refuses all of it.',
};

/** ResourceRecord elements; an alias counts as one. */
function recordsOf(set: RecordSet): number {
  return Math.max(1, set.values.length);
}

/** Characters of its Value elements as they are sent. */
function charactersOf(set: RecordSet): number {
  return sum(set.values.map((value) => octalEscapes(value).length));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
