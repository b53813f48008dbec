import type { Duplex } from 'node:stream';
import type { Fields } from '../request.ts';
import type { BodySource } from './body-source.ts';
import type { ForwardRequest } from './contract.ts';

/** Why one try at an endpoint came to nothing. */
export interface TryFailure {
  /**
   * `connect`: no connection came about. `overloaded`: no connection is free. `refused`: the backend said that it did not look at the
   * request (HTTP/2 REFUSED_STREAM, GOAWAY). `stale`: a kept connection was closed before an octet of the answer. `broken`: the backend
   * broke the protocol or off. `timeout`: it took too long. `request`: the request itself cannot be sent. `unsupported`: the
   * backend's protocol has no such thing.
   */
  readonly kind:
    | 'connect'
    | 'overloaded'
    | 'refused'
    | 'stale'
    | 'broken'
    | 'timeout'
    | 'request'
    | 'unsupported';
  readonly message: string;
}

/** One request on its way; what a connection tells about its answer. */
export interface Attempt {
  readonly request: ForwardRequest;
  readonly body: BodySource | undefined;
  /** It was given to a connection; called before anything else. */
  carriedBy(carrier: Carrier): void;
  informational(status: number, fields: Fields): void;
  response(status: number, fields: Fields, bodiless: boolean): void;
  /** The chunk is the receiver's. False: enough for now, `Carrier.resume` asks for more. */
  data(chunk: Uint8Array): boolean;
  complete(trailers: Fields): void;
  switched(status: number, fields: Fields, socket: Duplex): void;
  /** Instead of `complete`. */
  failed(failure: TryFailure): void;
}

/** The connection or stream that carries an attempt. */
export interface Carrier {
  resume(): void;
  /** Gives the attempt up; nothing more is told. The connection is not used again (HTTP/1.1), or the stream reset (HTTP/2). */
  abort(): void;
  /** The answer is not wanted: reads a little to the end of it to keep the connection, or closes it. Nothing more is told. */
  discard(): void;
}

/** Connections to one endpoint. */
export interface Pool {
  /** Sends the attempt on a connection, now or later; failures go to `attempt.failed`, possibly before this returns. */
  acquire(attempt: Attempt): void;
  /** Forgets an attempt that waits. */
  cancel(attempt: Attempt): void;
  setLimits(limits: PoolLimits): void;
  /** Idle connections are closed, those in use with their answers; requests of an older configuration still pass. */
  drain(): void;
  readonly connections: number;
  readonly pending: number;
}

export interface PoolLimits {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export const NO_FIELDS: Fields = [];
