import { z } from 'zod';
import { tryParseName } from '../src/dns/name.ts';
import type { SnapshotContent } from '../src/protocol/snapshot.ts';
import { gatewayFrame, gatewayPart, gatewayPiece, gatewaySecretsPart } from './gateway/part-schema.ts';

/*
 * Shape of the parts, as far as this agent reads them. Unknown fields pass: the hub may be one version ahead. Used only in
 * the sacrificial check, so that neither process of the agent holds a schema library for it.
 */

const name = z.string().refine((text) => tryParseName(text) === text, 'a domain name in canonical spelling');
const duration = z.number().min(0);
const count = z.number().int().min(0);
const port = z.number().int().min(1).max(65_535);
const ip = z.union([z.ipv4(), z.ipv6()]);

const endpoint = z
  .object({
    name: z.string().min(1),
    cluster: z.string().regex(/^[^/]+\/[^/]+$/),
    country: z.string().length(2),
    latitude: z.number().optional(),
    longitude: z.number().optional(),
    capacity: z.number().positive(),
    kind: z.enum(['addresses', 'cname']),
    addresses: z.array(
      z.object({ address: ip, family: z.union([z.literal(4), z.literal(6)]), targetId: z.string().min(1) }),
    ),
    cname: z.object({ name, targetId: z.string().min(1) }).optional(),
  })
  .refine(
    (e) => (e.kind === 'cname' ? e.cname !== undefined : e.addresses.length > 0),
    'an endpoint needs what its kind names',
  );

const tiers = z.array(
  z.object({ members: z.array(z.object({ endpoint: z.string(), weight: z.number().min(0) })) }),
);

const policy = z
  .object({
    namespace: z.string().min(1),
    name: z.string().min(1),
    generation: count,
    hostnames: z.array(name).min(1),
    ttlSeconds: count,
    minTtlSeconds: count,
    endpoints: z.array(endpoint),
    geo: z.array(
      z.object({
        name: z.string(),
        cidrs: z.array(z.union([z.cidrv4(), z.cidrv6()])),
        subdivisions: z.array(z.string()),
        countries: z.array(z.string()),
        regions: z.array(z.string()),
        continents: z.array(z.string()),
        tiers,
      }),
    ),
    defaultTiers: tiers,
    nextBest: z.enum(['nearest', 'none']),
    residency: z.array(
      z.object({
        region: z.string(),
        unknownLocation: z.enum(['restrict', 'allow']),
        onAllDown: z.discriminatedUnion('action', [
          z.object({ action: z.literal('panic') }),
          z.object({ action: z.literal('lastAnswer') }),
          z.object({ action: z.literal('maintenance'), addresses: z.array(ip).min(1) }),
        ]),
      }),
    ),
    selection: z.discriminatedUnion('mode', [
      z.object({ mode: z.literal('weighted'), maxAnswers: z.number().int().min(1) }),
      z.object({
        mode: z.literal('sticky'),
        maxAnswers: z.number().int().min(1),
        ipv4PrefixLength: z.number().int().min(0).max(32),
        ipv6PrefixLength: z.number().int().min(0).max(128),
      }),
    ]),
    panicThresholdPercent: z.number().min(0).max(100),
    capacityFloorPercent: z.number().min(0).max(100),
    drainRampSeconds: duration,
  })
  .refine((p) => {
    const known = new Set(p.endpoints.map((e) => e.name));
    return [p.defaultTiers, ...p.geo.map((rule) => rule.tiers)]
      .flat()
      .every((tier) => tier.members.every((m) => known.has(m.endpoint)));
  }, 'a tier names an endpoint that does not exist');

const routing = z.object({
  sequence: count,
  zones: z.array(
    z.object({
      namespace: z.string(),
      name: z.string(),
      signingSha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
      spec: z.looseObject({
        origin: name,
        nameServers: z.array(z.object({ name, addresses: z.array(ip) })).min(1),
        ttlSeconds: count,
        records: z.array(
          z.object({
            name: z.string(),
            type: z.string(),
            ttlSeconds: count.optional(),
            data: z.array(z.string()).min(1),
          }),
        ),
      }),
    }),
  ),
  policies: z.array(policy),
  regions: z.record(z.string(), z.array(z.string())),
  geoSha256: z.string(),
  drains: z.array(z.object({ cluster: z.string(), sinceMs: z.number(), remainingMs: duration.optional() })),
  issuedAtMs: z.number(),
});

const probes = z.object({
  quorum: z.object({
    staleAfterMs: z.number().positive(),
    minFailureDomains: z.number().int().min(1),
    holdMs: duration,
    maxHoldMs: duration,
    flapWindowMs: duration,
  }),
  targets: z.array(
    z.object({
      id: z.string().min(1),
      cluster: z.string(),
      failureDomain: z.string(),
      address: z.string().min(1),
      port,
      internal: z.object({ address: z.string().min(1), port }).optional(),
      check: z.looseObject({
        protocol: z.enum(['http', 'https', 'tcp', 'tls', 'grpc']),
        intervalSeconds: z.number().positive(),
        timeoutMs: z.number().positive(),
        fall: z.number().int().min(1),
        rise: z.number().int().min(1),
        confirmDelaysMs: z.array(duration),
      }),
      defaultHost: z.string(),
    }),
  ),
  assigned: z.array(z.string()),
  caBundles: z.record(z.string(), z.string()).optional(),
});

const peers = z.object({
  self: z.object({
    agentUid: z.string().min(1),
    cluster: z.string().min(1),
    failureDomain: z.string().min(1),
  }),
  peers: z.array(
    z.object({
      agentUid: z.string().min(1),
      cluster: z.string(),
      failureDomain: z.string(),
      address: z.string(),
      generation: count,
    }),
  ),
});

const base64 = z.base64();
const presigned = z.object({
  ttlSeconds: count,
  records: z.array(base64).min(1),
  signatures: z.array(base64).min(1),
});
const dns = z.object({
  signing: z.record(
    name,
    z.object({
      dnskey: presigned,
      cds: presigned.optional(),
      cdnskey: presigned.optional(),
      signers: z
        .array(
          z.object({
            keyTag: z.number().int().min(0).max(65_535),
            algorithm: z.literal(13),
            privateKey: base64.min(1),
          }),
        )
        .min(1),
      signatureValiditySeconds: z.number().int().positive(),
    }),
  ),
  tsigKeys: z.record(
    z.string(),
    z.object({
      name,
      algorithm: z.enum(['hmac-sha256', 'hmac-sha384', 'hmac-sha512']),
      secret: base64.min(1),
    }),
  ),
});

const SCHEMAS: { readonly [N in keyof SnapshotContent]-?: z.ZodType } = {
  routing,
  probes,
  peers,
  dns,
  gateway: gatewayPart,
  gatewayFrame,
  gatewaySecrets: gatewaySecretsPart,
};

/** What is wrong with a part, as `path: message` lines; empty when nothing is. */
export function partProblems(part: keyof SnapshotContent, content: unknown): readonly string[] {
  return problemsOf(SCHEMAS[part], part, content);
}

/** The same of a piece that part `gatewayFrame` names. */
export function pieceProblems(content: unknown): readonly string[] {
  return problemsOf(gatewayPiece, 'gateway', content);
}

function problemsOf(schema: z.ZodType, at: string, content: unknown): readonly string[] {
  const result = schema.safeParse(content);
  if (result.success) return [];
  return result.error.issues.slice(0, 5).map((issue) => `${at}.${issue.path.join('.')}: ${issue.message}`);
}
