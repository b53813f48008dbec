import createOpenApiClient, { type Client as OpenApiClient } from 'openapi-fetch';
import { PortolanError } from '../errors/error.ts';
import type { paths } from './generated/api.d.ts';
import { errorOfResponse, unreachable } from './problem.ts';

export interface ClientOptions {
  /** `http://127.0.0.1:7460` */
  readonly server: string;
  /** `ptk1.…`; without it only public paths answer. */
  readonly token?: string;
  readonly fetch?: typeof globalThis.fetch;
  /** Warnings that came with a successful write. */
  readonly onWarning?: (text: string) => void;
  /** Milliseconds a request may take, watches apart. */
  readonly timeoutMs?: number;
  /** For the pause before a watch is opened again. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What the calls of every part of the API are made with. */
export interface Connection {
  /** Without a slash at its end. */
  readonly server: string;
  readonly raw: OpenApiClient<paths>;
  /** Rejects with the PortolanError of everything that is no success. */
  readonly send: (request: Request) => Promise<Response>;
  /** As `send`, for an answer without end. */
  readonly sendUnbounded: (request: Request) => Promise<Response>;
  /** @throws PortolanError HUB_UNREACHABLE when there is no data */
  readonly answer: <T>(result: { readonly data?: T }) => T;
  /** @throws PortolanError HUB_UNREACHABLE when it is no such value */
  readonly checked: <T>(value: unknown, is: (value: unknown) => value is T) => T;
}

/** @throws PortolanError USAGE when `server` is no http(s) URL */
export function connectionTo(options: ClientOptions): Connection {
  const server = serverOf(options.server);
  const send = sender(options, server);
  const sendBounded = (request: Request): Promise<Response> => send(request, options.timeoutMs ?? 35_000);
  return {
    server,
    raw: createOpenApiClient<paths>({ baseUrl: server, fetch: sendBounded }),
    send: sendBounded,
    sendUnbounded: (request) => send(request, undefined),
    answer: (result) => {
      // Errors were thrown by the sender already.
      if (result.data === undefined) throw strange(server);
      return result.data;
    },
    checked: (value, is) => {
      if (!is(value)) throw strange(server);
      return value;
    },
  };
}

/** Adds the token, bounds the time, and turns everything that is no success into a PortolanError. */
function sender(
  options: ClientOptions,
  server: string,
): (request: Request, timeoutMs: number | undefined) => Promise<Response> {
  const doFetch = options.fetch ?? globalThis.fetch;
  return async (request, timeoutMs) => {
    if (options.token !== undefined) request.headers.set('authorization', `Bearer ${options.token}`);
    let response: Response;
    try {
      response = await doFetch(
        request,
        timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) },
      );
    } catch (thrown) {
      if (request.signal.aborted) throw thrown;
      throw unreachable(thrown, server, timeoutMs);
    }
    // Not being ready is an answer, not a failure to ask.
    const notReady =
      response.status === 503 &&
      new URL(request.url).pathname === '/readyz' &&
      response.headers.get('content-type') === 'application/json';
    if (notReady) return new Response(response.body, { status: 200, headers: response.headers });
    if (!response.ok) throw await errorOfResponse(response, server);
    for (const warning of warningsOf(response)) options.onWarning?.(warning);
    return response;
  };
}

function warningsOf(response: Response): readonly string[] {
  const header = response.headers.get('portolan-warnings');
  if (header === null) return [];
  const parsed: unknown = JSON.parse(header);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

function strange(server: string): PortolanError {
  return new PortolanError(
    'HUB_UNREACHABLE',
    `${server} answered, but not as a Portolan hub of this version does`,
    { fix: 'Check --server, and that hub and CLI are of versions that fit (`portolan version`).' },
  );
}

function serverOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new PortolanError('USAGE', `${JSON.stringify(text)} is not the address of a hub`, {
      fix: 'Give it like --server http://127.0.0.1:7460.',
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
