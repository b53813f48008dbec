import { z } from 'zod';
import { domainName, percent, port } from './fields.ts';
import { secretKeyRef } from './health-check.ts';
import { type Condition, objectName } from './metadata.ts';

const endpoint = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .optional()
  .describe("Another endpoint than the provider's own, such as a private one.");
const caSecret = secretKeyRef.optional().describe("PEM bundle to trust instead of the system's roots.");

const route53 = z.strictObject({
  endpoint,
  caSecret,
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .default('us-east-1')
    .describe('Region that requests are signed for.'),
  secret: objectName
    .optional()
    .describe(
      'Secret with `accessKeyId`, `secretAccessKey` and, if temporary, `sessionToken`; default: the chain of the AWS SDK (environment, IRSA, instance).',
    ),
  assumeRole: z
    .strictObject({
      roleArn: z
        .string()
        .max(640)
        .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/),
      externalId: z.string().min(2).max(1224).optional(),
    })
    .optional(),
  healthChecks: z
    .strictObject({
      intervalSeconds: z.union([z.literal(10), z.literal(30)]).default(30),
      failureThreshold: z.number().int().min(1).max(10).default(3),
    })
    .prefault({})
    .describe('Of the health checks made with decider `native` or `both`.'),
});

const google = z.strictObject({
  endpoint,
  caSecret,
  project: z.string().regex(/^[a-z0-9.:-]{4,63}$/),
  secret: objectName
    .optional()
    .describe(
      'Secret with `credentials.json` (a service account or workload identity federation); default: the application default credentials.',
    ),
  healthCheck: z
    .string()
    .max(512)
    .optional()
    .describe(
      'A global external health check (`projects/…/global/healthChecks/…`), for decider `native` or `both`.',
    ),
});

const azure = z.strictObject({
  endpoint,
  caSecret,
  authorityHost: endpoint.describe('Where tokens come from; default: the public cloud.'),
  subscriptionId: z.string().regex(/^[0-9a-fA-F-]{36}$/),
  resourceGroup: z.string().regex(/^[\w().-]{1,90}$/),
  tenantId: z
    .string()
    .regex(/^[0-9a-zA-Z.-]{1,64}$/)
    .optional(),
  clientId: z
    .string()
    .regex(/^[0-9a-fA-F-]{36}$/)
    .optional(),
  secret: objectName
    .optional()
    .describe(
      'Secret with `clientSecret`; default: workload identity, then the managed identity (of `clientId`, if given).',
    ),
  trafficManager: z
    .boolean()
    .default(false)
    .describe('Route by Traffic Manager profiles in the same resource group; else plain records.'),
});

const powerdns = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .describe('Of the API: `https://ns1.example.com:8081`.'),
  caSecret,
  server: z.string().min(1).max(128).default('localhost').describe('Server id in the API.'),
  secret: objectName.describe('Secret with `apiKey`.'),
  lua: z
    .boolean()
    .default(false)
    .describe('Route by LUA records; PowerDNS must have `enable-lua-records` set.'),
});

const rfc2136 = z.strictObject({
  server: z
    .string()
    .min(1)
    .max(253)
    .regex(/^[A-Za-z0-9.:_-]+$/, 'a host name or an IP address'),
  port: port.default(53),
  tsigSecret: objectName.describe(
    'Secret with the TSIG key: `name`, `algorithm` (hmac-sha256, hmac-sha384 or hmac-sha512) and `secret` (base64).',
  ),
  timeoutMs: z
    .number()
    .int()
    .min(100)
    .max(60_000)
    .default(45_000)
    .describe('How long one answer may take, milliseconds; longer than the slowest one that is to count.'),
});

/** The kinds of account; exactly one of them is set. */
const accounts = { route53, google, azure, powerdns, rfc2136 } as const;
export type DnsProviderType = keyof typeof accounts;
export const DNS_PROVIDER_TYPES = Object.keys(accounts) as readonly DnsProviderType[];

