import { getConnInfo } from '@hono/node-server/conninfo';
import { type Context, Hono } from 'hono';
import { PortolanError } from '../../src/errors/error.ts';
import { objectName } from '../../src/resources/metadata.ts';
import type { ApiContext, Endpoint, Reply } from './endpoint.ts';
import { ENDPOINTS } from './endpoints.ts';
import { ALL_NAMESPACES } from './permissions.ts';
import { ANONYMOUS, actorOf, authenticate, demand, demandSomewhere, type Principal } from './principal.ts';
import { problemResponse } from './problem-response.ts';
import { readBody, readOctets } from './request-body.ts';

/** What the API writes to the log. pino fits. */
export interface ApiLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface AppOptions extends ApiContext {
  readonly log: ApiLog;
  /** True for a Host header's name (lower case, without port) that this hub serves. */
  readonly servesHost: (name: string) => boolean;
  /** Aborted when the API closes: event streams end, new requests are refused. */
  readonly closing: AbortSignal;
  readonly requestTimeoutMs: number;
  /** Answers what this hub cannot by itself, as it stands by; `undefined`: it can. */
  readonly passOn?: PassOn;
  /** The client's address, where another hub has passed the request on and shows that it is one. */
  readonly passedOnFor?: (request: Request) => string | undefined;
}

/** @param client address of the client's socket */
export type PassOn = (endpoint: Endpoint, request: Request, client?: string) => Promise<Response> | undefined;

/** Event streams open, by token. */
type OpenStreams = Map<string, number>;

type Env = { Variables: { requestId: string } };

/** The HTTP surface: routes every endpoint of the table and turns whatever goes wrong into problem+json. */
export function createApp(options: AppOptions): Hono<Env> {
  const app = new Hono<Env>({ strict: true });
  const streams: OpenStreams = new Map();

  app.use('*', async (c, next) => {
    const given = c.req.header('x-request-id');
    const requestId =
      given !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(given)
        ? given
        : Buffer.from(options.randomBytes(9)).toString('base64url');
    c.set('requestId', requestId);
    const startedMs = options.clock.nowMs();
    if (options.closing.aborted) throw new PortolanError('NOT_READY', 'the hub is stopping');
    checkHost(c.req.header('host'), options.servesHost);
    await next();
    c.header('x-request-id', requestId);
    c.header('cache-control', 'no-store');
    c.header('x-content-type-options', 'nosniff');
    options.log.debug(
      {
        requestId,
        method: c.req.method,
        path: c.req.path,
        status: c.res.status,
        ms: options.clock.nowMs() - startedMs,
      },
      'request',
    );
  });

  for (const endpoint of ENDPOINTS) {
    app.on(endpoint.method, route(endpoint.path), (c) =>
      within(
        options.requestTimeoutMs,
        options.passOn?.(endpoint, c.req.raw, remoteAddress(c)) ?? serve(c, endpoint, options, streams),
      ),
    );
  }
  for (const [path, methods] of methodsByPath()) {
    app.all(route(path), (c) => {
      c.header('allow', methods.join(', '));
      throw new PortolanError(
        'METHOD_NOT_ALLOWED',
        `${c.req.method.slice(0, 20)} is not possible here; ${methods.join(', ')} is`,
      );
    });
  }

  app.notFound((c) =>
    problemReply(
      c,
      new PortolanError('NOT_FOUND', 'no such path in this API', {
        fix: 'GET /openapi.json lists every path.',
      }),
      options.log,
    ),
  );
  app.onError((thrown, c) => problemReply(c, thrown, options.log));
  return app;
}

async function serve(
  c: Context<Env>,
  endpoint: Endpoint,
  options: AppOptions,
  streams: OpenStreams,
): Promise<Response> {
  const principal = await authorise(c, endpoint, options);
  const params = c.req.param();
  const body = await contentOf(c.req.raw, endpoint);
  const reply = await endpoint.handle(
    {
      params,
      query: queryOf(c.req.url),
      body,
      principal,
      actor: actorOf(principal),
      header: (name) => c.req.header(name),
      signal: AbortSignal.any([options.closing, c.req.raw.signal]),
    },
    options,
  );
  return responseOf(reply, options, streams, principal.tokenId);
}

function contentOf(request: Request, { body, file }: Endpoint): Promise<unknown> {
  if (file !== undefined) return readOctets(request, file.maxOctets);
  return body === undefined ? Promise.resolve(undefined) : readBody(request);
}

