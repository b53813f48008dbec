import type { BenchName, DnsWorld } from '../dns-world.ts';

/** The world as a zone file in which every name has one address: that of a client nothing is known of. */
export function staticZone(
  world: DnsWorld,
  recordOf: (name: BenchName) => string = (name) => `A ${fallbackOf(name)}`,
): string {
  return [
    `${world.zone} 300 IN SOA ${world.nameServer.name} hostmaster.${world.zone} 1 7200 1800 1209600 60`,
    `${world.zone} 300 IN NS ${world.nameServer.name}`,
    `${world.nameServer.name} 300 IN A ${world.nameServer.address}`,
    ...world.names.map((name) => `${name.name} ${world.ttlSeconds} IN ${recordOf(name)}`),
    '',
  ].join('\n');
}

export function fallbackOf(name: BenchName): string {
  switch (name.kind) {
    case 'geo':
      return name.otherwise;
    case 'weighted':
      return name.members[0]?.address ?? '';
    case 'failover':
      return name.primary;
  }
}
