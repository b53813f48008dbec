import { z } from 'zod';
import type { CompileReport } from '../plan/compile-report.ts';
import {
  cidr,
  continentCode,
  countryCode,
  domainName,
  ipAddress,
  percent,
  port,
  regionName,
  subdivisionCode,
} from './fields.ts';
import { checkSpec } from './health-check.ts';
import { type Condition, objectName } from './metadata.ts';

const endpoint = z
  .strictObject({
    name: objectName,
    cluster: objectName.describe('Name of a Cluster in the same namespace.'),
    addresses: z
      .array(ipAddress)
      .min(1)
      .max(16)
      .optional()
      .describe("Public addresses; default: the cluster's."),
    cname: domainName.optional().describe('Instead of addresses: answer with a CNAME to this name.'),
    internal: z
      .strictObject({ address: ipAddress, port: port.optional() })
      .optional()
      .describe("Where the cluster's own agent probes it from inside; default: the public address."),
    port: port.optional().describe("Port of the health check, when it differs from the check's."),
    capacity: z
      .number()
      .positive()
      .max(1_000_000)
      .default(1)
      .describe('Relative capacity for the capacity floor and the change budget.'),
  })
  .refine((e) => e.addresses === undefined || e.cname === undefined, {
    path: ['cname'],
    message: 'an endpoint has either addresses or a cname',
  });
export type EndpointSpec = z.output<typeof endpoint>;

const tier = z.strictObject({
  members: z
    .array(
      z.strictObject({
        endpoint: objectName,
        weight: z
          .number()
          .int()
          .min(0)
          .max(10_000)
          .default(1)
          .describe(
            'Share relative to the other members of the tier; 0 = only when every other member is down.',
          ),
      }),
    )
    .min(1)
    .max(256),
});
export type TierSpec = z.output<typeof tier>;

/** Failover order: the first tier that has a healthy member answers. */
const tiers = z.array(tier).min(1).max(16);

const geoRule = z.strictObject({
  name: objectName,
  match: z
    .strictObject({
      cidrs: z.array(cidr).max(1000).optional(),
      subdivisions: z.array(subdivisionCode).max(1000).optional(),
      countries: z.array(countryCode).max(250).optional(),
      regions: z.array(regionName).max(50).optional(),
      continents: z.array(continentCode).max(7).optional(),
    })
    .refine(
      (m) => Object.values(m).some((v) => v !== undefined && v.length > 0),
      'at least one of cidrs, subdivisions, countries, regions, continents',
    )
    .describe('Most specific wins: CIDR (longest prefix), subdivision, country, region, continent.'),
  tiers,
});
export type GeoRuleSpec = z.output<typeof geoRule>;

const residencyRule = z.strictObject({
  region: regionName.describe('A query located here is never answered with a cluster outside.'),
  unknownLocation: z
    .enum(['restrict', 'allow'])
    .default('restrict')
    .describe(
      'What a query of unknown location gets: only clusters inside (`restrict`, fails closed) or any.',
    ),
  onAllDown: z
    .discriminatedUnion('action', [
      z.strictObject({ action: z.literal('panic') }),
      z.strictObject({ action: z.literal('lastAnswer') }),
      z.strictObject({ action: z.literal('maintenance'), addresses: z.array(ipAddress).min(1).max(16) }),
    ])
    .default({ action: 'panic' })
    .describe(
      'When every cluster inside is down: serve them all (`panic`), the last healthy answer, or a maintenance address.',
    ),
});
export type ResidencySpec = z.output<typeof residencyRule>;

/** Features (`src/plan/compile-report.ts`) that a policy can do without at a provider that has no way to keep them. */
export const ACCEPTABLE_LOSSES = ['geo', 'subnets', 'weights', 'mixedTypes'] as const;

