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
const DEFAULT_FORMAT: Format = 'json';

function setKnown(formats: Map<string, Format>, id: string, format: Format | undefined): void {
  if (format !== undefined) formats.set(id, format);
}

/** What every request leaves behind: a line in the access log, and numbers. */
export function createTelemetry({ counters, sink, wallMs, after }: TelemetryDeps): GatewayTelemetry {
  const metrics = new RequestMetrics(counters);
  const accessLog: AccessLog = createAccessLog(sink, wallMs, after);
  // Only those that do not log in the default format: of thousands of rules mostly none.
  let rules: ReadonlyMap<string, Format> = new Map();
  let listeners: ReadonlyMap<string, Format> = new Map();

  return {
    serve(part) {
      const formats = new Map<string, Format>();
      for (const [id, { accessLog }] of Object.entries(part.edge))
        if (accessLog.format !== DEFAULT_FORMAT) formats.set(id, accessLog.format);
      const otherRules = new Map<string, Format>();
      const otherListeners = new Map<string, Format>();
      if (formats.size > 0) {
        for (const { id, edge } of Object.values(part.rules)) setKnown(otherRules, id, formats.get(edge));
        for (const { edge, listeners } of part.ports)
          for (const { id } of listeners) setKnown(otherListeners, id, formats.get(edge));
      }
      rules = otherRules;
      listeners = otherListeners;
    },
    ended(record) {
      metrics.add(record);
      // A request of the configuration before this one, whose rule is gone, is logged all the same.
      const format =
        (record.rule === '' ? listeners.get(record.listener) : rules.get(record.rule)) ?? DEFAULT_FORMAT;
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
