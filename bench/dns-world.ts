import { type DomainName, parseName } from '../src/dns/name.ts';
import { CLASS, TYPE } from '../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../src/dns/wire/message.ts';
import { createStateView, type HeldStateView } from '../src/health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../src/health/types.ts';
import type { RoutingPart } from '../src/protocol/snapshot.ts';
import { zoneSpec } from '../src/resources/zone.ts';
import { regionTable } from '../src/routing/geography.ts';
import type { GeoLookup, RoutedEndpoint, RoutedGeoRule, RoutedPolicy } from '../src/routing/model.ts';
import { geoRule, policyOf, seeded, tier } from '../src/routing/testing/world.ts';

/*
 * The data of `bench/dns.ts`, the same for every server: one zone with 10,000 names, a third each geographic, weighted and
 * failover, and 100,000 queries, half of them with a client subnet. Plain data, so that each server's configuration can be
 * made of it; the same on every run.
 */

/** The sites a name is answered with, and the countries each is nearest to. Documentation addresses (RFC 5737). */
const SITES = [
  {
    site: 'eu',
    country: 'DE',
    prefix: '192.0.2',
    countries: ['DE', 'FR', 'GB', 'NL', 'ES', 'IT', 'PL', 'SE', 'CH', 'AT'],
  },
  { site: 'na', country: 'US', prefix: '198.51.100', countries: ['US', 'CA', 'MX', 'BR', 'AR', 'CL'] },
  {
    site: 'ap',
    country: 'JP',
    prefix: '203.0.113',
    countries: ['JP', 'SG', 'KR', 'IN', 'AU', 'CN', 'ID', 'TW'],
  },
] as const;

export interface BenchPlace {
  readonly countries: readonly string[];
  readonly address: string;
}

/** What one name does. Every address is IPv4; a client without a known country gets `otherwise`. */
export type BenchName =
  | {
      readonly kind: 'geo';
      readonly name: DomainName;
      readonly places: readonly BenchPlace[];
      readonly otherwise: string;
    }
  | {
      readonly kind: 'weighted';
      readonly name: DomainName;
      readonly members: readonly { readonly address: string; readonly weight: number }[];
    }
  | {
      readonly kind: 'failover';
      readonly name: DomainName;
      readonly primary: string;
      readonly secondary: string;
    };

export interface DnsWorld {
  readonly zone: DomainName;
  readonly nameServer: { readonly name: DomainName; readonly address: string };
  /** Of every answer. */
  readonly ttlSeconds: number;
  readonly names: readonly BenchName[];
}

const KINDS = ['geo', 'weighted', 'failover'] as const;

/** @param count names in the zone */
export function dnsWorld(count = 10_000): DnsWorld {
  const zone = parseName('bench.example');
  const names = Array.from({ length: count }, (_, i) => nameOf(zone, i));
  return {
    zone,
    nameServer: { name: parseName(`ns1.${zone}`), address: '127.0.0.1' },
    ttlSeconds: 30,
    names,
  };
}

function nameOf(zone: DomainName, index: number): BenchName {
  const kind = KINDS[index % KINDS.length] ?? 'geo';
  const name = parseName(`${kind}-${index}.${zone}`);
  const host = 1 + (Math.trunc(index / KINDS.length) % 250);
  const [eu, na, ap] = [
    `${SITES[0].prefix}.${host}`,
    `${SITES[1].prefix}.${host}`,
    `${SITES[2].prefix}.${host}`,
  ];
  switch (kind) {
    case 'geo': {
      const places = SITES.map(({ prefix, countries }) => ({ countries, address: `${prefix}.${host}` }));
      return { kind, name, places, otherwise: eu };
    }
    case 'weighted': {
      const members = [
        { address: eu, weight: 50 },
        { address: na, weight: 30 },
        { address: ap, weight: 20 },
      ];
      return { kind, name, members };
    }
    case 'failover':
      return { kind, name, primary: eu, secondary: na };
  }
}

/** The world as the hub would publish it to its name servers. */
export function routingOf(
  world: DnsWorld,
  sequence = 1,
): Pick<RoutingPart, 'sequence' | 'zones' | 'policies' | 'regions'> {
  const spec = zoneSpec.parse({
    origin: world.zone,
    ttlSeconds: 300,
    nameServers: [{ name: world.nameServer.name, addresses: [world.nameServer.address] }],
  });
  return {
    sequence,
    zones: [{ namespace: 'default', name: 'bench', spec }],
    policies: world.names.map((name, i) => policyFor(name, i, world.ttlSeconds)),
    regions: regionTable(),
  };
}

