import { ERROR_TABLE, type ErrorCode } from '../src/errors/table.ts';

export interface WholeAnswer {
  readonly status: number;
  readonly fields: string[];
  readonly body: string;
}

/** gRPC codes for HTTP refusals (gRPC's http-grpc-status-mapping, and what its servers say where HTTP has the finer word). */
const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  408: 4,
  413: 8,
  421: 14,
  429: 8,
  431: 8,
  500: 13,
  502: 14,
  503: 14,
  504: 4,
};
const UNKNOWN = 2;

/**
 * The gateway's own answer: a problem document (RFC 9457), or for gRPC a status in a response without a body. Says nothing of the
 * configuration: what to do about it stands in the reference by the code.
 */
export function problemAnswer(
  code: ErrorCode | string,
  status: number,
  detail: string,
  requestId: string | undefined,
  contentType: string | undefined,
): WholeAnswer {
  const title = isErrorCode(code) ? ERROR_TABLE[code].meaning : 'The request was refused.';
  if (contentType?.startsWith('application/grpc') === true) {
    return {
      status: 200,
      fields: [
        'content-type',
        'application/grpc',
        'grpc-status',
        String(GRPC_STATUS[status] ?? UNKNOWN),
        'grpc-message',
        percentEncoded(`${code}: ${detail || title}`),
      ],
      body: '',
    };
  }
  const problem = {
    type: `https://portolan.dev/errors/${code}`,
    title,
    status,
    code,
    ...(detail === '' ? {} : { detail }),
    ...(requestId === undefined ? {} : { requestId }),
  };
  return {
    status,
    fields: ['content-type', 'application/problem+json', 'cache-control', 'no-store'],
    body: `${JSON.stringify(problem)}\n`,
  };
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, code);
}

/** gRPC over HTTP/2, "Percent-Encoded". */
function percentEncoded(text: string): string {
  let out = '';
  for (const octet of Buffer.from(text)) {
    out +=
      octet >= 0x20 && octet <= 0x7e && octet !== 0x25
        ? String.fromCharCode(octet)
        : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
