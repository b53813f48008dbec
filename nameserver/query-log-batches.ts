import type { Counter, Metric } from '../src/telemetry/counters.ts';
import { Batches } from './batches.ts';

export const QUERY_LOG_DROPPED: Metric = {
  name: 'portolan_dns_query_log_dropped_total',
  help: 'Records of the query log that were dropped, because whatever takes them did not keep up or was not there.',
  type: 'counter',
};

export const QUERY_LOG_RECORDS: Metric = {
  name: 'portolan_dns_query_log_records_total',
  help: 'Records of the query log that were handed to its file or to who reads its socket.',
  type: 'counter',
};

/** Records wait this long for others on their way to the log; a thread holds some MB of them at most. */
const LIMITS = { batch: 512, inFlight: 4, waiting: 8192, delayMs: 50 };

/** Records in batches, as one piece of octets each. */
export function queryLogBatches(
  send: (octets: Uint8Array<ArrayBuffer>, records: number) => void,
  dropped: Counter,
): Batches<Uint8Array> {
  return new Batches<Uint8Array>(
    LIMITS,
    (items) => {
      const octets = new Uint8Array(items.reduce((sum, item) => sum + item.length, 0));
      let at = 0;
      for (const item of items) {
        octets.set(item, at);
        at += item.length;
      }
      send(octets, items.length);
    },
    () => dropped.add(),
  );
}
