import { createSocket } from 'node:dgram';
import { openGeoDatabase } from '../nameserver/geo-database.ts';
import { createRoutedTable } from '../nameserver/routed-table.ts';
import { createNameServer } from '../nameserver/server.ts';
import { dnsWorld, healthyView, routingOf } from './dns-world.ts';

/*
 * The servers of `bench/dns.ts` that run on Node: `portolan PORT GEO_DATABASE` or `bare PORT`, the least a server on `dgram` can
 * do: it sends the query back as an answer.
 */

const [kind, port, database] = process.argv.slice(2);

if (kind === 'bare') {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    query[2] = (query[2] ?? 0) | 0x80;
    socket.send(query, from.port, from.address);
  });
  socket.bind(Number(port), '127.0.0.1');
} else {
  const geo = await openGeoDatabase(database);
  const routing = routingOf(dnsWorld());
  const view = healthyView(routing);
  const { table } = createRoutedTable({ routing, geo, view: () => view, random: Math.random });
  const server = createNameServer({
    listen: [{ host: '127.0.0.1', port: Number(port) }],
    table: () => table,
    log: { warn: (details, message) => process.stderr.write(`${message} ${String(details.err)}\n`) },
  });
  await server.start();
}
