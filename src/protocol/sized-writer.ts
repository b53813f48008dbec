import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { encodeOnce } from './grpc.ts';

/** A stream's end that takes messages; `done` runs when the message has left for the socket (or the stream has failed). */
export interface MessageSink<M> {
  write(message: M, done: () => void): unknown;
}

export interface SizedWriter<M> {
  /**
   * Queues one message. False when that would queue more than the limit: nothing is queued and the caller gives the
   * stream up. A single message of any size always goes into an empty queue.
   */
  send(message: M): boolean;
  /** Octets queued and not yet handed to the socket. */
  pendingOctets(): number;
}

/** Counts what waits for a slow receiver, in octets of the wire form, so that a queue has a bound that means something. */
export function sizedWriter<D extends DescMessage>(
  schema: D,
  sink: MessageSink<MessageShape<D>>,
  limitOctets: number,
): SizedWriter<MessageShape<D>> {
  let pending = 0;
  return {
    send(message) {
      const size = encodeOnce(schema, message).length;
      if (pending > 0 && pending + size > limitOctets) return false;
      pending += size;
      sink.write(message, () => {
        pending -= size;
      });
      return true;
    },
    pendingOctets: () => pending,
  };
}
