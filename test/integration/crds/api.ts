import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { KubeApiserver } from '../../support/kube-apiserver.ts';

export interface Answer {
  readonly status: number;
  /** Texts of `Warning` fields. */
  readonly warnings: readonly string[];
  readonly body: unknown;
}

export type Ask = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** Asks an API server as its admin, over kept connections. */
export function asker(api: KubeApiserver): Ask {
  const ca = readFileSync(api.caFile);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  return (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${api.url}${path}`,
        {
          method,
          ca,
          agent,
          headers: {
            authorization: `Bearer ${api.adminToken}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.once('error', reject);
          response.once('end', () => {
            const text = Buffer.concat(parts).toString();
            const { warning = [] } = response.headersDistinct;
            resolve({
              status: response.statusCode ?? 0,
              warnings: warning,
              body: text.startsWith('{') ? JSON.parse(text) : text,
            });
          });
        },
      );
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
}
