import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeAccess } from '../../kube/connection.ts';

export interface KubeApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Undefined: none, or no JSON. */
  readonly body: unknown;
  /** The client's port, to tell connections apart. */
  readonly connection: number | undefined;
}

export interface ScriptedKubeApi extends AsyncDisposable {
  readonly access: KubeAccess;
  readonly requests: readonly KubeApiRequest[];
}

/** An HTTP server whose answers the test writes, down to where a chunk ends, in the place of an API server. */
export async function startScriptedKubeApi(
  answer: (request: KubeApiRequest, response: ServerResponse) => void | Promise<void>,
  access: Partial<KubeAccess> = {},
): Promise<ScriptedKubeApi> {
  const requests: KubeApiRequest[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) if (Buffer.isBuffer(part)) parts.push(part);
    const text = Buffer.concat(parts).toString('utf8');
    const url = new URL(request.url ?? '/', 'http://server');
    const received = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
      connection: request.socket.remotePort,
    };
    requests.push(received);
    await answer(received, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    access: {
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      namespace: 'default',
      authorise: async () => ({ headers: { authorization: 'Bearer token' } }),
      ...access,
    },
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function status(response: ServerResponse, code: number, message: string, headers = {}): void {
  response
    .writeHead(code, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ kind: 'Status', status: 'Failure', code, message }));
}

/** A line of a watch. */
export function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

export function configMap(name: string, resourceVersion: string, data: Record<string, string> = {}) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'shop', resourceVersion },
    data,
  };
}

export function bookmark(resourceVersion: string): string {
  return line('BOOKMARK', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { resourceVersion } });
}

export const CONFIG_MAPS = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
} as const;
