import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isExecutable, type Peer } from './peer.ts';
import { fallbackOf, staticZone } from './static-zone.ts';

/**
 * CoreDNS with a view for each site by its geoip plug-in, and its weighted load balancing. It has no failover by itself: those
 * names are static. Debian has no package of it: COREDNS_BIN names the program.
 */
export const coredns: Peer = {
  name: 'CoreDNS',
  find: () => {
    const path = process.env.COREDNS_BIN;
    return path !== undefined && isExecutable(path) ? path : undefined;
  },
  install: 'set COREDNS_BIN to a CoreDNS program',
  async configure({ world, folder, port, geoDatabase }) {
    const places = world.names.flatMap((name) => (name.kind === 'geo' ? [name.places] : []))[0] ?? [];
    const weights = world.names.flatMap((name) =>
      name.kind === 'weighted'
        ? [name.name, ...name.members.map(({ address, weight }) => `${address} ${weight}`)]
        : [],
    );
    await writeFile(join(folder, 'weights'), `${weights.join('\n')}\n`);
    const zoneOf = async (site: number | undefined): Promise<string> => {
      const file = join(folder, site === undefined ? 'zone' : `zone-${site}`);
      const lines = staticZone(world, (name) => {
        if (name.kind === 'weighted') {
          const owner = `${name.name} ${world.ttlSeconds} IN A`;
          return `A ${name.members.map(({ address }) => address).join(`\n${owner} `)}`;
        }
        const place = name.kind === 'geo' && site !== undefined ? name.places[site]?.address : undefined;
        return `A ${place ?? fallbackOf(name)}`;
      });
      await writeFile(file, lines);
      return file;
    };
    const block = (file: string, view: string): string => `
${world.zone}:${port} {
    bind 127.0.0.1
    metadata
    geoip ${geoDatabase} {
        edns-subnet
    }
    ${view}
    loadbalance weighted ${join(folder, 'weights')}
    file ${file}
}`;
    const blocks: string[] = [];
    for (const [site, { countries }] of places.entries()) {
      const list = countries.map((c) => `'${c}'`).join(', ');
      const view = `view site${site} {\n        expr metadata('geoip/country/code') in [${list}]\n    }`;
      blocks.push(block(await zoneOf(site), view));
    }
    blocks.push(block(await zoneOf(undefined), ''));
    await writeFile(join(folder, 'Corefile'), `${blocks.join('\n')}\n`);
    return { arguments: ['-conf', join(folder, 'Corefile')], env: { GOMAXPROCS: '1' } };
  },
};
