import { z } from 'zod';

/** Signing of a zone by its name servers: present means signed. */
export const zoneDnssec = z
  .strictObject({
    zskLifetimeDays: z
      .number()
      .int()
      .min(1)
      .max(3650)
      .default(90)
      .describe('Age at which the zone-signing key is replaced, by itself.'),
    signatureValidityDays: z
      .number()
      .int()
      .min(2)
      .max(60)
      .default(7)
      .describe('Lifetime of the signatures that name servers make.'),
    dnskeyValidityDays: z
      .number()
      .int()
      .min(8)
      .max(90)
      .default(21)
      .describe(
        'Lifetime of the signatures over the DNSKEY set, which the hub makes: how long the zone outlives the hub.',
      ),
  })
  .describe('Sign the zone (ECDSA P-256, compact denial of existence). Leave it out for an unsigned zone.');
export type ZoneDnssec = z.output<typeof zoneDnssec>;
