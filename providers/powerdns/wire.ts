import { z } from 'zod';

/* What the API answers (https://doc.powerdns.com/authoritative/http-api/zone.html); fields that are not used are left out. */

const record = z.object({ content: z.string(), disabled: z.boolean().default(false) });

export const rrset = z.object({
  name: z.string(),
  type: z.string(),
  ttl: z.number().int().optional(),
  records: z.array(record).default([]),
});
export type ApiRrset = z.output<typeof rrset>;

export const zoneHead = z.object({
  /** `example.com.`, with `/` and the like as `=2F`. */
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  dnssec: z.boolean().optional(),
});
export type ApiZoneHead = z.output<typeof zoneHead>;

export const zoneList = z.array(zoneHead);
export const zoneWhole = zoneHead.extend({ rrsets: z.array(rrset) });
export const serverInfo = z.object({ version: z.string(), daemon_type: z.string().optional() });
export const settings = z.array(z.object({ name: z.string(), value: z.string().default('') }));
export const failure = z.object({ error: z.string() });
