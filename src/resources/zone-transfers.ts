import { z } from 'zod';
import { cidr } from './fields.ts';
import { objectName } from './metadata.ts';

/** A Secret of the zone's namespace with `name`, `algorithm` (such as hmac-sha256) and `secret` (base64). */
const tsigSecret = objectName.describe(
  'Secret with the TSIG key: `name`, `algorithm` (hmac-sha256, hmac-sha384 or hmac-sha512) and `secret` (base64).',
);

/** Who may copy the zone (AXFR, IXFR), and who is told of changes (NOTIFY). */
export const zoneTransfers = z.strictObject({
  allow: z
    .array(
      z
        .strictObject({
          ranges: z.array(cidr).min(1).max(50).optional().describe('Addresses it must come from.'),
          tsigSecret: tsigSecret.optional(),
        })
        .refine((rule) => rule.ranges !== undefined || rule.tsigSecret !== undefined, {
          message: 'a rule without ranges and without a TSIG key would let anybody copy the zone',
          params: { fix: 'Name `ranges`, `tsigSecret` or both.' },
        }),
    )
    .max(20)
    .default([])
    .describe('Each rule lets through whoever meets all it names.'),
  notify: z
    .array(
      z.strictObject({
        address: z.ipv4().or(z.ipv6()),
        port: z.number().int().min(1).max(65_535).default(53),
        tsigSecret: tsigSecret.optional(),
      }),
    )
    .max(20)
    .default([])
    .describe('Secondaries that are told when the zone changed (RFC 1996).'),
});
export type ZoneTransfers = z.output<typeof zoneTransfers>;
