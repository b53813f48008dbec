import type { AddressInfo } from 'node:net';
import { PortolanError } from '../src/errors/error.ts';
import type { ListenAddress } from './listen-address.ts';

export interface AdminSources {
  /** Why this agent is not ready; empty: it is. */
  readonly unready: () => readonly string[];
  readonly metrics: () => Promise<string>;
  /** Plain facts for people, shown by /healthz. */
  readonly facts: () => Readonly<Record<string, unknown>>;
}

export interface AdminServer {
  readonly address: ListenAddress;
  close(): Promise<void>;
}

/** Not by `import`, which reads every export of the module and so loads a whole HTTP client: 13 MB of memory. */
const { createServer } = process.getBuiltinModule('node:http');

/**
 * `/healthz` (the process runs), `/readyz` (it does its work: 503 and why, otherwise), `/metrics` (Prometheus text format).
 * @throws PortolanError PORT_IN_USE, UNSUPPORTED
 */
export async function startAdmin(listen: ListenAddress, sources: AdminSources): Promise<AdminServer> {
  const server = createServer((request, response) => {
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      json(405, { error: 'only GET' });
      return;
    }
    switch (new URL(request.url ?? '/', 'http://agent').pathname) {
      case '/healthz':
        json(200, { status: 'ok', ...sources.facts() });
        return;
      case '/readyz': {
        const reasons = sources.unready();
        json(reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons });
        return;
      }
      case '/metrics':
        sources.metrics().then(
          (text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text),
          () => response.writeHead(500).end(),
        );
        return;
      default:
        json(404, { error: 'there is /healthz, /readyz and /metrics' });
    }
  });
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'UNSUPPORTED';
      reject(
        new PortolanError(
          code,
          `the admin listener cannot use ${listen.host}:${listen.port}: ${cause.message}`,
          { cause },
        ),
      );
    });
    server.listen({ host: listen.host, port: listen.port }, () => resolve());
  });
  const bound: AddressInfo | string | null = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
  return {
    address: { host: listen.host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
