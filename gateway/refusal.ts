import { ERROR_TABLE, type ErrorCode } from '../src/errors/table.ts';
import { statusFields } from './grpc.ts';

export interface WholeAnswer {
  readonly status: number;
  readonly fields: string[];
  readonly body: string;
}

/**
 * The gateway's own answer: a problem document (RFC 9457), or for gRPC a status in a response without a body. What it
 * says stands in the reference: nothing of the configuration.
 * @param grpc the request was a call
 * @param more extension members of the problem
 */
export function problemAnswer(
  code: ErrorCode | string,
  status: number,
  detail: string,
  requestId: string | undefined,
  grpc: boolean,
  more: Readonly<Record<string, unknown>> = {},
): WholeAnswer {
  const title = titleOf(code);
  if (grpc) {
    return { status: 200, fields: statusFields(status, `${code}: ${detail || title}`), body: '' };
  }
  const problem = {
    type: `https://portolan.dev/errors/${code}`,
    title,
    status,
    code,
    ...(detail === '' ? {} : { detail }),
    ...(isErrorCode(code) ? { fix: ERROR_TABLE[code].fix } : {}),
    ...(requestId === undefined ? {} : { requestId }),
    ...more,
  };
  return {
    status,
    fields: ['content-type', 'application/problem+json', 'cache-control', 'no-store'],
    body: `${JSON.stringify(problem)}\n`,
  };
}

/** What a code means, in one sentence. */
export function titleOf(code: string): string {
  return isErrorCode(code) ? ERROR_TABLE[code].meaning : 'The request was refused.';
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, code);
}
