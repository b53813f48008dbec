import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COUNTRIES } from '../../src/routing/countries.ts';
import type { DnsWorld } from '../dns-world.ts';
import { bare, onPath, type Peer } from './peer.ts';

/** gdnsd with its geoip, weighted and simplefo plug-ins; a resource for each name. */
export const gdnsd: Peer = {
  name: 'gdnsd',
  find: () => onPath('gdnsd'),
  install: 'sudo apt-get install -y gdnsd',
  async configure({ world, folder, port, geoDatabase }) {
    await Promise.all(
      ['zones', 'run', 'state', 'geoip'].map((name) => mkdir(join(folder, name), { recursive: true })),
    );
    await writeFile(join(folder, 'config'), config(world, folder, port, geoDatabase));
    await writeFile(join(folder, 'zones', bare(world.zone)), zone(world));
    return { arguments: ['-c', folder, '-R', 'start'] };
  },
};

function config(world: DnsWorld, folder: string, port: number, geoDatabase: string): string {
  const geo = world.names.filter((name) => name.kind === 'geo');
  const [first] = geo;
  const sites = first?.places ?? [];
  const order = (site: number): string =>
    `[${[site, ...sites.keys().filter((other) => other !== site)].map((at) => `dc${at}`).join(', ')}]`;
  const byContinent = new Map<string, string[]>();
  sites.forEach(({ countries }, site) => {
    for (const country of countries) {
      const continent = COUNTRIES.get(country)?.continent ?? 'EU';
      byContinent.set(continent, [...(byContinent.get(continent) ?? []), `${country} => ${order(site)}`]);
    }
  });
  const map = [...byContinent].map(([continent, lines]) => `${continent} => { ${lines.join(' ')} }`);
  const weighted = world.names.flatMap((name, i) =>
    name.kind === 'weighted'
      ? [`r${i} => { ${name.members.map((m, at) => `m${at} = [${m.address}, ${m.weight}]`).join(' ')} }`]
      : [],
  );
  const failover = world.names.flatMap((name, i) =>
    name.kind === 'failover'
      ? [`r${i} => { primary => ${name.primary} secondary => ${name.secondary} }`]
      : [],
  );
  const geographic = world.names.flatMap((name, i) =>
    name.kind === 'geo'
      ? [
          `r${i} => { map => m dcmap => { ${name.places.map((p, at) => `dc${at} => ${p.address}`).join(' ')} } }`,
        ]
      : [],
  );
  return `
options => {
  listen => { 127.0.0.1:${port} => { udp_threads => 1 tcp_threads => 1 } }
  run_dir => ${join(folder, 'run')}
  state_dir => ${join(folder, 'state')}
}
plugins => {
  geoip => {
    service_types => up
    maps => { m => {
      geoip2_db => ${geoDatabase}
      datacenters => ${order(0)}
      map => { ${map.join(' ')} }
    } }
    resources => { ${geographic.join('\n')} }
  }
  weighted => { service_types => up ${weighted.join('\n')} }
  simplefo => { service_types => up ${failover.join('\n')} }
}
`.replaceAll(' = [', ' => [');
}

function zone(world: DnsWorld): string {
  const plugin = { geo: 'geoip', weighted: 'weighted', failover: 'simplefo' } as const;
  return [
    `@ 300 SOA ${world.nameServer.name} hostmaster.${world.zone} 1 7200 1800 1209600 60`,
    `@ 300 NS ${world.nameServer.name}`,
    `ns1 300 A ${world.nameServer.address}`,
    ...world.names.map(({ name, kind }, i) => `${name} ${world.ttlSeconds} DYNA ${plugin[kind]}!r${i}`),
    '',
  ].join('\n');
}
