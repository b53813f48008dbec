import {
  type HistoryEntry,
  type IssuedCertificate,
  type OrderRecord,
  VALUE_CHAIN,
  VALUE_KEY,
  VALUE_ORDER_KEY,
  type WantedCertificate,
} from '../../src/certificates/model.ts';
import { chooseRenewal } from '../../src/certificates/renewal.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { RECONCILE_ACTOR } from '../reconcile/leadership.ts';
import { OrderOver, Overtaken } from './order-end.ts';
import type { At, OrderCounting, OrderRunPorts, RunEnd } from './order-ports.ts';
import { sameOrder, withEntry } from './order-record.ts';

/** The key of an order: the request that is handed in for it, and the certificate that comes back and takes the place of the one before. */
export interface OrderTaking {
  /** The request for the certificate, and the key that it must be for: PKCS#8 PEM, or the SPKI DER of an agent's. */
  requestOf(
    wanted: WantedCertificate,
    order: OrderRecord,
    signal: AbortSignal,
  ): Promise<{ readonly csr: () => Promise<Uint8Array>; readonly key: string | Uint8Array }>;
  /** Chain and key become current in one write. @throws OrderOver when it cannot be served, though it counts at the CA */
  take(at: Omit<At, 'told'>, certificateUrl: string): Promise<RunEnd>;
}

export function createOrderTaking(
  ports: Pick<OrderRunPorts, 'records' | 'agentKeys' | 'forecast' | 'keys' | 'wallMs' | 'say'>,
  counting: Pick<OrderCounting, 'asking'>,
): OrderTaking {
  const { records, wallMs, say } = ports;

  async function requestOf(
    { id }: WantedCertificate,
    order: OrderRecord,
    signal: AbortSignal,
  ): Promise<{ readonly csr: () => Promise<Uint8Array>; readonly key: string | Uint8Array }> {
    const { agentKey } = order;
    const cluster = records.get(id)?.cluster;
    if (agentKey !== undefined && cluster !== undefined) {
      say(id, `waits for the agent of ${cluster} to make its key`);
      const csr = await ports.agentKeys.request(cluster, agentKey, signal);
      const key = await ports.keys.keyOfRequest(csr);
      if (key === undefined)
        throw new PortolanError(
          'CSR_INVALID',
          `the request that the agent of ${cluster} sent cannot be read`,
        );
      return { csr: async () => csr, key };
    }
    const key = (await records.values(id))[VALUE_ORDER_KEY];
    if (key === undefined)
      throw new OrderOver(
        new PortolanError('STORE_CORRUPT', `the key of the order for ${id} is not kept any more`),
      );
    return { csr: () => ports.keys.request(key, order.names), key };
  }

  async function take(
    { wanted, order, issuer, signal }: Omit<At, 'told'>,
    certificateUrl: string,
  ): Promise<RunEnd> {
    const { id } = wanted;
    say(id, 'takes the certificate');
    const chain = await issuer.client.certificate(certificateUrl, issuer.preferredChain, signal);
    const { key } = await requestOf(wanted, order, signal);
    const nowMs = wallMs();
    const leaf = ports.keys.read(chain, key, order.names, nowMs);
    if ('problem' in leaf)
      throw new OrderOver(
        new PortolanError(
          'ISSUER_REFUSED',
          `the certificate that ${order.issuer} gave cannot be served: ${leaf.problem}`,
        ),
        [],
        true,
      );
    const { serial, sha256, notBeforeMs, notAfterMs, ariId } = leaf;
    const current: IssuedCertificate = {
      names: order.names,
      key: order.key,
      issuer: order.issuer,
      serial,
      sha256,
      notBeforeMs,
      notAfterMs,
      ...(ariId === undefined ? {} : { ariId }),
      certificateUrl,
      ...(order.agentKey === undefined ? {} : { agentKey: order.agentKey }),
      issuedAtMs: nowMs,
      renewAtMs: chooseRenewal(wanted, leaf, undefined).atMs,
    };
    const counted = counting.asking(id, order);
    const record = await records.write(
      id,
      (before) => {
        if (before === undefined || !sameOrder(before.order, order)) throw new Overtaken();
        const { order: _order, failures: _failures, ari: _ari, forced, ...rest } = before;
        const entry: HistoryEntry = {
          atMs: nowMs,
          event: before.current === undefined ? 'issued' : 'renewed',
          issuer: order.issuer,
          names: order.names,
          serial,
          ...(forced === undefined ? {} : { detail: forced.reason }),
        };
        return { ...rest, current, history: withEntry(before.history, entry) };
      },
      {
        values: (before) => ({
          [VALUE_CHAIN]: chain,
          ...(order.agentKey !== undefined || before[VALUE_ORDER_KEY] === undefined
            ? {}
            : { [VALUE_KEY]: before[VALUE_ORDER_KEY] }),
        }),
        audit: [
          {
            actor: RECONCILE_ACTOR,
            verb: 'certificate.issue',
            payload: { issuer: order.issuer, names: order.names, serial, sha256 },
          },
        ],
      },
    );
    if (record === undefined) throw new Overtaken();
    ports.forecast.ended(counted, { issued: true }, nowMs);
    return { end: 'issued', record, tookMs: nowMs - order.startedAtMs };
  }

  return { requestOf, take };
}
