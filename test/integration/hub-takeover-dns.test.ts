import { expect, it } from 'vitest';
import { startPostgres } from '../support/postgres.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { addressesAt, type FleetHub, leads, objectPath, startFleet, write } from './hub-election/fleet.ts';

const suite = 'the name server of a hub that takes over';
const postgresql = await requireServer('postgresql', suite);

it.skipIf(!postgresql.available)(
  `${suite} answers all the while, though it does not know yet how its targets are`,
  async () => {
    const server = await startPostgres();
    try {
      await using fleet = await startFleet(server, { leaseSeconds: 4 });
      const one = await fleet.start('one');
      const two = await fleet.start('two');
      const make = async (path: string, kind: string, name: string, spec: object): Promise<void> => {
        const { status } = await fleet.ask(one, objectPath(path), write(kind, name, spec));
        expect(status).toBe(201);
      };
      await make('clusters', 'Cluster', 'de', { location: { country: 'DE' }, addresses: ['198.51.100.1'] });
      await make('zones', 'Zone', 'ha', {
        origin: 'ha.example',
        nameServers: [{ name: 'ns.ha.example', addresses: ['192.0.2.53'] }],
        records: [{ name: 'fixed', type: 'A', ttlSeconds: 60, data: ['192.0.2.7'] }],
      });
      await make('trafficpolicies', 'TrafficPolicy', 'www', {
        hostnames: ['www.ha.example'],
        endpoints: [{ name: 'de', cluster: 'de' }],
        healthCheck: { inline: { protocol: 'tcp', port: 9, intervalSeconds: 1 } },
        routing: { default: { tiers: [{ members: [{ endpoint: 'de' }] }] } },
      });
      const answers = async (hub: FleetHub): Promise<string> =>
        [await addressesAt(hub, 'www.ha.example'), await addressesAt(hub, 'fixed.ha.example')].join();
      const all = '198.51.100.1,192.0.2.7';
      await until('both answer', async () => (await answers(one)) === all, 10_000);
      await until('both answer', async () => (await answers(two)) === all, 10_000);
      one.process.kill('SIGKILL');
      await until('it leads', () => leads(fleet, two), 30_000);
      // It waits 4.5 s at least before it trusts what it knows of its targets.
      await until('it answers as before', async () => (await answers(two)) === all, 2_500, 50);
    } finally {
      await server.stop();
    }
  },
  120_000,
);
