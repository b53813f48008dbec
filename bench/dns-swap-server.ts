import { openGeoDatabase } from '../nameserver/geo-database.ts';
import { createRoutedTable } from '../nameserver/routed-table.ts';
import { createNameServer } from '../nameserver/server.ts';
import type { SwapMeasured } from './dns-swap.ts';
import { dnsWorld, healthyView, routingOf } from './dns-world.ts';

/* The server of `bench/dns-swap.ts`: `SWAPS`. Sends its port, and after the swaps how long each took, to whoever forked it. */

const swaps = Number(process.argv[2]);
const PAUSE_MS = 250;

const geo = await openGeoDatabase(undefined);
const first = routingOf(dnsWorld());
const current = healthyView(first);
const view = () => current;
const tableOf = (routing: typeof first) =>
  createRoutedTable({ routing, geo, view, random: Math.random }).table;

let table = tableOf(first);
const server = createNameServer({ listen: [{ host: '127.0.0.1', port: 0 }], table: () => table });
const [bound] = await server.start();
process.once('message', () => void swapAll());
process.send?.(bound?.port);

async function swapAll(): Promise<void> {
  const swapMs: number[] = [];
  let { policies } = first;
  for (let sequence = 2; sequence < 2 + swaps; sequence += 1) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    policies = policies.map((policy, at) =>
      at === sequence ? { ...policy, generation: policy.generation + 1, ttlSeconds: 60 } : policy,
    );
    const begun = performance.now();
    table = tableOf({ ...first, policies, sequence });
    swapMs.push(performance.now() - begun);
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  const measured: SwapMeasured = { swapMs };
  process.send?.(measured);
}
