import type { GatewayPart } from '../../src/policy/model.ts';
import type { Counters, Metric } from '../../src/telemetry/counters.ts';
import { type AccessLog, createAccessLog } from './access-log.ts';
import type { Telemetry } from './contract.ts';
import type { LogSink, LogSinkCounters } from './log-sink.ts';
import { RequestMetrics } from './request-metrics.ts';

export interface GatewayTelemetry extends Telemetry {
  /** From now on requests are logged in the formats of this configuration. */
  serve(part: Pick<GatewayPart, 'rules' | 'edge' | 'ports'>): void;
  /** Gives collected lines to the sink. */
  flush(): void;
}

export interface TelemetryDeps {
  /** Of this thread: read by the supervisor (`CounterReader`), added up over threads (`familiesOf`). */
  readonly counters: Counters;
  readonly sink: Pick<LogSink, 'write'>;
  readonly wallMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
}

type Format = 'json' | 'common' | 'off';

/** What every request leaves behind: a line in the access log, and numbers. */
export function createTelemetry({ counters, sink, wallMs, after }: TelemetryDeps): GatewayTelemetry {
  const metrics = new RequestMetrics(counters);
  const accessLog: AccessLog = createAccessLog(sink, wallMs, after);
  let rules: ReadonlyMap<string, Format> = new Map();
  let listeners: ReadonlyMap<string, Format> = new Map();

  return {
    serve(part) {
      const formatOf = (edge: string): Format => part.edge[edge]?.accessLog.format ?? 'json';
      rules = new Map(Object.values(part.rules).map((rule) => [rule.id, formatOf(rule.edge)]));
      listeners = new Map(
        part.ports.flatMap((port) => port.listeners.map(({ id }) => [id, formatOf(port.edge)] as const)),
      );
    },
    ended(record) {
      metrics.add(record);
      // A request of the configuration before this one, whose rule is gone, is logged all the same.
      const format = (record.rule === '' ? listeners.get(record.listener) : rules.get(record.rule)) ?? 'json';
      if (format !== 'off') accessLog.add(record, format);
    },
    flush: () => accessLog.flush(),
  };
}

const WRITTEN: Metric = {
  name: 'portolan_gateway_access_log_lines_total',
  help: 'Lines of the access log given to the file or stream.',
  type: 'counter',
};
const DROPPED: Metric = {
  name: 'portolan_gateway_access_log_dropped_total',
  help: 'Lines of the access log that were dropped: the disk or the reader did not keep up.',
  type: 'counter',
};

export function accessLogCounters(counters: Counters): LogSinkCounters {
  return { written: counters.counter(WRITTEN), dropped: counters.counter(DROPPED) };
}
