import type { Duplex, Readable } from 'node:stream';
import type {
  CompiledRetry,
  CompiledSessionPersistence,
  CompiledTimeouts,
  WeightedBackend,
} from '../../src/policy/model.ts';
import type { Fields } from '../request.ts';

/** A backend chosen by weight, or by the session the client brought. */
export interface BackendChoice {
  readonly target: WeightedBackend;
  /** Endpoint (`address:port`) a session is bound to; another one is taken when it is gone or ejected. */
  readonly endpoint?: string;
  /** When that session began, wall-clock seconds: its absolute timeout runs from there. */
  readonly sessionSinceS?: number;
}

export interface ForwardRequest {
  readonly method: string;
  /** Origin form, with query. */
  readonly path: string;
  readonly scheme: 'http' | 'https';
  /** Sent as Host or `:authority`. */
  readonly authority: string;
  /** End-to-end fields only, without `host`, `content-length`, `transfer-encoding` and what `connection` nominated. */
  readonly fields: Fields;
  readonly body: RequestBody | undefined;
  readonly timeouts: CompiledTimeouts;
  /** `timeouts.requestMs` is what the client said: when it passes, that says nothing about the backend. */
  readonly deadlineOfClient?: boolean;
  readonly retry: CompiledRetry | undefined;
  /** `websocket` …: HTTP/1.1 upgrade to an HTTP/1.1 backend; RFC 8441 extended CONNECT in front becomes the same. */
  readonly upgrade?: string;
  /** The client accepts trailers, as gRPC needs them. */
  readonly trailers: boolean;
}

export interface RequestBody {
  readonly stream: Readable;
  /** Octets, when the client said so. */
  readonly length: number | undefined;
  /** Trailers of the request, once the stream has ended. */
  trailers(): Fields;
}

export interface ResponseHead {
  readonly status: number;
  /** End-to-end fields; `content-length` stays. Validated: no control characters, no second content-length. */
  readonly fields: Fields;
  /** `address:port` that answered. */
  readonly endpoint: string;
  /** There is no body to come (HEAD, 204, 304, length 0). */
  readonly bodiless: boolean;
  readonly retries: number;
}

/** Where the answer goes. Called in this order; after `end` or `error` nothing comes. */
export interface ForwardSink {
  /** 100 and 103 of the backend. */
  informational(status: number, fields: Fields): void;
  head(head: ResponseHead): void;
  /** False: enough for now; `Forwarding.drained` asks for more. */
  data(chunk: Uint8Array): boolean;
  end(trailers: Fields): void;
  /** Before `head`: answer with `error.status`. After it: the answer is cut off so that the client notices. */
  error(error: ForwardError): void;
  /** After a 101: octets both ways from here, with nothing between. The socket is paused (`pipe` or `resume` sets it going). */
  upgraded(head: ResponseHead, socket: Duplex): void;
}

export interface ForwardError {
  /** A code of the table in `src/errors/table.ts`, such as BACKEND_TIMEOUT. */
  readonly code: string;
  /** 502, 503 or 504. */
  readonly status: 500 | 502 | 503 | 504;
  readonly message: string;
  readonly retries: number;
}

export interface Forwarding {
  drained(): void;
  /** Others wait for the connection to the backend that this one holds. */
  readonly contended: boolean;
  /** The client has gone: the connection to the backend is closed, never reused half-read. */
  abort(): void;
}

/** The backends of one gateway thread: pools, balance, health, retries. */
export interface Upstreams {
  /**
   * @param session value of the client's session cookie or header; one that was not made here is ignored
   * @param random 0 ≤ random < 1
   */
  choose(
    backends: readonly WeightedBackend[],
    persistence: CompiledSessionPersistence | undefined,
    session: string | undefined,
    random: number,
  ): BackendChoice | undefined;
  /** Value for the session cookie that leads back to the endpoint that answered; authenticated, so that nobody makes one up. */
  sessionValue(persistence: CompiledSessionPersistence, choice: BackendChoice, endpoint: string): string;
  /** Never throws; failures go to `sink.error`, possibly before this returns. */
  forward(choice: BackendChoice, request: ForwardRequest, sink: ForwardSink): Forwarding;
  /**
   * A copy whose answer is dropped; drops itself under pressure rather than delay the original. Called just before or after `forward` in the same
   * step of the event loop, with the original's body: the copy listens in, and never starts, stops or ends the stream.
   */
  mirror(backend: string, request: ForwardRequest): void;
  /** TLS passthrough: a connection to one of them, or undefined when none takes it. */
  connect(choice: BackendChoice, opened: (socket: Duplex | undefined) => void): void;
}