export const trafficPolicySpec = z.strictObject({
  hostnames: z
    .array(domainName)
    .min(1)
    .max(100)
    .describe(
      'Exact names, the apex of a zone, or a wildcard (`*.api.example.com`). Each belongs to one policy only.',
    ),
  ttlSeconds: z.number().int().min(1).max(86_400).default(30),
  minTtlSeconds: z
    .number()
    .int()
    .min(0)
    .max(86_400)
    .default(5)
    .describe('An answer that may change soon gets a lower TTL, never below this.'),
  endpoints: z.array(endpoint).min(1).max(256),
  healthCheck: z
    .union([z.strictObject({ ref: objectName }), z.strictObject({ inline: checkSpec })])
    .optional()
    .describe('Default: TCP connect to port 443.'),
  routing: z.strictObject({
    geo: z.array(geoRule).max(256).default([]),
    default: z
      .strictObject({ tiers })
      .describe(
        'Answers every query no geo rule matches; also the next best when a rule has no healthy member.',
      ),
    nextBest: z
      .enum(['nearest', 'none'])
      .default('nearest')
      .describe(
        'When neither the matching rules nor the default have a healthy member: other endpoints by distance.',
      ),
  }),
  residency: z.array(residencyRule).max(16).default([]),
  selection: z
    .discriminatedUnion('mode', [
      /** A random member per query, in proportion to the weights. */
      z.strictObject({ mode: z.literal('weighted'), maxAnswers: z.number().int().min(1).max(8).default(1) }),
      /** The same client subnet keeps its member while it is healthy (weighted rendezvous hashing). */
      z.strictObject({
        mode: z.literal('sticky'),
        maxAnswers: z.number().int().min(1).max(8).default(1),
        ipv4PrefixLength: z.number().int().min(8).max(32).default(24),
        ipv6PrefixLength: z.number().int().min(16).max(128).default(48),
      }),
    ])
    .default({ mode: 'weighted', maxAnswers: 1 }),
  panicThresholdPercent: percent
    .default(0)
    .describe(
      'Serve all members (not administratively down) when less than this share of their capacity is healthy. 0: only at none.',
    ),
  capacityFloorPercent: percent
    .default(0)
    .describe('A tier with less than this share of its capacity healthy is joined by the next tier.'),
  dns: z
    .strictObject({
      decider: z
        .enum(['portolan', 'native', 'both'])
        .default('portolan')
        .describe(
          "Who takes what is down out of answers: the hub (`portolan`), the provider's own health checks (`native`), or the hub with those as the fallback (`both`).",
        ),
      form: z
        .enum(['auto', 'computed'])
        .default('auto')
        .describe(
          "`auto`: the provider's own routing where it keeps the meaning; `computed`: plain records always.",
        ),
      accept: z
        .array(z.enum(ACCEPTABLE_LOSSES))
        .max(ACCEPTABLE_LOSSES.length)
        .default([])
        .describe('What may be lost at a provider that cannot do it. Residency never may.'),
      shared: z
        .boolean()
        .default(false)
        .describe(
          'Other hubs may publish addresses of their own under the same hostnames; plain records only.',
        ),
    })
    .prefault({})
    .describe('How DNS providers publish it; the embedded name servers do everything themselves.'),
  drainRampSeconds: z
    .number()
    .int()
    .min(0)
    .max(86_400)
    .default(0)
    .describe("Seconds over which a drained cluster's share goes to zero, and comes back after."),
});
export type TrafficPolicySpec = z.output<typeof trafficPolicySpec>;

export interface TrafficPolicyStatus {
  readonly conditions: readonly Condition[];
  readonly observedGeneration: number;
  /** State per endpoint, as the hub decides it. */
  readonly endpoints: readonly {
    readonly name: string;
    readonly cluster: string;
    readonly state: 'up' | 'down' | 'unknown';
    readonly detail: string;
  }[];
  /** What becomes of each hostname at each DNS provider; absent when no zone of a provider holds one. */
  readonly dns?: readonly (CompileReport & {
    /** In the provider's zone since this instant; absent: not (yet). */
    readonly programmedAt?: string;
    /** All authoritative servers agree since this instant. */
    readonly verifiedAt?: string;
    /** What keeps it from being programmed or verified. */
    readonly problem?: string;
  })[];
}
