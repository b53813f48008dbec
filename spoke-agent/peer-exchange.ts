import { create } from '@bufbuild/protobuf';
import type { ClientDuplexStream, ServerDuplexStream } from '@grpc/grpc-js';
import {
  type PeerMessage,
  PeerMessageSchema,
  type VoteBatch,
} from '../src/protocol/generated/portolan_pb.js';

type PeerStream = ClientDuplexStream<PeerMessage, PeerMessage> | ServerDuplexStream<PeerMessage, PeerMessage>;

/** One stream with a peer, from either end. */
export interface PeerExchange {
  /** Sends the votes now; while an earlier batch still waits for the network, only the newest state goes after it. */
  offer(batch: VoteBatch): void;
  /** The peer's incarnation once it said Hello. */
  incarnation(): string | undefined;
}

export interface PeerExchangeOptions {
  readonly stream: PeerStream;
  readonly hello: { readonly incarnation: string; readonly agentVersion: string };
  /** A complete batch of this agent's votes, made anew. */
  readonly currentVotes: () => VoteBatch;
  readonly onHello: () => void;
  readonly onVotes: (batch: VoteBatch, incarnation: string) => void;
  readonly onProtocolError: (what: string) => void;
}

/**
 * Says Hello and the complete votes, then whatever is offered. At most one batch is in flight: votes are a state, so a
 * slow peer gets the newest and nothing is queued for it.
 */
export function beginExchange(options: PeerExchangeOptions): PeerExchange {
  const { stream } = options;
  let inFlight = false;
  let stale = false;
  let incarnation: string | undefined;

  const write = (kind: PeerMessage['kind'], done: () => void): void => {
    if (stream.writableEnded || stream.destroyed) return;
    stream.write(create(PeerMessageSchema, { kind }), done);
  };
  const send = (value: VoteBatch): void => {
    inFlight = true;
    write({ case: 'votes', value }, () => {
      inFlight = false;
      if (!stale) return;
      stale = false;
      send(options.currentVotes());
    });
  };

  stream.on('data', ({ kind }: PeerMessage) => {
    switch (kind.case) {
      case 'hello':
        incarnation = kind.value.incarnation;
        return options.onHello();
      case 'votes':
        if (incarnation === undefined) return options.onProtocolError('votes came before Hello');
        return options.onVotes(kind.value, incarnation);
      case undefined:
        // A message of a newer agent: ignored, so that releases mix (I12).
        return undefined;
    }
  });
  const { incarnation: own, agentVersion } = options.hello;
  write(
    { case: 'hello', value: { $typeName: 'portolan.v1.PeerHello', incarnation: own, agentVersion } },
    () => undefined,
  );
  send(options.currentVotes());
  return {
    offer(batch) {
      if (inFlight) stale = true;
      else send(batch);
    },
    incarnation: () => incarnation,
  };
}
