import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { deferred } from '../src/async/deferred.ts';
import { errorCode, networkFailure } from './network-failure.ts';
import { ProbeFailure, type ProbeRequest, type ProbeRun, type ProtocolCheck } from './probe.ts';
import { openTcp } from './tcp.ts';

/** Not by `import`, which reads every export of the module and so loads a second HTTP client: 8 MB of memory. */
const { request: httpRequest } = process.getBuiltinModule('node:http');

type HttpRequest = ProbeRequest<ProtocolCheck<'http' | 'https'>>;

/** How much of a body `bodyContains` looks at, in octets. */
const BODY_LIMIT = 64 * 1024;

/** Headers that frame the message or steer the connection; a check cannot set them. */
const RESERVED = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The HTTP probe: one request on a connection of its own. */
export async function probeHttp(run: ProbeRun, request: ProbeRequest<ProtocolCheck<'http'>>): Promise<void> {
  await exchange(run, request, await openTcp(run, request), hostHeader(request));
}

/**
 * The Host header: of the check, else the policy's hostname without a port, so that a probe through an internal port meets
 * the same virtual host as a client.
 */
export function hostHeader(request: HttpRequest): string {
  return request.check.host ?? request.defaultHost;
}

/**
 * One HTTP/1.1 exchange, judged: the status lies in an expected range (a redirect is a status like any other and is never
 * followed), and the first 64 KiB of the body hold `bodyContains` when it is given. Without it the body is not read.
 */
export async function exchange(
  run: ProbeRun,
  request: HttpRequest,
  socket: Socket,
  host: string,
): Promise<void> {
  const { check } = request;
  run.waitingFor('no HTTP response');
  const { promise, resolve, reject } = deferred<IncomingMessage>();
  const outgoing: ClientRequest = httpRequest({
    // No agent takes part: this one connection, nothing kept alive.
    createConnection: () => socket,
    method: check.method,
    path: check.path,
    headers: headersOf(request, host),
  });
  run.own(outgoing);
  outgoing.on('error', (error) => reject(exchangeFailure(error, request.address)));
  outgoing.once('response', resolve);
  outgoing.once('upgrade', resolve);
  outgoing.end();
  const response = await Promise.race([promise, run.over]);
  run.own(response);
  const status = response.statusCode ?? 0;
  if (!statusExpected(status, check.expectedStatuses)) {
    throw new ProbeFailure(`HTTP ${status}, expected ${check.expectedStatuses.join(', ')}`);
  }
  if (check.bodyContains === undefined) return;
  run.waitingFor(`HTTP ${status}, the body is incomplete`);
  await Promise.race([searchBody(response, check.bodyContains, request.address), run.over]);
}

/** @param expected single statuses and inclusive ranges such as `200-399`. */
export function statusExpected(status: number, expected: readonly (number | string)[]): boolean {
  return expected.some((range) => {
    const [from, to = from] = String(range).split('-').map(Number);
    return from !== undefined && to !== undefined && status >= from && status <= to;
  });
}

async function searchBody(response: IncomingMessage, text: string, address: string): Promise<void> {
  const wanted = Buffer.from(text);
  let body = Buffer.alloc(0);
  try {
    for await (const chunk of response.iterator({ destroyOnReturn: true })) {
      const part: unknown = chunk;
      if (!Buffer.isBuffer(part)) continue;
      body = Buffer.concat([body, part.subarray(0, BODY_LIMIT - body.length)]);
      if (body.includes(wanted)) return;
      if (body.length >= BODY_LIMIT) break;
    }
  } catch (thrown) {
    throw exchangeFailure(thrown, address);
  }
  const where =
    body.length >= BODY_LIMIT ? 'the first 64 KiB of the body' : `the body (${body.length} octets)`;
  throw new ProbeFailure(`HTTP ${response.statusCode}, but ${where} does not contain ${quoted(text)}`);
}

function headersOf(request: HttpRequest, host: string): Record<string, string> {
  const headers: Record<string, string> = { host, 'user-agent': 'portolan-prober', accept: '*/*' };
  for (const [name, value] of Object.entries(request.check.headers ?? {})) {
    const key = name.toLowerCase();
    if (RESERVED.has(key) || (key === 'host' && request.check.host !== undefined)) continue;
    headers[key] = value;
  }
  headers.connection = 'close';
  return headers;
}

function exchangeFailure(thrown: unknown, address: string): Error {
  const code = errorCode(thrown);
  if (code === 'ECONNRESET')
    return new ProbeFailure('connection closed before the HTTP response ended', { cause: thrown });
  if (code === 'HPE_HEADER_OVERFLOW')
    return new ProbeFailure('the HTTP response headers are too large', { cause: thrown });
  if (code.startsWith('HPE_')) return new ProbeFailure('the answer is not HTTP/1.1', { cause: thrown });
  return networkFailure(thrown, address);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
