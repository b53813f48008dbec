import { createInterface } from 'node:readline';
import { openGeoDatabase } from '../nameserver/geo-database.ts';
import { createRoutedTable } from '../nameserver/routed-table.ts';
import { createNameService } from '../nameserver/service.ts';
import { nameServerSettings } from '../nameserver/settings.ts';
import { NO_TRANSFERS } from '../nameserver/transfer-plan.ts';
import { dnsWorld, healthyView, routingOf } from './dns-world.ts';

/*
 * The server of `bench/dns-workers.ts`: `WORKERS`, 10,000 routed names. Says `{"port":…}` when it answers, and its resident memory
 * in octets for each line on its standard input.
 */

const workers = Number(process.argv[2]);
const geo = await openGeoDatabase(undefined);
const routing = routingOf(dnsWorld());
const view = healthyView(routing);
const { table } = createRoutedTable({ routing, geo, view: () => view, random: Math.random });
const service = await createNameService({
  listen: [{ host: '127.0.0.1', port: 0 }],
  settings: nameServerSettings.parse({ workers }),
  states: () => view.input,
  monotonicMs: () => performance.now(),
  wallMs: Date.now,
  log: { warn: (details, message) => process.stderr.write(`${message} ${JSON.stringify(details)}\n`) },
});
await service.serve({
  sequence: routing.sequence,
  table,
  transfers: NO_TRANSFERS,
  geo,
  input: { routing },
});
const [bound] = await service.start();
process.stdout.write(`${JSON.stringify({ port: bound?.port })}\n`);
const lines = createInterface({ input: process.stdin });
lines.on('line', () => process.stdout.write(`${JSON.stringify({ rss: process.memoryUsage.rss() })}\n`));
lines.on('close', () => process.exit(0));
