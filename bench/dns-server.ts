import { createSocket } from 'node:dgram';
import { objectsOf } from '../hub/reconcile/objects.ts';
import { cluster, policy, stored, zone } from '../hub/reconcile/testing.ts';
import { buildWorld, routingContent } from '../hub/reconcile/world.ts';
import { openGeoDatabase } from '../nameserver/geo-database.ts';
import { createRoutedTable } from '../nameserver/routed-table.ts';
import { createNameServer } from '../nameserver/server.ts';
import { regionTable } from '../src/routing/geography.ts';
import type { StateView } from '../src/routing/model.ts';

/* The servers of `bench/dns.ts`: `portolan` or `bare`. Sends its port to whoever forked it. */

if (process.argv[2] === 'bare') {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    query[2] = (query[2] ?? 0) | 0x80;
    socket.send(query, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port));
} else {
  const context = { regions: regionTable(), allowedRanges: [] };
  const names = ['eu-1', 'eu-2', 'us-1'];
  const objects = objectsOf(
    [
      ...names.map((name, i) => cluster(name, ['DE', 'FR', 'US'][i] ?? 'US', `192.0.2.${i + 1}`)),
      zone('dns', 'dns.example'),
      policy('www', ['www.dns.example'], names, { residency: [{ region: 'EU', unknownLocation: 'allow' }] }),
    ].map((input) => stored(input)),
  );
  const geo = await openGeoDatabase(undefined);
  const content = routingContent(buildWorld(objects, context), context, geo.sha256);
  const view: StateView = {
    target: () => ({ state: 'up', earliestChangeMs: 30_000 }),
    cluster: () => ({}),
    lastHealthy: () => [],
    staleForMs: 0,
  };
  const { table } = createRoutedTable({
    routing: { ...content, sequence: 1 },
    geo,
    view: () => view,
    random: Math.random,
  });
  const silent = () => undefined;
  const server = createNameServer({
    listen: [{ host: '127.0.0.1', port: 0 }],
    table: () => table,
    log: { warn: silent },
  });
  const [bound] = await server.start();
  process.send?.(bound?.port);
}
