import { type FileHandle, open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { Counter } from '../../src/telemetry/counters.ts';

/** Where lines go. Never blocks and never grows without bound: what does not fit is dropped and counted. */
export interface LogSink {
  /** @param octets whole lines, which are the sink's from now on @param lines how many, for counting */
  write(octets: Buffer, lines: number): void;
  /** Opens the file anew, after somebody moved it away. */
  reopen(): void;
  /** Writes what waits. */
  close(): Promise<void>;
}

export interface LogSinkCounters {
  readonly written: Counter;
  readonly dropped: Counter;
}

/** Waits for the disk or the reader at most. */
const MAX_WAITING_OCTETS = 8 * 1024 * 1024;

/**
 * A file that is only appended to. What is given at once is one write, so that the lines of several threads with the same file do not
 * mix; rotation is that of the system (`logrotate` with `copytruncate`, or a move and `reopen`).
 */
export function createFileSink(
  path: string,
  counters: LogSinkCounters,
  warn: (details: object, message: string) => void,
): LogSink {
  let waiting: { readonly octets: Buffer; readonly lines: number }[] = [];
  let waitingOctets = 0;
  let handle: FileHandle | undefined;
  let reopening = false;
  let failing = false;
  let closed = false;
  let working: Promise<void> | undefined;

  const shut = async (): Promise<void> => {
    const ending = handle;
    handle = undefined;
    await ending?.close().catch(() => undefined);
  };

  const work = async (): Promise<void> => {
    while (waiting.length > 0 || reopening) {
      if (reopening) {
        reopening = false;
        await shut();
      }
      const next = waiting.shift();
      if (next === undefined) continue;
      try {
        handle ??= await open(path, 'a', 0o600);
        let at = 0;
        while (at < next.octets.length) at += (await handle.write(next.octets, at)).bytesWritten;
        counters.written.add(next.lines);
        failing = false;
      } catch (err) {
        counters.dropped.add(next.lines);
        if (!failing)
          warn({ err, path }, 'the access log cannot be written; requests are served all the same');
        failing = true;
        await shut();
      }
      waitingOctets -= next.octets.length;
    }
  };
  const kick = (): void => {
    working ??= work().finally(() => {
      working = undefined;
      if (waiting.length > 0 || reopening) kick();
    });
  };

  return {
    write(octets, lines) {
      if (closed || waitingOctets + octets.length > MAX_WAITING_OCTETS) {
        counters.dropped.add(lines);
        return;
      }
      waiting.push({ octets, lines });
      waitingOctets += octets.length;
      kick();
    },
    reopen() {
      reopening = true;
      kick();
    },
    async close() {
      closed = true;
      while (working !== undefined) await working;
      waiting = [];
      await shut();
    },
  };
}

/** A stream such as `process.stdout`: a reader that does not keep up costs lines, not memory. */
export function createStreamSink(stream: Writable, counters: LogSinkCounters): LogSink {
  let closed = false;
  return {
    write(octets, lines) {
      if (closed || stream.destroyed || stream.writableLength + octets.length > MAX_WAITING_OCTETS) {
        counters.dropped.add(lines);
        return;
      }
      stream.write(octets);
      counters.written.add(lines);
    },
    reopen: () => undefined,
    close: async () => {
      closed = true;
      if (stream.writableLength === 0 || stream.destroyed) return;
      // Behind everything before it; a reader that is gone must not hold up the end.
      await new Promise<void>((resolve) => {
        stream.once('close', resolve);
        stream.write('', () => resolve());
      });
    },
  };
}
