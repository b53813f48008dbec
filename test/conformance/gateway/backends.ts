import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** What became of one request at the backends, by its `x-token`. */
export interface Trace {
  /** Times it arrived; a retry or a mirror's copy is one more. */
  arrived: number;
  /** It ended before its answer was whole. */
  broken: boolean;
  /** Octets that were handed to the connection for the answer. */
  written: number;
  /** Copies that the mirror has, as `METHOD path body`. */
  readonly copies: string[];
}

/** Backends that do what the header `x-do` of a request says, and tell in their answer (JSON) what they saw. */
export interface Backends {
  /** By name: `a`, `b` (HTTP/1.1), `mirror`, `rpc-a`, `rpc-b`, `rpc-mirror` (h2c). */
  readonly ports: Readonly<Record<string, number>>;
  trace(token: string): Trace;
  close(): Promise<void>;
}

const CHUNK = Buffer.alloc(65_536, 'x');
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** `value` as one message of gRPC: uncompressed, with its length. */
export function grpcMessage(value: string | Buffer): Buffer {
  const body = Buffer.from(value);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** Bodies of the gRPC messages in `octets`. */
export function grpcMessages(octets: Buffer): Buffer {
  const bodies: Buffer[] = [];
  for (let at = 0; at + 5 <= octets.length; ) {
    const length = octets.readUInt32BE(at + 1);
    bodies.push(octets.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return Buffer.concat(bodies);
}

export async function startBackends(): Promise<Backends> {
  const traces = new Map<string, Trace>();
  const trace = (token: string): Trace => {
    const known = traces.get(token) ?? { arrived: 0, broken: false, written: 0, copies: [] };
    traces.set(token, known);
    return known;
  };
  const servers = new Map<string, http.Server | http2.Http2Server>();
  const sockets = new Set<Socket>();
  const ports: Record<string, number> = {};
  const listen = async (name: string, server: http.Server | http2.Http2Server): Promise<void> => {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.set(name, server);
    ports[name] = (server.address() as AddressInfo).port;
  };
  for (const name of ['a', 'b', 'mirror']) await listen(name, httpBackend(name, trace));
  for (const name of ['rpc-a', 'rpc-b', 'rpc-mirror']) await listen(name, grpcBackend(name, trace));
  return {
    ports,
    trace,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(
        [...servers.values()].map(
          (server) => new Promise<void>((resolve) => void server.close(() => resolve())),
        ),
      );
    },
  };
}

/** Writes for as long as somebody takes it. */
function flood(out: Writable & { readonly destroyed: boolean }, of: Trace): void {
  const more = (): void => {
    for (let full = false; !full && !out.destroyed; of.written += CHUNK.length) full = !out.write(CHUNK);
  };
  out.on('drain', more);
  more();
}

function httpBackend(name: string, trace: (token: string) => Trace): http.Server {
  const server = http.createServer((req, res) => {
    const { headers, method = '', url = '' } = req;
    const of = trace(String(headers['x-token'] ?? ''));
    if (name !== 'mirror') of.arrived += 1;
    req.on('error', () => {});
    res.on('error', () => {});
    res.on('close', () => {
      if (!res.writableFinished) of.broken = true;
    });
    switch (headers['x-do']) {
      case 'hang':
        return;
      case 'flood':
        return flood(res, of);
      case 'broken':
        res.writeHead(200, { 'content-length': '100' });
        res.write('half', () => res.destroy());
        return;
      case 'gone':
        res.destroy();
        return;
      case 'duplex':
        res.writeHead(200);
        res.flushHeaders();
        req.on('data', (chunk: Buffer) => res.write(Buffer.concat([Buffer.from('>'), chunk])));
        req.on('end', () => res.end('.'));
        return;
      case 'hints':
        res.writeEarlyHints({ link: '</style.css>; rel=preload' });
        break;
      case 'flaky':
        if (of.arrived === 1) {
          req.resume();
          res.writeHead(503).end('not now');
          return;
        }
        break;
      default:
    }
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      if (name === 'mirror') of.copies.push(`${method} ${url} ${body}`);
      res.setHeader('x-backend-secret', 'build 7');
      res.setHeader('content-type', 'application/json');
      const text = JSON.stringify({ backend: name, method, path: url, headers, body });
      if (headers['x-do'] === 'trailers') {
        res.writeHead(200, { trailer: 'x-sum' });
        res.write(text);
        res.addTrailers({ 'x-sum': '42' });
        res.end();
      } else if (headers['x-do'] === 'big') res.end('y'.repeat(300_000));
      else res.end(text);
    });
  });
  server.on('upgrade', (req: http.IncomingMessage, socket: Socket) => {
    const accept = createHash('sha1')
      .update(`${req.headers['sec-websocket-key'] ?? ''}${WEBSOCKET_GUID}`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  return server;
}

function grpcBackend(name: string, trace: (token: string) => Trace): http2.Http2Server {
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    const of = trace(String(headers['x-token'] ?? ''));
    if (name !== 'rpc-mirror') of.arrived += 1;
    let whole = false;
    stream.on('error', () => {});
    stream.on('close', () => {
      if (!whole) of.broken = true;
    });
    const respond = (): void =>
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => {
      whole = true;
      stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine', 'x-sum': '42' });
    });
    switch (headers['x-do']) {
      case 'hang':
        return;
      case 'flood':
        respond();
        return flood(stream, of);
      case 'broken':
        respond();
        stream.write('half', () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
        return;
      case 'gone':
        stream.session?.socket.destroy();
        return;
      case 'fail':
        whole = true;
        stream.respond(
          {
            ':status': 200,
            'content-type': 'application/grpc',
            'grpc-status': '5',
            'grpc-message': 'no such order',
          },
          { endStream: true },
        );
        return;
      case 'duplex':
        respond();
        stream.on('data', (chunk: Buffer) => stream.write(Buffer.concat([Buffer.from('>'), chunk])));
        stream.on('end', () => stream.end('.'));
        return;
      default:
    }
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      if (stream.destroyed) return;
      const body = grpcMessages(Buffer.concat(chunks)).toString();
      const method = headers[':method'] ?? '';
      const path = headers[':path'] ?? '';
      if (name === 'rpc-mirror') of.copies.push(`${method} ${path} ${body}`);
      respond();
      const seen = { ...Object.fromEntries(Object.entries(headers)), host: headers[':authority'] };
      stream.end(
        grpcMessage(
          headers['x-do'] === 'big'
            ? 'y'.repeat(300_000)
            : JSON.stringify({ backend: name, method, path, headers: seen, body }),
        ),
      );
    });
  });
  return server;
}
