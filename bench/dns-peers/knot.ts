import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onPath, type Peer } from './peer.ts';
import { staticZone } from './static-zone.ts';

/** Knot DNS with its geoip module, by country and by weight. It has no failover by itself: those names are static. */
export const knot: Peer = {
  name: 'Knot geoip',
  find: () => onPath('knotd'),
  install: 'sudo apt-get install -y knot knot-module-geoip',
  async configure({ world, folder, port, geoDatabase }) {
    const geo: string[] = [];
    const weighted: string[] = [];
    for (const name of world.names) {
      if (name.kind === 'geo') {
        geo.push(`${name.name}:`);
        for (const { countries, address } of name.places)
          for (const country of countries) geo.push(`  - geo: "${country}"`, `    A: ${address}`);
      } else if (name.kind === 'weighted') {
        weighted.push(`${name.name}:`);
        for (const { address, weight } of name.members)
          weighted.push(`  - weight: ${weight}`, `    A: ${address}`);
      }
    }
    await writeFile(join(folder, 'geo.conf'), `${geo.join('\n')}\n`);
    await writeFile(join(folder, 'weighted.conf'), `${weighted.join('\n')}\n`);
    await writeFile(join(folder, 'zone'), staticZone(world));
    await writeFile(
      join(folder, 'knot.conf'),
      `
server:
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    rundir: "${folder}"
    edns-client-subnet: on
log:
  - target: stderr
    any: error
database:
    storage: "${folder}"
mod-geoip:
  - id: geo
    mode: geodb
    geodb-file: "${geoDatabase}"
    geodb-key: country/iso_code
    ttl: ${world.ttlSeconds}
    config-file: "${join(folder, 'geo.conf')}"
  - id: weighted
    mode: weighted
    ttl: ${world.ttlSeconds}
    config-file: "${join(folder, 'weighted.conf')}"
zone:
  - domain: ${world.zone}
    file: "${join(folder, 'zone')}"
    zonefile-sync: -1
    journal-content: none
    module: [mod-geoip/geo, mod-geoip/weighted]
`,
    );
    return { arguments: ['-c', join(folder, 'knot.conf')] };
  },
};
