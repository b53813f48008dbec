import { z } from 'zod';
import type { AidSpec } from '../../src/plan/aid.ts';

/** What of a health check people have to know; `health-check-config.ts` makes it. */
const healthCheck = z.object({
  Type: z.string(),
  IPAddress: z.string().optional(),
  FullyQualifiedDomainName: z.string().optional(),
  Port: z.number(),
  ResourcePath: z.string().default(''),
  SearchString: z.string().optional(),
  RequestInterval: z.number(),
});

/** `HTTPS 203.0.113.5:443/healthz (Host shop.example.com) every 30 s`, on one line. */
export function describeAid({ spec }: AidSpec): readonly string[] {
  const parsed = healthCheck.safeParse(spec);
  if (!parsed.success) return [JSON.stringify(spec)];
  const { Type, IPAddress, FullyQualifiedDomainName: host, Port, ResourcePath, ...rest } = parsed.data;
  const at = IPAddress ?? host ?? '';
  const parts = [
    Type.replace('_STR_MATCH', ''),
    `${at.includes(':') ? `[${at}]` : at}:${Port}${ResourcePath}`,
    ...(IPAddress === undefined || host === undefined ? [] : [`(Host ${host})`]),
    ...(rest.SearchString === undefined ? [] : [`looking for ${JSON.stringify(rest.SearchString)}`]),
    `every ${rest.RequestInterval} s`,
  ];
  return [parts.join(' ')];
}
