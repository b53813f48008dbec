import type { OrderRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { endsOrder, givenUp, stepOf } from '../../src/certificates/order.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import { AcmeError } from './acme/error.ts';
import { createOrderBegin } from './order-begin.ts';
import { createOrderCounting } from './order-counting.ts';
import { OrderOver, Overtaken, passes } from './order-end.ts';
import { createGivingUp, type GivingUp } from './order-giving-up.ts';
import type { At, OrderCounting, OrderRunPorts, RunEnd } from './order-ports.ts';
import { createOrderSteps } from './order-steps.ts';

/*
 * One order, from wherever its record says it is to the certificate. What follows is decided by `src/certificates/order.ts`; here it is asked and
 * saved, each phase before what follows it is asked of the CA.
 */

/** Requests without an answer are made again so often, so much apart, before the try counts as failed. */
const AGAIN_MS = [1_000, 2_000, 4_000] as const;

export interface OrderRun extends Pick<OrderCounting, 'asking' | 'expected'>, Pick<GivingUp, 'cleanUp'> {
  /** Drives one certificate to its end. Throws what stands in its way; OrderOver: its order is over, and still in the record. */
  drive(id: string, issuer: ObjectKey, signal: AbortSignal): Promise<RunEnd>;
}

export function createOrderRun(ports: OrderRunPorts): OrderRun {
  const { records } = ports;
  const counting = createOrderCounting(ports);
  const begin = createOrderBegin(ports, counting);
  const steps = createOrderSteps(ports, counting);
  const { abandon, cleanUp } = createGivingUp(ports, counting);
  const { asking, expected } = counting;

  return { drive, cleanUp, asking, expected };

  async function drive(id: string, issuerKey: ObjectKey, signal: AbortSignal): Promise<RunEnd> {
    const told = new Set<string>();
    let unanswered = 0;
    for (;;) {
      signal.throwIfAborted();
      const wanted = ports.wanted(id);
      const order = records.get(id)?.order;
      try {
        const end = await once(id, wanted, order, issuerKey, { told, signal });
        if (end !== undefined) return end;
        unanswered = 0;
      } catch (thrown) {
        if (thrown instanceof Overtaken) continue;
        if (thrown instanceof AcmeError && order?.url !== undefined && endsOrder(thrown.problem))
          throw new OrderOver(thrown);
        const pauseMs = AGAIN_MS[unanswered];
        if (!passes(thrown) || pauseMs === undefined) throw thrown;
        unanswered += 1;
        await ports.wait(pauseMs, signal);
      }
    }
  }

  async function once(
    id: string,
    wanted: WantedCertificate | undefined,
    order: OrderRecord | undefined,
    issuerKey: ObjectKey,
    { told, signal }: Pick<At, 'told' | 'signal'>,
  ): Promise<RunEnd | undefined> {
    if (order === undefined) {
      if (wanted === undefined) return { end: 'rests', why: 'it is not wanted any more' };
      const taken = await begin(wanted, issuerKey, await ports.open(issuerKey), signal);
      return taken === undefined ? undefined : { end: 'rests', why: taken };
    }
    const issuer = await ports.open(order.issuer).catch((thrown: unknown) => {
      if (order.issuer === issuerKey && wanted !== undefined) throw thrown;
      return undefined;
    });
    const why = givenUp(order, wanted, wanted === undefined ? undefined : issuerKey, issuer?.directory);
    if (why !== undefined || wanted === undefined || issuer === undefined) {
      await abandon(id, order, why ?? '', signal);
      return undefined;
    }
    return await steps[stepOf(order)]({ wanted, order, issuer, signal, told });
  }
}
