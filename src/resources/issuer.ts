import { z } from 'zod';
import { secretKeyRef } from './health-check.ts';
import type { Condition } from './metadata.ts';

const count = z.number().int().min(1).max(10_000_000).optional();

/** What a CA allows, for the forecast; windows are the sliding ones that Let's Encrypt documents (letsencrypt.org/docs/rate-limits). */
const limits = z
  .strictObject({
    certificatesPerNameSet: count.describe('In 7 days, for exactly the same names.'),
    certificatesPerDomain: count.describe('In 7 days, per registered domain.'),
    ordersPerAccount: count.describe('In 3 hours.'),
    failuresPerName: count.describe('Failed validations of one name in an hour.'),
    namesPerCertificate: z.number().int().min(1).max(100).optional(),
  })
  .optional()
  .describe(
    "Default: Let's Encrypt's own (5, 50, 300, 5 and 100) for its directories, none for others. An order that would pass one waits.",
  );

const directory = z
  .url({ protocol: /^https$/, error: 'an https URL' })
  .max(2048)
  .describe('URL of the ACME directory (RFC 8555 section 7.1.1).');

const acme = z.strictObject({
  directory,
  staging: directory
    .optional()
    .describe("Directory for `portolan cert try`; default: Let's Encrypt's staging for its own directory."),
  email: z.email().max(254).optional().describe('Contact of the account.'),
  termsOfServiceAgreed: z
    .literal(true, 'must be true: the CA takes no account otherwise')
    .describe("Says that you agree to the CA's terms of service."),
  externalAccountBinding: z
    .strictObject({
      keyId: z.string().min(1).max(512),
      secret: secretKeyRef.describe('The HMAC key as the CA gives it: base64url.'),
    })
    .optional()
    .describe('For CAs that bind accounts to customers (RFC 8555 section 7.3.4).'),
  caSecret: secretKeyRef
    .optional()
    .describe("PEM bundle to trust instead of the system's roots: a CA of your own."),
  profile: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .optional()
    .describe('Profile that orders ask for, such as `shortlived` or `tlsserver`.'),
  preferredChain: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe('Common name of the issuer of the topmost certificate, where the CA offers several chains.'),
  limits,
});
export type AcmeIssuerSpec = z.output<typeof acme>;

const internal = z.strictObject({
  lifetimeDays: z.number().int().min(1).max(397).default(30),
});

export const issuerSpec = z
  .strictObject({
    acme: acme.optional(),
    internal: internal
      .optional()
      .describe("The hub's own development CA, which no browser trusts: `portolan gateway ca` prints it."),
  })
  .refine((spec) => (spec.acme === undefined) !== (spec.internal === undefined), {
    message: 'must have exactly one of acme and internal',
  });
export type IssuerSpec = z.output<typeof issuerSpec>;

export interface IssuerStatus {
  readonly conditions: readonly Condition[];
  readonly observedGeneration: number;
  /** URL of the account at the CA. */
  readonly account?: string;
  /** Profiles that the CA offers, with its own words about them. */
  readonly profiles?: Readonly<Record<string, string>>;
}
