import { z } from 'zod';
import { tryParseName } from '../../src/dns/name.ts';
import type { ProviderZone } from '../contract.ts';

/** `ManagedZone` of the API v1, as far as it matters here. https://cloud.google.com/dns/docs/reference/rest/v1/managedZones */
export const managedZone = z.object({
  name: z.string(),
  dnsName: z.string(),
  visibility: z.string().optional(),
  nameServers: z.array(z.string()).optional(),
  dnssecConfig: z.object({ state: z.string().optional() }).optional(),
  forwardingConfig: z.unknown().optional(),
  peeringConfig: z.unknown().optional(),
  serviceDirectoryConfig: z.unknown().optional(),
  reverseLookupConfig: z.unknown().optional(),
});

export const managedZonePage = z.object({
  managedZones: z.array(managedZone).optional(),
  nextPageToken: z.string().optional(),
});

/** `undefined` for a zone that holds no records of its own: one that forwards, peers or asks another service. */
export function readZone(zone: z.output<typeof managedZone>): ProviderZone | undefined {
  const origin = tryParseName(zone.dnsName);
  if (typeof origin !== 'string') return undefined;
  const elsewhere = [
    zone.forwardingConfig,
    zone.peeringConfig,
    zone.serviceDirectoryConfig,
    zone.reverseLookupConfig,
  ];
  if (elsewhere.some((config) => config !== undefined)) return undefined;
  return {
    origin,
    id: zone.name,
    private: zone.visibility === 'private',
    nameServers: (zone.nameServers ?? []).flatMap((name) => {
      const parsed = tryParseName(name);
      return typeof parsed === 'string' ? [parsed] : [];
    }),
  };
}