export const dnsProviderSpec = z
  .strictObject({
    zones: z
      .array(
        z.strictObject({
          origin: domainName.describe('Apex of a zone at the provider. It must exist there.'),
          id: z.string().min(1).max(512).optional().describe('Which one, where several have this origin.'),
          private: z.boolean().default(false).describe('A zone that only private networks see.'),
        }),
      )
      .min(1)
      .max(200)
      .describe(
        'A hostname of a TrafficPolicy is published into the zone with the longest origin; into each of them, if several have it.',
      ),
    route53: route53.optional(),
    google: google.optional(),
    azure: azure.optional(),
    powerdns: powerdns.optional(),
    rfc2136: rfc2136.optional(),
    frozen: z.boolean().default(false).describe('Plans are made and shown, but nothing is written.'),
    deletions: z
      .enum(['allow', 'never'])
      .default('allow')
      .describe('`never`: names are created and changed, but none is removed.'),
    maxRemovedPercent: percent
      .default(30)
      .describe(
        'A plan that removes more of the owned names of a zone waits for approval; one name always may go.',
      ),
    requestsPerSecond: z
      .number()
      .min(0.1)
      .max(1000)
      .optional()
      .describe('Default: what the provider allows an account. Lower it where others use the account, too.'),
    driftCheckSeconds: z
      .number()
      .int()
      .min(10)
      .max(86_400)
      .default(300)
      .describe('How often a zone is read again although nothing changed here.'),
    verify: z
      .strictObject({
        enabled: z.boolean().default(true),
        servers: z
          .array(z.strictObject({ address: z.ipv4().or(z.ipv6()), port: port.default(53) }))
          .max(32)
          .default([])
          .describe('Authoritative servers to ask; default: the addresses of those the provider names.'),
        timeoutSeconds: z.number().int().min(1).max(3600).default(120),
      })
      .prefault({})
      .describe('After a change every authoritative server is asked until all agree.'),
  })
  .superRefine((spec, context) => {
    const set = DNS_PROVIDER_TYPES.filter((type) => spec[type] !== undefined);
    if (set.length === 1) return;
    context.addIssue({
      code: 'custom',
      message:
        set.length === 0
          ? 'it does not say what kind of provider it is'
          : `it is ${set.join(' and ')} at once`,
      params: { fix: `Write exactly one of ${DNS_PROVIDER_TYPES.join(', ')}.` },
    });
  });
export type DnsProviderSpec = z.output<typeof dnsProviderSpec>;

/** Which kind of account it is. */
export function providerTypeOf(spec: DnsProviderSpec): DnsProviderType {
  const type = DNS_PROVIDER_TYPES.find((candidate) => spec[candidate] !== undefined);
  // The schema has exactly one.
  return type ?? 'rfc2136';
}

/** Name of the Secret that has its credentials. */
export function providerSecretOf(spec: DnsProviderSpec): string | undefined {
  return (
    spec.route53?.secret ??
    spec.google?.secret ??
    spec.azure?.secret ??
    spec.powerdns?.secret ??
    spec.rfc2136?.tsigSecret
  );
}

/** How one zone at the provider stands. Instants are RFC 3339. */
export interface ProviderZoneStatus {
  readonly origin: string;
  readonly id: string;
  /** Generation that was applied last, and when. */
  readonly generation?: number;
  readonly appliedAt?: string;
  /** Owned names there. */
  readonly names: number;
  /** Names of the newest plan that wait, each with why. */
  readonly held: readonly {
    readonly name: string;
    readonly code: string;
    readonly message: string;
    readonly fix: string;
  }[];
  /** Hash of the plan that waits for approval, if it does. */
  readonly waitsForApproval?: string;
  /** A rollback holds the zone at this generation's content. */
  readonly heldAtGeneration?: number;
  /** What went wrong last. */
  readonly error?: string;
  readonly verified: 'yes' | 'no' | 'pending' | 'off';
  /** With `no`: which server answered what instead. */
  readonly disagreement?: string;
}

export interface DnsProviderStatus {
  readonly conditions: readonly Condition[];
  readonly observedGeneration: number;
  readonly zones: readonly ProviderZoneStatus[];
}
