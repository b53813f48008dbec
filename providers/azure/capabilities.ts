import type { Capabilities } from '../contract.ts';

const NO_ROUTING_ALONE =
  'Azure DNS itself routes nothing; an alias to Traffic Manager does (`azure.trafficManager: true`)';
const LATER = 'API version 2018-05-01, the newest one of the SDK, has no such record type.';

/** Pure data, without the SDK. Limits: https://learn.microsoft.com/azure/dns/dns-zones-records and …/azure-subscription-service-limits#azure-dns-limits. */
export const AZURE_CAPABILITIES: Capabilities = {
  preconditions: 'per-set',
  preconditionsWhy:
    'Azure DNS checks each record set by its ETag (If-Match, If-None-Match: *), but has no request that changes several of them together.',
  batch: {
    // One request each: a batch is only how much is done before the plan is looked at again.
    maxChanges: 100,
    cost: () => ({ changes: 1, octets: 0 }),
    maxOctets: Number.MAX_SAFE_INTEGER,
  },
  // "Record set create, update, delete: 200 per minute and zone each; list: 60 per minute". In any minute at most 20 + 60 × 3 = 200.
  rate: { perSecond: 3, burst: 20 },
  // "TTL: 1 to 2,147,483,647 seconds"
  ttl: { minSeconds: 1, maxSeconds: 2_147_483_647 },
  routing: [
    {
      feature: 'geo',
      native: true,
      reason: `${NO_ROUTING_ALONE}: Geographic profiles know countries, and states of the US, Canada and Australia.`,
    },
    {
      feature: 'weights',
      native: true,
      reason: `${NO_ROUTING_ALONE}: Weighted profiles take 1 to 1000, scaled to the weights of the policy.`,
    },
    {
      feature: 'failover',
      native: true,
      reason: `${NO_ROUTING_ALONE}: Priority profiles go down the tiers by the health that Traffic Manager sees.`,
    },
    {
      feature: 'residency',
      native: true,
      reason:
        'Kept when every place has a code of its own in the geographic hierarchy of Traffic Manager; else plain records hold it.',
    },
    {
      feature: 'subnets',
      native: false,
      reason:
        'A Traffic Manager profile routes by subnets or by geography, and the hub makes those by geography.',
    },
    {
      feature: 'mixedTypes',
      native: false,
      reason:
        'An alias of type A or AAAA leads to addresses only, so a name cannot be a CNAME in some places and addresses in others.',
    },
    {
      feature: 'maxAnswers',
      native: false,
      reason: 'Traffic Manager answers with one endpoint at a time when it routes by weight or priority.',
    },
    {
      feature: 'sticky',
      native: false,
      reason: 'Traffic Manager draws anew for each query; resolvers keep an answer for its TTL.',
    },
    {
      feature: 'panic',
      native: true,
      reason: 'When all endpoints of a profile are degraded, Traffic Manager answers as if all were online.',
    },
    {
      feature: 'capacityFloor',
      native: false,
      reason: 'Traffic Manager leaves a tier (`minChildEndpoints`), it does not fill it up from the next.',
    },
  ],
  healthChecks: { native: true },
  unsupportedTypes: [
    ...['DS', 'TLSA', 'NAPTR'].map((type) => ({ type, reason: LATER })),
    ...['HTTPS', 'SVCB', 'SSHFP', 'DNAME', 'LOC', 'URI', 'SMIMEA', 'OPENPGPKEY', 'CDS', 'CDNSKEY'].map(
      (type) => ({
        type,
        reason: 'Azure DNS has no such record type.',
      }),
    ),
  ],
  staleWriter:
    'A hub that was overtaken is refused at the fence and at every record set that changed since it read; between its check of the fence and the end of its batch it can still change sets that nobody else has touched, and the next read repairs those.',
};
