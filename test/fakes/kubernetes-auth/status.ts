import type { ServerResponse } from 'node:http';

/** A refusal as kube-apiserver words it: `meta/v1` Status (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/). */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: number;
  readonly reason: string;
  readonly details: object | undefined;

  constructor(code: number, reason: string, message: string, details?: object) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  send(response: ServerResponse): void {
    sendJson(response, this.code, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    });
  }
}

export function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-cache, private',
    'audit-id': '00000000-0000-4000-8000-000000000000',
  });
  response.end(`${JSON.stringify(body)}\n`);
}
