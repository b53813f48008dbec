import type { PortolanError } from '../../src/errors/error.ts';

/** An error as RFC 9457 problem+json. What broke inside stays inside: an INTERNAL error names only its request. */
export function problemResponse(
  error: PortolanError,
  requestId: string,
  kept: Headers = new Headers(),
): Response {
  const { cause, ...problem } = error.toProblem();
  const body =
    error.code === 'INTERNAL'
      ? {
          ...problem,
          detail: `an unexpected error; the hub's log has it under request ${requestId}`,
          requestId,
        }
      : { ...problem, ...(cause === undefined ? {} : { cause }), requestId };
  const headers = new Headers(kept);
  headers.set('content-type', 'application/problem+json');
  headers.set('x-request-id', requestId);
  headers.set('cache-control', 'no-store');
  headers.set('x-content-type-options', 'nosniff');
  if (error.status === 401) headers.set('www-authenticate', 'Bearer realm="portolan"');
  // The rest of a refused body is not read, so the connection cannot be used again.
  if (error.code === 'PAYLOAD_TOO_LARGE' || error.code === 'NOT_READY') headers.set('connection', 'close');
  return new Response(JSON.stringify(body), { status: error.status, headers });
}
