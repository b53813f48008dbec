import { z } from 'zod';
import { type Condition, objectName } from './metadata.ts';
import { labelMap, routeHostname } from './route-fields.ts';

export const KEY_ALGORITHMS = ['ECDSA-P256', 'ECDSA-P384', 'RSA-2048', 'RSA-3072', 'RSA-4096'] as const;
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];
export const CHALLENGE_TYPES = ['dns-01', 'http-01', 'tls-alpn-01'] as const;
export type ChallengeType = (typeof CHALLENGE_TYPES)[number];

export const certificatePolicySpec = z
  .strictObject({
    issuers: z
      .array(objectName)
      .min(1)
      .max(4)
      .refine((names) => new Set(names).size === names.length, 'names an Issuer twice')
      .describe(
        'Issuers of the same namespace: the first that can; the others stand in while it cannot be had.',
      ),
    dnsNames: z
      .array(routeHostname)
      .min(1)
      .max(1000)
      .optional()
      .describe(
        'Default, without `selector`: the hostnames of the listeners whose `tls.certificateRefs` name this policy.',
      ),
    selector: z
      .strictObject({
        trafficPolicies: labelMap
          .optional()
          .describe('Labels that a TrafficPolicy must have: its hostnames.'),
        gateways: labelMap.optional().describe("Labels that a Gateway must have: its listeners' hostnames."),
      })
      .refine((s) => s.trafficPolicies !== undefined || s.gateways !== undefined, 'selects nothing')
      .optional()
      .describe('Names taken from other objects of the namespace, beside `dnsNames`.'),
    namesPerCertificate: z
      .number()
      .int()
      .min(1)
      .max(100)
      .default(100)
      .describe('More names than this become several certificates.'),
    key: z
      .strictObject({
        algorithm: z.enum(KEY_ALGORITHMS).default('ECDSA-P256'),
        reuse: z.boolean().default(false).describe('Keep the key when the certificate is renewed.'),
        location: z
          .enum(['hub', 'agent'])
          .default('hub')
          .describe(
            '`agent`: each cluster makes a key that never leaves it, and gets a certificate of its own for it.',
          ),
        clusterName: z
          .string()
          .max(253)
          .regex(
            /^([a-z0-9-]+\.)*[a-z0-9-]*\{cluster\}[a-z0-9-]*(\.[a-z0-9-]+)+$/,
            'a host name with {cluster} in it',
          )
          .optional()
          .describe(
            'With `location: agent`: a further name per cluster, such as `{cluster}.shop.example.com`, so that a CA does not count the same set of names once per cluster.',
          ),
      })
      .refine((key) => key.clusterName === undefined || key.location === 'agent', {
        path: ['clusterName'],
        message: 'is for keys made by agents: set location: agent',
      })
      .prefault({}),
    challenge: z
      .enum(['auto', ...CHALLENGE_TYPES])
      .default('auto')
      .describe(
        '`auto`: dns-01 where a Zone or DNSProvider of the namespace holds the name (or what its `_acme-challenge` leads to), else http-01 through the gateways.',
      ),
    renewal: z
      .strictObject({
        ari: z
          .boolean()
          .default(true)
          .describe('Follow the window that the CA suggests (RFC 9773), where it does.'),
        remainingPercent: z
          .number()
          .int()
          .min(5)
          .max(95)
          .optional()
          .describe(
            'Of its life, when it is renewed without a suggestion; default 33, of lives to 10 days 50.',
          ),
      })
      .prefault({}),
    clusters: labelMap
      .optional()
      .describe(
        'Labels of Clusters that get it, whether a Gateway there names it or not: for files and Kubernetes Secrets (`certificates.exports` of the agent).',
      ),
  })
  .superRefine((spec, context) => {
    const wildcard = (spec.dnsNames ?? []).find((name) => name.startsWith('*.'));
    if (wildcard !== undefined && (spec.challenge === 'http-01' || spec.challenge === 'tls-alpn-01'))
      context.addIssue({
        code: 'custom',
        path: ['challenge'],
        message: `${wildcard} is a wildcard, which CAs give for dns-01 only`,
        params: { fix: 'Set challenge: dns-01 or auto, or remove the wildcard.' },
      });
  });
export type CertificatePolicySpec = z.output<typeof certificatePolicySpec>;

/** One certificate of a policy. Instants are RFC 3339. */
export interface CertificateStatus {
  /** `cert-1a2b3c4d`: for `portolan cert describe`. */
  readonly id: string;
  readonly dnsNames: readonly string[];
  /** With keys made by agents: whose. */
  readonly cluster?: string;
  readonly state: 'waiting' | 'ordering' | 'valid' | 'expiring' | 'expired' | 'failing';
  /** Issuer that it came from. */
  readonly issuer?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly renewAt?: string;
  /** Hex, of the leaf. */
  readonly sha256?: string;
  /** What it waits for, or what went wrong last. */
  readonly message?: string;
}

export interface CertificatePolicyStatus {
  readonly conditions: readonly Condition[];
  readonly observedGeneration: number;
  readonly certificates: readonly CertificateStatus[];
  /** Clusters that have it, and what they show on their gateways. */
  readonly clusters: readonly {
    readonly name: string;
    /** Their agents have the newest certificates. */
    readonly delivered: boolean;
    /** What was shown when they were asked from outside. */
    readonly served: 'yes' | 'no' | 'pending' | 'off';
    readonly detail?: string;
  }[];
}
