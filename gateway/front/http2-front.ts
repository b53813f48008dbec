import { constants, createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { CompiledEdge } from '../../src/policy/model.ts';
import type { Connection, GatewayCore } from '../core.ts';
import { Http2Exchange } from '../http/http2-exchange.ts';
import { MAX_FIELDS } from '../normalise.ts';
import { begin } from '../pipeline.ts';

const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;
/** Streams that a client may reset at once, and per second from then on; more ends the connection (CVE-2023-44487). */
const RESET_BURST = 200;
const RESETS_PER_SECOND = 20;
/**
 * From so many requests on that a connection gave up, the next ones begin only when all that came with them is read: a reset among it then
 * costs neither a policy's decision nor a connection to the backend, which would be lost with it.
 */
const GIVEN_UP = 10;
/** For requests that were on their way when the connection was said to end. */
const LEAVING_MS = 1000;

/** HTTP/2 of one port. It does not listen; connections are handed to it. */
export class Http2Front {
  readonly #core: GatewayCore;
  readonly #sessions = new Set<ServerHttp2Session>();
  #server: Http2Server;
  #limits: CompiledEdge['limits'];
  #arriving: Connection | undefined;

  constructor(core: GatewayCore, { limits }: CompiledEdge) {
    this.#core = core;
    this.#limits = limits;
    this.#server = this.#make(limits);
  }

  /** From the next connection on. */
  configure({ limits }: CompiledEdge): void {
    const { maxConcurrentStreams, maxHeaderBytes } = this.#limits;
    const same =
      limits.maxConcurrentStreams === maxConcurrentStreams && limits.maxHeaderBytes === maxHeaderBytes;
    this.#limits = limits;
    if (!same) this.#server = this.#make(limits);
  }

  accept(socket: Socket, connection: Connection): void {
    // The session is announced before `emit` returns.
    this.#arriving = connection;
    this.#server.emit('connection', socket);
    this.#arriving = undefined;
  }

  /** GOAWAY: requests that run may end. */
  drain(): void {
    for (const session of this.#sessions) session.close();
  }

  /** GOAWAY, and then the end: a session whose client has begun a head and never ends it would not close by itself. */
  #leave(session: ServerHttp2Session, connection: Connection): void {
    if (session.closed) return;
    session.close();
    const end = (): void => {
      if (connection.open === 0) session.destroy();
      else cancel = this.#core.deps.after(LEAVING_MS, end);
    };
    let cancel = this.#core.deps.after(LEAVING_MS, end);
    session.once('close', () => cancel());
  }

  #make(limits: CompiledEdge['limits']): Http2Server {
    const server = createServer({
      settings: {
        maxConcurrentStreams: limits.maxConcurrentStreams,
        maxHeaderListSize: limits.maxHeaderBytes,
        enableConnectProtocol: true,
      },
      maxHeaderListPairs: MAX_FIELDS + 8,
      maxSendHeaderBlockLength: 1_048_576,
      streamResetBurst: RESET_BURST,
      streamResetRate: RESETS_PER_SECOND,
      // Frames that break the protocol: a good client sends none.
      maxSessionInvalidFrames: 50,
      maxSessionRejectedStreams: 100,
      maxOutstandingPings: 10,
    });
    server.on('session', (session) => this.#opened(session));
    server.on('sessionError', () => {});
    server.on('timeout', () => {});
    return server;
  }

  #opened(session: ServerHttp2Session): void {
    const connection = this.#arriving;
    if (connection === undefined) {
      session.destroy();
      return;
    }
    this.#sessions.add(session);
    session.on('close', () => this.#sessions.delete(session));
    session.on('error', () => {});
    const { keepAliveTimeoutMs } = this.#limits;
    session.setTimeout(keepAliveTimeoutMs);
    // A callback of `setTimeout` would be told once only: while a request rests, and then never again.
    session.on('timeout', () => {
      if (connection.open === 0) this.#leave(session, connection);
      else session.setTimeout(keepAliveTimeoutMs);
    });
    session.on('stream', (stream, _headers, flags, rawHeaders) => {
      const bodiless = (flags & END_STREAM) !== 0;
      const exchange = new Http2Exchange(this.#core, connection, stream, rawHeaders, bodiless);
      if (connection.givenUp < GIVEN_UP) begin(exchange);
      else setImmediate(beginUnlessOver, exchange);
    });
  }
}

function beginUnlessOver(exchange: Http2Exchange): void {
  if (!exchange.over) begin(exchange);
}
