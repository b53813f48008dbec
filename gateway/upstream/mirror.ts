import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import type { Fields } from '../request.ts';
import type { ForwardSink, RequestBody } from './contract.ts';

/** What a copy may lag behind its original; beyond it the copy is dropped. */
const LAG_OCTETS = 65_536;

/** A copy of a body that is read for somebody else. */
export interface BodyCopy {
  readonly body: RequestBody;
  stop(): void;
}

/** Listens in on a body without setting it going or holding it up. @param dropped the copy fell too far behind, or its original broke off */
export function copyOf(original: RequestBody, dropped: () => void): BodyCopy {
  const { stream } = original;
  let over = false;
  const copy = new Readable({ read: () => {}, highWaterMark: LAG_OCTETS });
  copy.on('error', () => {});
  const stop = (): void => {
    if (over) return;
    over = true;
    stream.off('data', chunk).off('end', end).off('close', broken);
  };
  const broken = (): void => {
    stop();
    dropped();
  };
  const chunk = (data: Uint8Array): void => {
    if (copy.readableLength + data.length > LAG_OCTETS) broken();
    else copy.push(data);
  };
  const end = (): void => {
    stop();
    copy.push(null);
  };
  // Not `stream.on`: a stream begins to flow when somebody listens to its data, and the original may not be ready.
  EventEmitter.prototype.on.call(stream, 'data', chunk);
  stream.on('end', end).on('close', broken);
  return {
    body: { stream: copy, length: original.length, trailers: () => original.trailers() },
    stop,
  };
}

/** Takes an answer that nobody wants. @param over called once, when it has ended or failed */
export function nowhere(over: () => void): ForwardSink {
  return {
    informational: () => {},
    head: () => {},
    data: () => true,
    end: (_trailers: Fields) => over(),
    error: () => over(),
    upgraded: (_head, socket) => {
      socket.destroy();
      over();
    },
  };
}
