import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { Counter } from '../src/telemetry/counters.ts';
import { CONTROL, controlFrame } from './frame-streams.ts';
import type { QueryLogSettings } from './settings.ts';

/** Where records of the query log go. Never blocks and never grows without bound: what does not fit is dropped and counted. */
export interface QueryLogSink {
  /** @param records how many records these octets are, for counting */
  write(octets: Uint8Array, records: number): void;
  /** Opens the file anew, after somebody moved it away. */
  reopen(): void;
  /** Writes what waits, and ends the stream properly. */
  close(): Promise<void>;
}

export interface SinkOptions {
  readonly settings: QueryLogSettings;
  readonly written: Counter;
  readonly dropped: Counter;
  readonly log: { warn(details: object, message: string): void };
  /** Pause before a socket is connected again, in milliseconds. */
  readonly retryMs?: number;
}

/** Waits for the disk or the reader at most. */
const MAX_WAITING_OCTETS = 8 * 1024 * 1024;
const RETRY_MS = 1000;
const FINISH_MS = 1000;
const NOTHING = new Uint8Array(0);

export function openQueryLog(options: SinkOptions): QueryLogSink {
  const { file, socket } = options.settings;
  return file === undefined ? socketSink(socket ?? '', options) : fileSink(file, options);
}

interface Waiting {
  readonly octets: Uint8Array;
  readonly records: number;
}

/** A file that is turned over when it has grown to a size: FILE, FILE.1, FILE.2 …, the oldest goes. */
function fileSink(path: string, { settings, written, dropped, log }: SinkOptions): QueryLogSink {
  const { maxMegabytes, keep } = settings.rotate;
  const maxOctets = maxMegabytes * 1_000_000;
  const dnstap = settings.format === 'dnstap';
  let waiting: Waiting[] = [];
  let waitingOctets = 0;
  let file: { readonly handle: FileHandle; size: number } | undefined;
  let reopening = false;
  let failing = false;
  let closed = false;
  let working: Promise<void> | undefined;

  const shut = async (): Promise<void> => {
    const ending = file;
    file = undefined;
    if (ending === undefined) return;
    if (dnstap) await ending.handle.write(controlFrame(CONTROL.STOP)).catch(() => undefined);
    await ending.handle.close().catch(() => undefined);
  };

  const turnOver = async (): Promise<void> => {
    await shut();
    for (let number = keep; number >= 1; number -= 1) {
      const older = number === 1 ? path : `${path}.${number - 1}`;
      await rename(older, `${path}.${number}`).catch(ignoreMissing);
    }
    if (keep === 0) await (await open(path, 'w', 0o600)).close();
  };

  const opened = async (): Promise<{ readonly handle: FileHandle; size: number }> => {
    if (file !== undefined) return file;
    // A stream of frames begins at the beginning of its file.
    if (dnstap && (await sizeOf(path)) > 0) await turnOver();
    const handle = await open(path, 'a', 0o600);
    const next = { handle, size: (await handle.stat()).size };
    file = next;
    if (dnstap) await append(next, controlFrame(CONTROL.START));
    return next;
  };

  const append = async (to: { readonly handle: FileHandle; size: number }, octets: Uint8Array) => {
    let at = 0;
    while (at < octets.length) {
      const { bytesWritten } = await to.handle.write(octets, at);
      at += bytesWritten;
      to.size += bytesWritten;
    }
  };

  const work = async (): Promise<void> => {
    while (waiting.length > 0 || reopening) {
      if (reopening) {
        reopening = false;
        await shut();
      }
      const batch = waiting;
      waiting = [];
      waitingOctets = 0;
      if (batch.length === 0) continue;
      let done = 0;
      try {
        let to = await opened();
        for (const { octets, records } of batch) {
          if (to.size > 0 && to.size + octets.length > maxOctets) {
            await turnOver();
            to = await opened();
          }
          await append(to, octets);
          written.add(records);
          done += records;
        }
        failing = false;
      } catch (err) {
        dropped.add(batch.reduce((sum, { records }) => sum + records, -done));
        if (!failing)
          log.warn({ err, path }, 'the query log cannot be written; queries are answered all the same');
        failing = true;
        await shut();
      }
    }
  };
  const kick = (): void => {
    working ??= work().finally(() => {
      working = undefined;
      if (waiting.length > 0 || reopening) kick();
    });
  };

  return {
    write(octets, records) {
      if (closed || waitingOctets + octets.length > MAX_WAITING_OCTETS) {
        dropped.add(records);
        return;
      }
      waiting.push({ octets, records });
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
      await shut();
    },
  };
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (thrown) {
    ignoreMissing(thrown);
    return 0;
  }
}

function ignoreMissing(thrown: unknown): void {
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return;
  throw thrown;
}

/** A Unix socket that somebody reads. Connected again when the reader comes back; records of the time between are dropped. */
function socketSink(path: string, options: SinkOptions): QueryLogSink {
  const { settings, written, dropped, log, retryMs = RETRY_MS } = options;
  const dnstap = settings.format === 'dnstap';
  let socket: Socket | undefined;
  let ready = false;
  let told = false;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  let finished: () => void = () => undefined;

  const dial = (): void => {
    const dialled = connect(path);
    socket = dialled;
    let heard = NOTHING;
    let failure: unknown;
    dialled.on('connect', () => {
      if (dnstap) dialled.write(controlFrame(CONTROL.READY));
      else up();
    });
    dialled.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      for (let frame = controlType(heard); frame !== undefined; frame = controlType(heard)) {
        heard = heard.subarray(frame.octets);
        if (frame.type === CONTROL.ACCEPT && dnstap && !ready) {
          dialled.write(controlFrame(CONTROL.START));
          up();
        } else if (frame.type === CONTROL.FINISH) dialled.end();
      }
      if (heard.length > MAX_CONTROL_OCTETS) dialled.destroy();
    });
    dialled.on('error', (error) => {
      failure = error;
    });
    dialled.on('close', () => {
      socket = undefined;
      ready = false;
      finished();
      if (closed) return;
      if (!told)
        log.warn({ err: failure, path }, 'nobody takes the query log; records are dropped until then');
      told = true;
      retry = setTimeout(dial, retryMs);
      retry.unref();
    });
  };
  const up = (): void => {
    ready = true;
    told = false;
  };
  dial();

  return {
    write(octets, records) {
      if (socket === undefined || !ready || socket.writableLength + octets.length > MAX_WAITING_OCTETS) {
        dropped.add(records);
        return;
      }
      socket.write(octets);
      written.add(records);
    },
    reopen: () => undefined,
    async close() {
      closed = true;
      if (retry !== undefined) clearTimeout(retry);
      const open = socket;
      if (open === undefined) return;
      const end = new Promise<void>((resolve) => {
        finished = resolve;
      });
      if (!ready) open.destroy();
      else if (dnstap) open.write(controlFrame(CONTROL.STOP));
      else open.end();
      const force = setTimeout(() => open.destroy(), FINISH_MS);
      await end;
      clearTimeout(force);
    },
  };
}

/** A control frame has at most 512 octets after its head. */
const MAX_CONTROL_OCTETS = 520;

/** The control frame at the beginning; `undefined` while it is not complete. */
function controlType(octets: Uint8Array): { readonly type: number; readonly octets: number } | undefined {
  if (octets.length < 12) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset);
  const length = view.getUint32(4);
  if (length > MAX_CONTROL_OCTETS - 8 || octets.length < 8 + length) return undefined;
  return { type: view.getUint32(8), octets: 8 + length };
}
