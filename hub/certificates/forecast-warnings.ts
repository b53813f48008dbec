import { forecastSentence } from '../../src/certificates/forecast.ts';
import type { AskedOrder, LimitVerdict } from '../../src/certificates/limits.ts';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { sameNames } from '../../src/certificates/names.ts';
import type { Wanted } from '../../src/certificates/wanted.ts';
import type { ObjectKey } from '../reconcile/objects.ts';

/** More sentences than this about one policy tell nobody more. */
const TOLD = 3;

/**
 * What the orders that a change leads to would be of the CA's limits, where that is nearly used up: "this would be order 5 of 5". Pure.
 * @param policies those that change
 * @param wanted what all policies want then
 */
export function forecastWarnings(
  policies: readonly ObjectKey[],
  wanted: Pick<Wanted, 'policies'>,
  { record, forecast }: ForecastPorts,
): readonly string[] {
  return policies.flatMap((policy) => {
    const certificates = wanted.policies.get(policy)?.certificates ?? [];
    const byIssuer = new Map<ObjectKey, AskedOrder[]>();
    for (const certificate of certificates) {
      const order = orderOf(certificate, record(certificate.id));
      if (order === undefined) continue;
      const orders = byIssuer.get(order.account);
      if (orders === undefined) byIssuer.set(order.account, [order]);
      else orders.push(order);
    }
    const told = [...byIssuer].flatMap(([issuer, orders]) =>
      forecast(orders).flatMap((verdict) => {
        const sentence = forecastSentence(verdict);
        return sentence === undefined ? [] : [`CertificatePolicy ${policy} at Issuer ${issuer}: ${sentence}`];
      }),
    );
    // The last is the fullest: each counts those before it.
    return [...new Set(told)].slice(-TOLD);
  });
}

export interface ForecastPorts {
  record(id: string): CertificateRecord | undefined;
  /** Verdicts of orders at one Issuer, one after the other. */
  forecast(orders: readonly AskedOrder[]): readonly LimitVerdict[];
}

/** The order that such a change leads to at once; undefined: none, what is there will do, or an order is under way for it. */
function orderOf(
  certificate: WantedCertificate,
  record: CertificateRecord | undefined,
): AskedOrder | undefined {
  const { id, names, issuers } = certificate;
  const [issuer] = issuers;
  const there = record?.order?.names ?? record?.current?.names;
  if (issuer === undefined || (there !== undefined && sameNames(there, names))) return undefined;
  return { certificate: id, account: issuer, names, renews: 'nothing' };
}
