import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { isLoopback } from '../config/listen-address.ts';
import type { HubConfig } from '../config.ts';
import type { Store } from '../store/contract.ts';
import { type ApiLog, type AppOptions, createApp, type PassOn } from './app.ts';
import type { Clock, StreamLimits } from './endpoint.ts';
import { problemResponse } from './problem-response.ts';
import type { HubServices } from './services.ts';
import { createWriteLane, type WriteLane } from './write-lane.ts';

export interface ApiOptions {
  readonly store: Store;
  readonly services: HubServices;
  /** The `api` part of the configuration. */
  readonly config: HubConfig['api'];
  readonly clock: Clock;
  readonly log: ApiLog;
  /** Shared with whoever else must not write between an admission and its commit; its own when left out. */
  readonly lane?: WriteLane;
  readonly randomBytes?: (count: number) => Uint8Array;
  readonly streams?: StreamLimits;
  /** Milliseconds one request may take, event streams apart. */
  readonly requestTimeoutMs?: number;
  /** Answers what this hub cannot by itself. */
  readonly passOn?: PassOn;
  readonly passedOnFor?: AppOptions['passedOnFor'];
  /** Milliseconds that `close` waits for requests in flight. */
  readonly drainMs?: number;
}

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:7460` */
  readonly url: string;
}

export interface Api {
  /** @throws PortolanError PORT_IN_USE, CONFIG_INVALID (certificate files, or a reachable address without TLS) */
  start(): Promise<BoundAddress>;
  /** Ends event streams, lets requests in flight finish, then closes. Safe to call twice. */
  close(): Promise<void>;
}

const DEFAULT_STREAMS: StreamLimits = { heartbeatMs: 15_000, maximum: 1000, maximumPerToken: 100 };

export function createApi(options: ApiOptions): Api {
  const { config } = options;
  const closing = new AbortController();
  const hosts = new Set([config.host, ...config.allowedHosts].map((h) => bracketed(h.toLowerCase())));
  if (isLoopback(config.host)) for (const name of ['localhost', '127.0.0.1', '[::1]']) hosts.add(name);
  const app = createApp({
    store: options.store,
    services: options.services,
    lane: options.lane ?? createWriteLane(),
    clock: options.clock,
    log: options.log,
    streams: options.streams ?? DEFAULT_STREAMS,
    randomBytes: options.randomBytes ?? randomBytes,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    servesHost: (name) => hosts.has(name),
    closing: closing.signal,
    ...(options.passOn === undefined ? {} : { passOn: options.passOn }),
    ...(options.passedOnFor === undefined ? {} : { passedOnFor: options.passedOnFor }),
  });
  // Requests and Responses of this listener are its own: nothing else in the process sees them patched.
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // A request line or Host header that makes no URL never reaches the app.
    errorHandler: (thrown) => {
      options.log.debug({ err: thrown }, 'request refused');
      return problemResponse(
        new PortolanError('UNSUPPORTED', 'the request line or its Host header is not valid', {
          fix: 'Send a plain path and the Host of this hub.',
        }),
        '',
      );
    },
  });
  const settings = {
    requestTimeout: 60_000,
    headersTimeout: 10_000,
    keepAliveTimeout: 10_000,
    maxHeaderSize: 16_384,
  };
  const tls = config.tls;
  const server =
    tls === undefined
      ? createServer(settings)
      : createTlsServer({ ...settings, ...certificateOf(tls), minVersion: 'TLSv1.2' });
  server.on('request', listener);
  server.on('clientError', refuseMalformed);
  let closed: Promise<void> | undefined;

  return {
    start: () =>
      new Promise((resolve, reject) => {
        if (tls === undefined && !isLoopback(config.host)) {
          reject(
            new PortolanError(
              'CONFIG_INVALID',
              `api.tls is required because the API listens on ${config.host}`,
              { fix: 'Give api.tls.certFile and api.tls.keyFile, or listen on 127.0.0.1.' },
            ),
          );
          return;
        }
        server.once('error', (cause: NodeJS.ErrnoException) => {
          const taken = cause.code === 'EADDRINUSE';
          reject(
            new PortolanError(
              taken ? 'PORT_IN_USE' : 'CONFIG_INVALID',
              `the API cannot listen on ${config.host}:${config.port}: ${cause.message}`,
              { cause, ...(taken ? { fix: 'Stop the other program, or choose another api.port.' } : {}) },
            ),
          );
        });
        server.listen(config.port, config.host, () => {
          const address = server.address();
          const port = typeof address === 'object' && address !== null ? address.port : config.port;
          resolve({
            host: config.host,
            port,
            url: `${tls === undefined ? 'http' : 'https'}://${bracketed(config.host)}:${port}`,
          });
        });
      }),
    close: () => {
      closed ??= new Promise((resolve) => {
        closing.abort();
        if (!server.listening) {
          resolve();
          return;
        }
        const impatience = setTimeout(() => server.closeAllConnections(), options.drainMs ?? 10_000);
        server.close(() => {
          clearTimeout(impatience);
          resolve();
        });
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}

/** An IPv6 address as it stands in a URL. */
function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function certificateOf(tls: { readonly certFile: string; readonly keyFile: string }): {
  readonly cert: Buffer;
  readonly key: Buffer;
} {
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (cause) {
      throw new PortolanError('CONFIG_INVALID', `cannot read ${path}: ${messageOf(cause)}`, {
        cause,
        fix: 'Correct api.tls in the hub configuration.',
      });
    }
  };
  return { cert: read(tls.certFile), key: read(tls.keyFile) };
}

/** What is not HTTP gets an answer, as long as it can be written. */
function refuseMalformed(
  error: NodeJS.ErrnoException,
  socket: Socket | { readonly writable: boolean; end(text: string): unknown; destroy(): unknown },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = JSON.stringify(
    new PortolanError('UNSUPPORTED', 'the request is not valid HTTP', { fix: 'Send HTTP/1.1.' }).toProblem(),
  );
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(problem)}\r\n\r\n${problem}`,
  );
}
