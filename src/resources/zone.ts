import { z } from 'zod';
import { domainName, ipAddress } from './fields.ts';
import { type Condition, objectName } from './metadata.ts';
import { zoneDnssec } from './zone-dnssec.ts';
import type { ZoneDnssecStatus } from './zone-dnssec-status.ts';
import { zoneTransfers } from './zone-transfers.ts';

const ttl = z.number().int().min(0).max(2_147_483_647);

export const zoneSpec = z.strictObject({
  origin: domainName.describe('Apex of the zone.'),
  nameServers: z
    .array(z.strictObject({ name: domainName, addresses: z.array(ipAddress).max(8).default([]) }))
    .min(1)
    .max(13)
    .describe('The NS RRset at the apex; addresses are published as glue when the name lies in the zone.'),
  soa: z
    .strictObject({
      mname: domainName.optional().describe('Primary name server; default: the first of `nameServers`.'),
      rname: domainName
        .optional()
        .describe('Mailbox of the person responsible as a domain name; default: hostmaster.<origin>.'),
      refreshSeconds: ttl.default(7200),
      retrySeconds: ttl.default(1800),
      expireSeconds: z
        .number()
        .int()
        .min(604_800)
        .max(2_147_483_647)
        .default(1_209_600)
        .describe('At least 7 days, so that a long hub outage does not end the zone.'),
      minimumSeconds: ttl.default(60).describe('TTL of negative answers (RFC 2308).'),
    })
    .prefault({}),
  ttlSeconds: ttl.default(300),
  records: z
    .array(
      z.strictObject({
        name: z
          .string()
          .min(1)
          .max(254)
          .describe('Relative to the origin, `@` for the apex, or absolute with a trailing dot.'),
        type: z
          .string()
          .max(32)
          .regex(/^[A-Z][A-Z0-9-]*$/, 'a record type in upper case, such as MX')
          .describe(
            'Such as A, AAAA, CNAME, DNAME, MX, TXT, CAA, SRV, HTTPS, SVCB, NS (delegation), DS, PTR, NAPTR, TLSA, SSHFP; any other as TYPEnnn (RFC 3597).',
          ),
        ttlSeconds: ttl.optional(),
        data: z
          .array(z.string().min(1).max(65_535))
          .min(1)
          .max(1000)
          .describe('Record data in zone-file presentation format, one string a record.'),
      }),
    )
    .max(100_000)
    .default([]),
  dnssec: zoneDnssec.optional(),
  transfers: zoneTransfers.optional(),
  delegation: z
    .strictObject({
      provider: objectName.describe(
        'DNSProvider of the same namespace with a zone above the origin: NS, glue and (when the zone is signed) DS are kept there.',
      ),
      ttlSeconds: z
        .number()
        .int()
        .min(60)
        .max(172_800)
        .default(3600)
        .describe('Of these records; resolvers may hold on to them for this long.'),
    })
    .optional()
    .describe('Have a DNS provider lead resolvers to the name servers of this zone.'),
});
export type ZoneSpec = z.output<typeof zoneSpec>;

export interface ZoneStatus {
  readonly conditions: readonly Condition[];
  readonly serial?: number;
  /** Absent for a zone that was never signed. */
  readonly dnssec?: ZoneDnssecStatus;
}
