import type { CompileInput, ProviderZone } from '../../../providers/contract.ts';
import { parseName } from '../../../src/dns/name.ts';
import type { Target } from '../../../src/health/types.ts';
import type { PlacedMember, PlaceGroup, Placement, TypePlacement } from '../../../src/plan/placement.ts';
import { dnsProviderSpec } from '../../../src/resources/dns-provider.ts';
import { checkSpec } from '../../../src/resources/health-check.ts';

/* Placements for tests of what Route 53 makes of them. */

export const ZONE: ProviderZone = {
  origin: parseName('example.com'),
  id: 'Z0000000000001',
  private: false,
  nameServers: [],
};

const SPEC = dnsProviderSpec.parse({ zones: [{ origin: 'example.com' }], route53: {} });

export function targetOf(address: string, check: unknown = { protocol: 'tcp', port: 443 }): Target {
  const parsed = checkSpec.parse(check);
  return {
    id: address,
    cluster: 'shop/c1',
    failureDomain: 'c1',
    address,
    port: parsed.port,
    check: parsed,
    defaultHost: 'www.example.com.',
  };
}

export function memberOf(
  endpoint: string,
  weight: number,
  values: readonly string[],
  check?: unknown,
): PlacedMember {
  return {
    endpoint,
    cluster: `shop/${endpoint}`,
    weight,
    values,
    targets: values.map((value) => targetOf(value, check)),
  };
}

export function groupOf(
  id: string,
  places: readonly string[],
  ...tiers: readonly (readonly PlacedMember[])[]
): PlaceGroup {
  return { id, places, tiers: tiers.map((members) => ({ members })) };
}

export function placementOf(types: readonly TypePlacement[], more: Partial<Placement> = {}): Placement {
  return {
    hostname: parseName('www.example.com'),
    policy: 'shop/www',
    ttlSeconds: 30,
    decider: 'portolan',
    types,
    features: [],
    accepted: [],
    ...more,
  };
}

export function inputOf(placement: Placement, zone: ProviderZone = ZONE): CompileInput {
  const relative =
    placement.hostname === zone.origin ? '_apex' : placement.hostname.slice(0, -zone.origin.length - 1);
  return { placement, zone, spec: SPEC, poolSuffix: parseName(`${relative}._pool._portolan.${zone.origin}`) };
}