/** Everything up and no change in sight, in a view as the hub and the agents make it. */
export function healthyView({ policies }: Pick<RoutingPart, 'policies'>): HeldStateView {
  const targets = policies.flatMap(({ endpoints }) =>
    endpoints.flatMap(({ addresses }) => addresses.map(({ targetId }) => targetId)),
  );
  const up = { state: 'up', earliestChangeMs: NO_PENDING_CHANGE_MS } as const;
  return createStateView(
    {
      targets: new Map(targets.map((id) => [id, up])),
      drains: new Map(),
      lastHealthy: new Map(),
      takenAtMs: performance.now(),
      freshAtMs: Number.POSITIVE_INFINITY,
    },
    () => performance.now(),
  );
}

function policyFor(name: BenchName, index: number, ttlSeconds: number): RoutedPolicy {
  const base = { name: `${name.kind}-${index}`, hostnames: [name.name], ttlSeconds };
  switch (name.kind) {
    case 'geo': {
      const rule = ({ countries, address }: BenchPlace): RoutedGeoRule =>
        geoRule(siteOf(address).site, { countries }, tier(siteOf(address).site));
      return policyOf({
        ...base,
        endpoints: name.places.map(({ address }) => endpointOf(address)),
        geo: name.places.map(rule),
        defaultTiers: [tier(siteOf(name.otherwise).site)],
      });
    }
    case 'weighted':
      return policyOf({
        ...base,
        endpoints: name.members.map(({ address }) => endpointOf(address)),
        defaultTiers: [
          tier(...name.members.map(({ address, weight }) => [siteOf(address).site, weight] as const)),
        ],
      });
    case 'failover':
      return policyOf({
        ...base,
        endpoints: [name.primary, name.secondary].map(endpointOf),
        defaultTiers: [name.primary, name.secondary].map((address) => tier(siteOf(address).site)),
      });
  }
}

function endpointOf(address: string): RoutedEndpoint {
  const { site, country } = siteOf(address);
  return {
    name: site,
    cluster: `default/${site}`,
    country,
    capacity: 1,
    kind: 'addresses',
    addresses: [{ address, family: 4, targetId: address }],
  };
}

function siteOf(address: string): (typeof SITES)[number] {
  return SITES.find(({ prefix }) => address.startsWith(`${prefix}.`)) ?? SITES[0];
}

/** A client's network as resolvers announce it, and the country GeoIP has for all of it. */
export interface ClientNetwork {
  /** The first three octets; it is a /24. */
  readonly octets: readonly [number, number, number];
  readonly country: string;
}

/** Networks all over the address space that lie in one known country each, by the database given. */
export function clientNetworks(geo: GeoLookup, count = 20_000): readonly ClientNetwork[] {
  const random = seeded(1);
  const networks: ClientNetwork[] = [];
  for (let tries = 0; networks.length < count && tries < 100 * count; tries += 1) {
    const octets = [1 + Math.floor(random() * 222), octet(random), octet(random)] as const;
    const bytes = Uint8Array.from([...octets, 0]);
    const { location, exact } = geo.locate({ family: 4, bytes, prefixLength: 24, source: 'ecs' });
    if (location.country !== undefined && exact) networks.push({ octets, country: location.country });
  }
  return networks;
}

/**
 * A/IN queries for the names of the world in random order, all with EDNS, every other one with a client subnet, as `dnsperf -B` reads
 * them: each message after its length in two octets (RFC 1035 section 4.2.2). dnsperf sets the message ids.
 */
export function queryFile(world: DnsWorld, networks: readonly ClientNetwork[], count = 100_000): Uint8Array {
  const random = seeded(2);
  const parts: Uint8Array[] = [];
  const queries = world.names.map(({ name }) =>
    encodeMessage(makeQuery(0, { name, type: TYPE.A, class: CLASS.IN })),
  );
  for (let i = 0; i < count; i += 1) {
    const query = pick(queries, random);
    const message = i % 2 === 0 ? query : withSubnet(query, pick(networks, random).octets);
    parts.push(Uint8Array.of(message.length >> 8, message.length & 0xff), message);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** An OPT record without options (RFC 6891 section 6.1.2). */
const OPT_OCTETS = 11;

/** The query, which ends with an OPT record without options, with a client subnet of 24 bits in it (RFC 7871 section 6). */
function withSubnet(query: Uint8Array, octets: ClientNetwork['octets']): Uint8Array {
  const subnet = [0, 8, 0, 7, 0, 1, 24, 0, ...octets];
  const opt = query.slice(-OPT_OCTETS);
  opt[OPT_OCTETS - 1] = subnet.length;
  return Uint8Array.from([...query.subarray(0, -OPT_OCTETS), ...opt, ...subnet]);
}

function pick<T>(from: readonly T[], random: () => number): T {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined) throw new RangeError('nothing to pick from');
  return found;
}

function octet(random: () => number): number {
  return Math.floor(random() * 256);
}
