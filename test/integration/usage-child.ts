import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createUsageCollector } from '../../gateway/usage/collector.ts';
import { openUsageKeeper } from '../../gateway/usage/keeper.ts';

/**
 * A gateway that admits requests as fast as it is told: every admitted hit is said on descriptor 1, after it was counted, with its time.
 * What is to go to the hub goes over the process's IPC channel. Arguments: folder of the outbox, flush interval in milliseconds.
 */
const [folder = '', flush = '100'] = process.argv.slice(2);
const after = (delayMs: number, task: () => void): (() => void) => {
  const timer = setTimeout(task, delayMs);
  return () => clearTimeout(timer);
};
const keeper = await openUsageKeeper({
  folder,
  newId: randomUUID,
  send: (batch) => process.send?.(batch) ?? false,
  after,
  log: { warn: (_, message) => process.stderr.write(`${message}\n`) },
});
process.on('message', (ack: { readonly outbox: string; readonly sequence: number }) =>
  keeper.acknowledged(ack.outbox, ack.sequence),
);
keeper.link(true);
const collector = createUsageCollector({
  give: (counts) => void keeper.add(counts),
  after,
  flushMs: Number(flush),
});
setInterval(() => {
  collector.count({
    namespace: 'shop',
    principal: 'acme',
    keyId: 'k-1',
    route: 'shop/orders',
    metric: 'hits',
    amount: 1,
    wallMs: Date.now(),
  });
  writeSync(1, `${performance.timeOrigin + performance.now()}\n`);
}, 1);