/** First who, then whether; the content of the request is not looked at before. */
async function authorise(c: Context<Env>, { access }: Endpoint, options: AppOptions): Promise<Principal> {
  if (access.kind === 'public') return ANONYMOUS;
  const address = options.passedOnFor?.(c.req.raw) ?? remoteAddress(c);
  const principal = await authenticate(c.req.header('authorization'), address, options.store);
  const { namespace, name } = c.req.param() as { namespace?: string; name?: string };
  for (const [field, value] of Object.entries({ namespace, name })) {
    if (value !== undefined) checkName(field, value);
  }
  switch (access.kind) {
    case 'authenticated':
      return principal;
    case 'somewhere':
      demandSomewhere(principal, access.action);
      return principal;
    case 'everywhere':
      demand(principal, access.action, ALL_NAMESPACES);
      return principal;
    case 'namespace':
      if (namespace === undefined) throw new PortolanError('INTERNAL', 'the route has no namespace');
      demand(principal, access.action, namespace);
      return principal;
  }
}

function checkName(field: string, value: string): void {
  if (objectName.safeParse(value).success) return;
  const violation = {
    path: field,
    code: 'VALIDATION_FAILED',
    message: 'in the path is no valid name',
    fix: 'Names have lower-case letters, digits and "-", at most 63.',
  } as const;
  throw new PortolanError('VALIDATION_FAILED', `the ${field} in the path is no valid name`, {
    violations: [violation],
    fix: violation.fix,
  });
}

function queryOf(url: string): Readonly<Record<string, string>> {
  const query = new Map<string, string>();
  for (const [name, value] of new URL(url).searchParams) {
    if (query.has(name)) {
      const violation = {
        path: name.slice(0, 60),
        code: 'VALIDATION_FAILED',
        message: 'is given twice',
        fix: 'Give it once.',
      } as const;
      throw new PortolanError('VALIDATION_FAILED', `query parameter ${violation.path} is given twice`, {
        violations: [violation],
        fix: violation.fix,
      });
    }
    query.set(name, value);
  }
  return Object.fromEntries(query);
}

function responseOf(reply: Reply, options: AppOptions, streams: OpenStreams, tokenId: string): Response {
  if ('events' in reply) {
    const { maximum, maximumPerToken = maximum } = options.streams;
    const open = [...streams.values()].reduce((sum, n) => sum + n, 0);
    const mine = streams.get(tokenId) ?? 0;
    if (open >= maximum)
      throw new PortolanError('TOO_MANY_WATCHES', `${open} watches are open, as many as this hub allows`);
    if (mine >= maximumPerToken)
      throw new PortolanError(
        'TOO_MANY_WATCHES',
        `${mine} watches of this token are open, as many as one may have`,
      );
    streams.set(tokenId, mine + 1);
    const body = streamOf(reply.events, () => {
      const left = (streams.get(tokenId) ?? 1) - 1;
      if (left > 0) streams.set(tokenId, left);
      else streams.delete(tokenId);
    });
    return new Response(body, {
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
    });
  }
  if ('text' in reply)
    return new Response(reply.text, { status: reply.status, headers: { 'content-type': reply.contentType } });
  if ('json' in reply) {
    return new Response(JSON.stringify(reply.json), {
      status: reply.status,
      headers: { 'content-type': 'application/json', ...reply.headers },
    });
  }
  return new Response(null, { status: reply.status });
}

/** Pulled by the reader: a slow one holds back the source, and the store cuts it when too much has piled up. */
function streamOf(events: AsyncIterable<string>, onEnd: () => void): ReadableStream<Uint8Array> {
  const source = events[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let ended = false;
  const end = (): void => {
    if (!ended) onEnd();
    ended = true;
  };
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await source.next();
        if (next.done === true) {
          end();
          controller.close();
        } else controller.enqueue(encoder.encode(next.value));
      },
      async cancel() {
        end();
        await source.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

function problemReply(c: Context<Env>, thrown: unknown, log: ApiLog): Response {
  const error = PortolanError.from(thrown);
  const requestId = c.get('requestId') ?? '';
  const fields = { requestId, method: c.req.method, path: c.req.path, code: error.code };
  if (error.status >= 500) log.error({ ...fields, err: thrown }, 'request failed');
  else log.debug(fields, 'request refused');
  return problemResponse(error, requestId, c.res.headers);
}

/** A browser that was lured to a name pointing at this address (DNS rebinding) sends that name. */
function checkHost(header: string | undefined, serves: (name: string) => boolean): void {
  const name = /^(\[[0-9a-fA-F:.]+\]|[^:\s/@]+)(?::\d{1,5})?$/.exec(header ?? '')?.[1];
  if (name !== undefined && serves(name.toLowerCase())) return;
  throw new PortolanError(
    'HOST_NOT_ALLOWED',
    `this hub does not serve the host ${JSON.stringify((header ?? '').slice(0, 100))}`,
  );
}

function remoteAddress(c: Context<Env>): string | undefined {
  try {
    return getConnInfo(c).remote.address;
  } catch {
    // Not over a socket (the app called directly).
    return undefined;
  }
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new PortolanError('TIMEOUT', `the request took longer than ${limitMs} ms`)),
      limitMs,
    );
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** `/a/{b}` of OpenAPI as the router spells it. */
function route(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function methodsByPath(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { path, method } of ENDPOINTS) found.set(path, [...(found.get(path) ?? []), method]);
  return found;
}
