import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../../src/errors/table.ts';
import type { CompiledEdge } from '../../src/policy/model.ts';
import type { Connection, GatewayCore } from '../core.ts';
import { GatewayResponse, Http1Exchange } from '../http/http1-exchange.ts';
import { GatewayIncoming } from '../http/incoming.ts';
import { UpgradeExchange } from '../http/upgrade-exchange.ts';
import { begin } from '../pipeline.ts';
import { problemAnswer } from '../refusal.ts';
import { continueTrace } from '../trace-context.ts';
import { IdleConnections } from './idle-connections.ts';

type Http1Server = Server<typeof IncomingMessage, typeof GatewayResponse>;

/** HTTP/1.1 of one port: node:http with llhttp in its strict mode. It does not listen; connections are handed to it. */
export class Http1Front {
  readonly #core: GatewayCore;
  readonly #server: Http1Server;
  readonly #connections = new WeakMap<Duplex, Connection>();
  readonly #idle: IdleConnections;

  constructor(core: GatewayCore, edge: CompiledEdge) {
    this.#core = core;
    this.#idle = new IdleConnections(core);
    this.#server = createServer<typeof IncomingMessage, typeof GatewayResponse>({
      IncomingMessage: GatewayIncoming,
      ServerResponse: GatewayResponse,
      // A request without a body needs none of the events of a stream.
      optimizeEmptyRequests: true,
      // Judged with all the rest, so that the refusal looks like every other one.
      requireHostHeader: false,
      insecureHTTPParser: false,
      // A long upload is no attack: what counts is whether octets keep coming (the sweep).
      requestTimeout: 0,
      // `IdleConnections` sees to it.
      keepAliveTimeout: 0,
      connectionsCheckingInterval: 1000,
      shouldUpgradeCallback: (req) => isWebSocket(req) && this.#isNext(req.socket),
    });
    // Fields beyond the limit of `normalise` must be seen to be refused.
    this.#server.maxHeadersCount = 0;
    this.configure(edge);
    this.#server.on('request', (req, res) => this.#begin(req, res));
    this.#server.on('checkContinue', (req, res) => this.#begin(req, res));
    this.#server.on('checkExpectation', (req, res) => this.#begin(req, res));
    this.#server.on('upgrade', (req, socket, early) => {
      const connection = this.#connections.get(socket);
      if (connection === undefined) socket.destroy();
      else begin(new UpgradeExchange(this.#core, connection, req, socket, early));
    });
    this.#server.on('connect', (_req, socket) => {
      if (!this.#isNext(socket)) socket.destroy();
      else this.#refuse(socket, 400, 'REQUEST_MALFORMED', 'CONNECT is not spoken here.');
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#broken(error, socket));
    // Starts its checks for slow heads, which a server that listens does by itself.
    this.#server.emit('listening');
  }

  /** From the next connection (header size) or request on. */
  configure({ limits }: CompiledEdge): void {
    this.#server.headersTimeout = limits.headerTimeoutMs;
    this.#idle.limitMs = limits.keepAliveTimeoutMs;
    this.#idle.headMs = limits.headerTimeoutMs;
    // Node has no public name for it after creation, and a new server per configuration would cost connections their place.
    Object.assign(this.#server, { maxHeaderSize: limits.maxHeaderBytes });
  }

  accept(socket: Socket, connection: Connection): void {
    this.#connections.set(socket, connection);
    this.#idle.watch(socket, connection);
    this.#server.emit('connection', socket);
    socket.resume();
  }

  /** Closes connections that wait for a request. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  close(): void {
    // It says that it was not listening, which it was not.
    this.#server.close(() => {});
  }

  /** No answer of the connection is still to come, into which another one's octets would fall. */
  #isNext(socket: Duplex): boolean {
    return this.#connections.get(socket)?.open === 0;
  }

  #begin(req: IncomingMessage, res: GatewayResponse): void {
    const connection = this.#connections.get(req.socket);
    if (connection === undefined) {
      req.socket.destroy();
      return;
    }
    connection.begun = true;
    if (!connection.broken) begin(new Http1Exchange(this.#core, connection, req, res));
  }

  /** What llhttp refuses, and heads that never end. */
  #broken(error: NodeJS.ErrnoException, socket: Duplex): void {
    const code = error.code ?? '';
    if (!socket.writable || (!code.startsWith('HPE_') && code !== 'ERR_HTTP_REQUEST_TIMEOUT')) {
      socket.destroy();
      return;
    }
    const connection = this.#connections.get(socket);
    if (connection?.broken === true) {
      // Its refusal was the last answer.
      destroySoon(socket);
      return;
    }
    if (connection !== undefined && connection.open > 0) {
      // Its body cannot be read on. Behind another answer of a pipeline nothing can be said without being taken for part of it.
      if (connection.open === 1) {
        connection.latest?.fail('REQUEST_MALFORMED', 400, 'The body is not framed as HTTP says.');
      }
      destroySoon(socket);
      return;
    }
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      this.#refuse(socket, 408, 'REQUEST_TIMEOUT', 'The head took too long to arrive.');
    } else if (code === 'HPE_HEADER_OVERFLOW') {
      this.#refuse(socket, 431, 'HEADERS_TOO_LARGE', '');
    } else {
      this.#refuse(socket, 400, 'REQUEST_MALFORMED', '');
    }
  }

  #refuse(socket: Duplex, status: number, code: ErrorCode, detail: string): void {
    const answer = problemAnswer(code, status, detail, undefined, false);
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
    const length = Buffer.byteLength(answer.body);
    const fields = [...answer.fields, 'content-length', String(length), 'connection', 'close'];
    for (let at = 0; at + 1 < fields.length; at += 2) head += `${fields[at]}: ${fields[at + 1]}\r\n`;
    socket.on('error', () => {});
    socket.write(`${head}\r\n${answer.body}`);
    destroySoon(socket);
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    const now = this.#core.deps.monotonicMs();
    const { traceId, spanId } = continueTrace(undefined, this.#core.deps.random);
    this.#core.deps.telemetry.ended({
      request: undefined,
      listener: connection.port.served.listenerId,
      rule: '',
      route: '',
      principal: undefined,
      status,
      code,
      received: 0,
      sent: length,
      startMs: now,
      authorisedMs: 0,
      firstByteMs: 0,
      endMs: now,
      backend: '',
      endpoint: '',
      retries: 0,
      traceId,
      spanId,
    });
  }
}

/** Every other upgrade is ignored, as RFC 9110 §7.8 allows. */
function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined
  );
}

function destroySoon(socket: Duplex): void {
  socket.end(() => socket.destroy());
}
