import { commonAccessLine, jsonAccessLine } from './access-line.ts';
import type { ExchangeRecord } from './contract.ts';
import type { LogSink } from './log-sink.ts';

export interface AccessLog {
  add(record: ExchangeRecord, format: 'json' | 'common'): void;
  /** Gives what was collected to the sink. */
  flush(): void;
}

/** Lines are collected this long, or until they are this many characters: one write for many requests. */
const COLLECT_MS = 100;
const COLLECT_CHARACTERS = 64 * 1024;

/** Collects the lines of one thread. */
export function createAccessLog(
  sink: Pick<LogSink, 'write'>,
  wallMs: () => number,
  after: (delayMs: number, task: () => void) => () => void,
): AccessLog {
  let text = '';
  let lines = 0;
  let cancel: (() => void) | undefined;

  const flush = (): void => {
    cancel?.();
    cancel = undefined;
    if (lines === 0) return;
    const [ready, count] = [text, lines];
    text = '';
    lines = 0;
    sink.write(ready, count);
  };
  const due = (): void => {
    cancel = undefined;
    flush();
  };

  return {
    flush,
    add(record, format) {
      text += (format === 'json' ? jsonAccessLine : commonAccessLine)(record, wallMs());
      lines += 1;
      if (text.length >= COLLECT_CHARACTERS) flush();
      else cancel ??= after(COLLECT_MS, due);
    },
  };
}
