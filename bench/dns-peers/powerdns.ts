import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchName, DnsWorld } from '../dns-world.ts';
import { bare, onPath, type Peer, type PeerSite } from './peer.ts';
import { fallbackOf, staticZone } from './static-zone.ts';

const find = (): string | undefined => onPath('pdns_server');
const install = 'sudo apt-get install -y pdns-server pdns-backend-geoip pdns-backend-bind';

/** PowerDNS with its geoip backend: services by country, weighted records. It has no failover there: those names are static. */
export const powerdnsGeoip: Peer = {
  name: 'PowerDNS geoip',
  find,
  install,
  async configure(site) {
    await writeFile(join(site.folder, 'geo.yaml'), domains(site.world));
    return command(site, [
      '--launch=geoip',
      `--geoip-database-files=mmdb:${site.geoDatabase}`,
      `--geoip-zones-file=${join(site.folder, 'geo.yaml')}`,
    ]);
  },
};

/** PowerDNS with a Lua record for each name, in a zone file of its bind backend. */
export const powerdnsLua: Peer = {
  name: 'PowerDNS Lua',
  find,
  install,
  async configure(site) {
    await writeFile(join(site.folder, 'zone'), staticZone(site.world, luaRecord));
    await writeFile(
      join(site.folder, 'named.conf'),
      `zone "${bare(site.world.zone)}" { type master; file "${join(site.folder, 'zone')}"; };\n`,
    );
    return command(site, [
      '--launch=bind,geoip',
      `--geoip-database-files=mmdb:${site.geoDatabase}`,
      `--bind-config=${join(site.folder, 'named.conf')}`,
      '--enable-lua-records=yes',
    ]);
  },
};

function command({ folder, port }: PeerSite, backend: readonly string[]) {
  return {
    arguments: [
      '--no-config',
      '--daemon=no',
      '--guardian=no',
      '--local-address=127.0.0.1',
      `--local-port=${port}`,
      `--socket-dir=${folder}`,
      `--config-dir=${folder}`,
      '--edns-subnet-processing=yes',
      '--receiver-threads=1',
      '--distributor-threads=1',
      '--disable-syslog=yes',
      '--loglevel=3',
      ...backend,
    ],
  };
}

/** Countries become sites by `custom_mapping`; what has no site falls to the second place of the service. */
function domains(world: DnsWorld): string {
  const places = world.names.flatMap((name) => (name.kind === 'geo' ? [name.places] : []))[0] ?? [];
  const mapping = places.flatMap(({ countries }, site) =>
    countries.map((country) => `  ${country.toLowerCase()}: site${site}`),
  );
  const records: string[] = [
    `    ${bare(world.zone)}:`,
    `      - soa: "${world.nameServer.name} hostmaster.${world.zone} 1 7200 1800 1209600 60"`,
    `      - ns: "${world.nameServer.name}"`,
    `    ${bare(world.nameServer.name)}:`,
    `      - a: ${world.nameServer.address}`,
  ];
  const services: string[] = [];
  for (const name of world.names) {
    const owner = bare(name.name);
    if (name.kind === 'geo') {
      name.places.forEach(({ address }, site) => {
        records.push(`    site${site}.${owner}:`, `      - a: ${address}`);
      });
      records.push(`    otherwise.${owner}:`, `      - a: ${name.otherwise}`);
      services.push(`    ${owner}: ["%mp.${owner}", "otherwise.${owner}"]`);
    } else if (name.kind === 'weighted') {
      records.push(`    ${owner}:`);
      for (const { address, weight } of name.members)
        records.push('      - a:', `          content: ${address}`, `          weight: ${weight}`);
    } else {
      records.push(`    ${owner}:`, `      - a: ${name.primary}`);
    }
  }
  return [
    'domains:',
    `- domain: ${bare(world.zone)}`,
    `  ttl: ${world.ttlSeconds}`,
    '  records:',
    ...records,
    '  services:',
    ...services,
    "mapping_lookup_formats: ['%cc']",
    'custom_mapping:',
    ...mapping,
    '',
  ].join('\n');
}

function luaRecord(name: BenchName): string {
  switch (name.kind) {
    case 'geo': {
      const cases = name.places.map(
        ({ countries, address }) =>
          `if country({${countries.map((c) => `'${c}'`).join(',')}}) then return '${address}' end`,
      );
      return `LUA A ";${cases.join(' ')} return '${name.otherwise}'"`;
    }
    case 'weighted':
      return `LUA A "pickwrandom({${name.members.map((m) => `{${m.weight},'${m.address}'}`).join(',')}})"`;
    case 'failover':
      return `LUA A "'${fallbackOf(name)}'"`;
  }
}
