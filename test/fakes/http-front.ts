import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** The HTTP side of a cloud that tests have a fake of, on a port of loopback. */
export interface HttpFront {
  /** `http://127.0.0.1:…`; with TLS `https://localhost:…`. */
  readonly url: string;
  /** Resolves after `delayMs`, or when the front is closed. */
  pause(delayMs: number): Promise<void>;
  /** Breaks every connection. */
  close(): Promise<void>;
}

export interface HttpFrontOptions {
  /** Answers a request whose body was read to its end. When it rejects the connection is broken. */
  readonly answer: (request: IncomingMessage, body: string, response: ServerResponse) => void | Promise<void>;
  /** Speak TLS, for `localhost`. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
}

/** On a busy machine a client sends on a connection in the very moment in which a shorter timeout closes it. */
const KEEP_ALIVE_MS = 120_000;

export async function startHttpFront({ answer, tls }: HttpFrontOptions): Promise<HttpFront> {
  const pauses = new Set<() => void>();
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    textOf(request)
      .then((body) => answer(request, body, response))
      .catch(() => response.destroy());
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    pause: (delayMs) =>
      new Promise((resolve) => {
        const end = (): void => {
          clearTimeout(timer);
          pauses.delete(end);
          resolve();
        };
        const timer = setTimeout(end, delayMs);
        pauses.add(end);
      }),
    async close() {
      for (const end of [...pauses]) end();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
