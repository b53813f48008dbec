import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { tryParseName } from '../dns/name.ts';

/** A domain name as a person writes it; stored with lower case and trailing dot. */
export const domainName = z
  .string()
  .max(254)
  .transform((text, context) => {
    const name = tryParseName(text);
    if (typeof name === 'object') {
      context.addIssue({ code: 'custom', message: name.reason, params: { code: 'DNS_NAME_INVALID' } });
      return z.NEVER;
    }
    return name;
  });

/** An IPv4 or IPv6 address in text; IPv6 is stored in RFC 5952 form. */
export const ipAddress = z
  .union([z.ipv4(), z.ipv6()], 'an IPv4 or IPv6 address')
  .transform((text) => ipaddr.parse(text).toString());

/** A CIDR block; host bits are cleared on parse. */
export const cidr = z
  .union([z.cidrv4(), z.cidrv6()], 'a CIDR block such as 192.0.2.0/24')
  .transform((text) => {
    const [address, prefix] = ipaddr.parseCIDR(text);
    const network =
      address.kind() === 'ipv4'
        ? ipaddr.IPv4.networkAddressFromCIDR(text)
        : ipaddr.IPv6.networkAddressFromCIDR(text);
    return `${network.toString()}/${prefix}`;
  });

export const port = z.number().int().min(1).max(65535);

/** ISO 3166-1 alpha-2, upper case. */
export const countryCode = z
  .string()
  .regex(/^[A-Z]{2}$/, 'an ISO 3166-1 alpha-2 country code in upper case, such as DE')
  .describe('ISO 3166-1 alpha-2, upper case, such as DE.');

/** ISO 3166-2, such as US-CA. */
export const subdivisionCode = z
  .string()
  .regex(/^[A-Z]{2}-[A-Z0-9]{1,3}$/, 'an ISO 3166-2 subdivision code, such as US-CA')
  .describe('ISO 3166-2, such as US-CA.');

export const continentCode = z.enum(['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA']);
export type ContinentCode = z.output<typeof continentCode>;

/** A named region: built in (EU, EEA, Europe) or defined by the operator in the hub configuration. */
export const regionName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'a region name, such as EU or EEA');

export const percent = z.number().min(0).max(100);

/** A mapping with at most so many entries, which its JSON Schema says as well (a refinement alone would be code that it cannot show). */
export function boundedRecord<K extends z.ZodType<string, string>, V extends z.ZodType>(
  key: K,
  value: V,
  most: number,
  noun = 'entries',
) {
  return z
    .record(key, value)
    .refine((entries) => Object.keys(entries).length <= most, `at most ${most} ${noun}`)
    .meta({ maxProperties: most });
}
