import {
  type CertificateRecord,
  type HistoryEntry,
  type OrderRecord,
  VALUE_ORDER_KEY,
  type WantedCertificate,
} from '../../src/certificates/model.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { Records, SealedValues } from './book.ts';
import { Overtaken } from './order-end.ts';

/*
 * What an order writes into the record of its certificate, and what it reads there.
 */

const MAX_HISTORY = 20;

/** Saves an order's next record. The phase before it must be what is in the book. */
export async function move(
  records: Records,
  id: string,
  from: OrderRecord,
  next: OrderRecord,
): Promise<OrderRecord> {
  await records.write(id, (record) => {
    if (record?.order !== from && !sameOrder(record?.order, from)) throw new Overtaken();
    return record === undefined ? undefined : { ...record, order: next };
  });
  return next;
}

/** Before anything was done for it. */
export function emptyRecord({ id, policy, cluster }: WantedCertificate): CertificateRecord {
  return { id, policy, ...(cluster === undefined ? {} : { cluster }), history: [] };
}

/** Its order is over. */
export function withoutOrder(record: CertificateRecord): CertificateRecord {
  const { order: _order, ...rest } = record;
  return rest;
}

/** The sealed values without the key of that order. */
export function withoutOrderKey(values: SealedValues): SealedValues {
  const { [VALUE_ORDER_KEY]: _key, ...rest } = values;
  return rest;
}

/** Newest first; the same failure again takes the place of the one before. */
export function withEntry(history: readonly HistoryEntry[], entry: HistoryEntry): readonly HistoryEntry[] {
  const [last] = history;
  const again =
    entry.event === 'failed' &&
    last?.event === 'failed' &&
    last.issuer === entry.issuer &&
    last.detail === entry.detail;
  return [entry, ...(again ? history.slice(1) : history)].slice(0, MAX_HISTORY);
}

/** Records are read again after a write that may not have been done: equal, not identical. */
export function sameOrder(a: OrderRecord | undefined, b: OrderRecord): boolean {
  return a === b || (a !== undefined && JSON.stringify(a) === JSON.stringify(b));
}

/** Lately an order at this Issuer was given up, and may still be pending there: not all could be cleaned up. */
export function gaveUpAt(record: CertificateRecord | undefined, issuer: ObjectKey, nowMs: number): boolean {
  return (record?.history ?? []).some(
    (entry) =>
      entry.issuer === issuer &&
      (entry.event === 'abandoned' || entry.event === 'failed') &&
      entry.atMs > nowMs - ORDERS_LIVE_MS,
  );
}
/** Boulder's; RFC 8555 leaves it open. */
const ORDERS_LIVE_MS = 7 * 86_400_000;

/** A key that was revoked with its certificate, or was lost to somebody, is never used again. */
export function mayReuse(record: CertificateRecord | undefined, wanted: WantedCertificate): boolean {
  const current = record?.current;
  return (
    current !== undefined &&
    current.key === wanted.key &&
    current.revokedAtMs === undefined &&
    record?.revoking?.reason !== KEY_COMPROMISE
  );
}
const KEY_COMPROMISE = 1;
