import type { AskedOrder } from '../../src/certificates/limits.ts';
import type { CertificateRecord, NameSet, OrderRecord } from '../../src/certificates/model.ts';
import { sameNames } from '../../src/certificates/names.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import { WouldPassLimit } from './order-end.ts';
import type { OrderCounting, OrderRunPorts } from './order-ports.ts';
import type { OpenIssuer } from './parts.ts';

/** How CAs count orders: decided here alone, so that what is foretold is what is asked for. */
export function createOrderCounting(
  ports: Pick<OrderRunPorts, 'records' | 'forecast' | 'wallMs'>,
): OrderCounting {
  const { records, wallMs } = ports;
  /** Whether the CA of an Issuer takes `replaces`, once its directory was read for an order. */
  const hearsOfReplacing = new Map<ObjectKey, boolean>();

  function asking(
    id: string,
    order: {
      readonly issuer: string;
      readonly names: OrderRecord['names'];
      readonly replaces?: string | undefined;
    },
  ): AskedOrder {
    const current = records.get(id)?.current;
    const same = current?.issuer === order.issuer && sameNames(current.names, order.names);
    return {
      certificate: id,
      account: order.issuer,
      names: order.names,
      renews: order.replaces !== undefined ? 'replaces' : same ? 'sameNames' : 'nothing',
    };
  }

  function expected(id: string, next: { readonly issuer: ObjectKey; readonly names: NameSet }): AskedOrder {
    const current = records.get(id)?.current;
    const replaces =
      current?.issuer === next.issuer && hearsOfReplacing.get(next.issuer) !== false
        ? current.ariId
        : undefined;
    return asking(id, { ...next, replaces });
  }

  function hold(order: AskedOrder): void {
    if (records.get(order.certificate)?.forced?.overLimits === true) return;
    const may = ports.forecast.mayOrder(order, wallMs());
    if (!may.ok) throw new WouldPassLimit(may.why, may.atMs);
  }

  async function replaced(
    current: CertificateRecord['current'],
    issuerKey: ObjectKey,
    issuer: OpenIssuer,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (current?.ariId === undefined || current.issuer !== issuerKey) return undefined;
    const { hasRenewalInfo } = await issuer.client.directory(signal);
    hearsOfReplacing.set(issuerKey, hasRenewalInfo);
    return hasRenewalInfo ? current.ariId : undefined;
  }

  return { asking, expected, hold, replaced };
}
