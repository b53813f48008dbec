import { createServer } from 'node:http';
import { PortolanError } from '../../src/errors/error.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import type { HubServices } from './services.ts';

export interface AdminServer {
  readonly address: ListenAddress;
  close(): Promise<void>;
}

/**
 * What supervisors and Prometheus ask, as the agent has it: `/healthz` (the process runs), `/readyz` (it does its work; 503 and why, otherwise), `/metrics`.
 * Plain HTTP without tokens, so it is a listener of its own and off unless it is configured.
 * @throws PortolanError PORT_IN_USE, CONFIG_INVALID
 */
export async function startAdmin(
  listen: ListenAddress,
  services: Pick<HubServices, 'ready' | 'metrics'>,
): Promise<AdminServer> {
  const server = createServer((request, response) => {
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      json(405, { error: 'only GET' });
      return;
    }
    const failed = (): void => void response.writeHead(500).end();
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        json(200, { status: 'ok' });
        return;
      case '/readyz':
        services.ready().then((readiness) => json(readiness.ready ? 200 : 503, readiness), failed);
        return;
      case '/metrics':
        services
          .metrics()
          .then(
            (text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text),
            failed,
          );
        return;
      default:
        json(404, { error: 'there is /healthz, /readyz and /metrics' });
    }
  });
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new PortolanError(
          cause.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'CONFIG_INVALID',
          `the admin listener cannot use ${listen.host}:${listen.port}: ${cause.message}`,
          { cause },
        ),
      ),
    );
    server.listen({ host: listen.host, port: listen.port }, () => resolve());
  });
  const bound = server.address();
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
