import { commonAccessLine, jsonAccessLine } from './access-line.ts';
import type { ExchangeRecord } from './contract.ts';
import type { LogSink } from './log-sink.ts';

export interface AccessLog {
  add(record: ExchangeRecord, format: 'json' | 'common'): void;
  /** Gives what was collected to the sink. */
  flush(): void;
}

/** Lines are collected this long, or until they are this many octets: one write for many requests. */
const COLLECT_MS = 100;
const COLLECT_OCTETS = 64 * 1024;
/** Octets that a character of a string takes at most. */
const OCTETS_OF_CHARACTER = 3;

/**
 * Collects the lines of one thread. Each becomes octets at once: as text they would live until they are written, and the collector
 * would move each of them several times.
 */
export function createAccessLog(
  sink: Pick<LogSink, 'write'>,
  wallMs: () => number,
  after: (delayMs: number, task: () => void) => () => void,
): AccessLog {
  let collected: Buffer | undefined;
  let used = 0;
  let lines = 0;
  let cancel: (() => void) | undefined;

  const give = (): void => {
    if (lines === 0 || collected === undefined) return;
    const ready = Buffer.allocUnsafeSlow(used);
    collected.copy(ready, 0, 0, used);
    const count = lines;
    used = 0;
    lines = 0;
    sink.write(ready, count);
  };
  const flush = (): void => {
    cancel?.();
    cancel = undefined;
    give();
  };
  const due = (): void => {
    cancel = undefined;
    give();
  };

  return {
    flush,
    add(record, format) {
      // The time is asked for only where the request has none of its own.
      const nowMs = record.request === undefined ? wallMs() : 0;
      const line = (format === 'json' ? jsonAccessLine : commonAccessLine)(record, nowMs);
      const most = line.length * OCTETS_OF_CHARACTER;
      if (used + most > COLLECT_OCTETS) {
        give();
        if (most > COLLECT_OCTETS) {
          sink.write(Buffer.from(line), 1);
          return;
        }
      }
      collected ??= Buffer.allocUnsafeSlow(COLLECT_OCTETS);
      used += collected.write(line, used);
      lines += 1;
      cancel ??= after(COLLECT_MS, due);
    },
  };
}
