import type { OrderRecord } from '../../src/certificates/model.ts';
import { isOurs } from '../../src/certificates/order.ts';
import type { AcmeOrder } from './contract.ts';
import { inGroups } from './in-groups.ts';
import type { OrderCounting, OrderRunPorts } from './order-ports.ts';
import { sameOrder, withEntry, withoutOrder, withoutOrderKey } from './order-record.ts';
import type { OpenIssuer } from './parts.ts';

const CLEAN_UP_MS = 15_000;

/** Ends orders that are not wanted any more: first at the CA, then in the record, so that after a crash in between it is told again. */
export interface GivingUp {
  /** Gives up what is still pending at the CA, so that it does not count there; what cannot be told it in time runs out by itself. */
  cleanUp(order: OrderRecord, signal: AbortSignal): Promise<void>;
  /** @param why for the certificate's history */
  abandon(id: string, order: OrderRecord, why: string, signal: AbortSignal): Promise<void>;
}

export function createGivingUp(
  ports: Pick<OrderRunPorts, 'records' | 'open' | 'forecast' | 'wallMs' | 'say'>,
  counting: Pick<OrderCounting, 'asking'>,
): GivingUp {
  const { records, wallMs, say } = ports;

  async function cleanUp(order: OrderRecord, signal: AbortSignal): Promise<void> {
    if (order.url === undefined && order.askedAtMs === undefined) return;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(CLEAN_UP_MS)]);
    try {
      const issuer = await ports.open(order.issuer);
      const { client, directory } = issuer;
      if (directory !== order.directory) return;
      const { authorizations = [] } =
        order.url === undefined
          ? ((await findLost(order, issuer, bounded)) ?? {})
          : await client.order(order.url, bounded);
      for (const { url, status } of await inGroups(authorizations, (u) => client.authorization(u, bounded)))
        if (status === 'pending') await client.deactivate(url, bounded);
    } catch {
      signal.throwIfAborted();
    }
  }

  async function abandon(id: string, order: OrderRecord, why: string, signal: AbortSignal): Promise<void> {
    say(id, `gives its order at ${order.issuer} up: ${why}`);
    await cleanUp(order, signal);
    ports.forecast.ended(counting.asking(id, order), { issued: false, failed: [] }, wallMs());
    await records.write(
      id,
      (record) => {
        if (record === undefined || !sameOrder(record.order, order)) return record;
        return {
          ...withoutOrder(record),
          history: withEntry(record.history, {
            atMs: wallMs(),
            event: 'abandoned',
            issuer: order.issuer,
            names: order.names,
            detail: why,
          }),
        };
      },
      { values: withoutOrderKey },
    );
  }

  return { cleanUp, abandon };
}

/** The order that a request whose answer was lost may have made. */
export async function findLost(
  order: OrderRecord,
  { client }: OpenIssuer,
  signal: AbortSignal,
): Promise<AcmeOrder | undefined> {
  for (const url of (await client.orders(signal)) ?? []) {
    const answer = await client.order(url, signal);
    if (isOurs(order, answer)) return answer;
  }
  return undefined;
}
