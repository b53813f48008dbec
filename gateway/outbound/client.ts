import { lookup as dnsLookup } from 'node:dns/promises';
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { OutboundFailure } from './failure.ts';
import { createOutboundGuard, type Resolve } from './guard.ts';

/** Not by `import`: see prober/http.ts. */
const { request: httpRequest } = process.getBuiltinModule('node:http');
const { request: httpsRequest } = process.getBuiltinModule('node:https');

export interface OutboundRequest {
  /** `http:` or `https:`, without user information. */
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Covers resolving, connecting, TLS, headers and body. */
  readonly timeoutMs: number;
  /** PEM of the roots that are trusted; absent or empty: the system's. */
  readonly ca?: readonly string[];
  /** Octets of the answer's body; default 256 KiB. */
  readonly maxBodyBytes?: number;
}

export interface OutboundAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/**
 * Calls that a policy names: token issuers, introspection, metadata, authorisation. Guarded (I32), bounded in time, size and number,
 * on connections that are kept; redirects are refused, since what they lead to was not named by anybody.
 */
export interface OutboundClient {
  /** @throws OutboundFailure; an answer of 400 or more is an answer */
  call(request: OutboundRequest): Promise<OutboundAnswer>;
  /** Closes the connections that are kept. */
  close(): void;
}

export interface OutboundOptions {
  readonly allowedRanges: readonly string[];
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
  /** Calls under way at once, all hosts together; default 256. */
  readonly maxCalls?: number;
  /** Connections per host; default 16. */
  readonly maxConnections?: number;
}

const DEFAULT_MAX_BODY = 256 * 1024;
const MAX_HEADER_OCTETS = 16 * 1024;
const IDLE_MS = 30_000;

export function createOutboundClient(options: OutboundOptions): OutboundClient {
  const guard = createOutboundGuard(options.allowedRanges, options.resolve ?? resolveBySystem);
  const pool = { keepAlive: true, maxSockets: options.maxConnections ?? 16, timeout: IDLE_MS };
  const agents = { http: new Agent(pool), https: new TlsAgent(pool) };
  const maxCalls = options.maxCalls ?? 256;
  let calls = 0;

  return {
    async call(request) {
      if (calls >= maxCalls) {
        throw new OutboundFailure('overloaded', `${calls} calls to other services are under way`);
      }
      calls += 1;
      try {
        const url = parseTarget(request.url, guard.checkHost);
        try {
          return await exchange(request, url, agents, guard.lookup);
        } catch (error) {
          if (!(error instanceof OutboundFailure && error.stale)) throw error;
          return await exchange(request, url, agents, guard.lookup);
        }
      } finally {
        calls -= 1;
      }
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

async function resolveBySystem(name: string): Promise<readonly string[]> {
  return (await dnsLookup(name, { all: true })).map((a) => a.address);
}

/** A URL's parts as a socket needs them. The parser has made `0x7f.1` and `2130706433` what they are. */
function parseTarget(text: string, checkHost: (host: string) => void): URL & { readonly bareHost: string } {
  const url = URL.parse(text);
  if (url === null) throw new OutboundFailure('forbidden', 'the URL does not parse');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OutboundFailure('forbidden', `URLs of scheme ${url.protocol} are not called`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new OutboundFailure('forbidden', `the URL of ${url.hostname} holds user information`);
  }
  const bareHost = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  checkHost(bareHost);
  return Object.assign(url, { bareHost });
}

function exchange(
  wanted: OutboundRequest,
  url: URL & { readonly bareHost: string },
  agents: { readonly http: Agent; readonly https: TlsAgent },
  lookup: NonNullable<RequestOptions['lookup']>,
): Promise<OutboundAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<OutboundAnswer>();
  const host = url.hostname;
  const tls = url.protocol === 'https:';
  const ca = wanted.ca === undefined || wanted.ca.length === 0 ? undefined : [...wanted.ca];
  let request: ClientRequest | undefined;
  let answered = false;
  const fail = (failure: OutboundFailure): void => {
    clearTimeout(timer);
    reject(failure);
    request?.destroy();
  };
  const timer = setTimeout(
    () => fail(new OutboundFailure('timeout', `${host} gave no whole answer within ${wanted.timeoutMs} ms`)),
    wanted.timeoutMs,
  );
  const settings: RequestOptions & { ca?: string[] } = {
    host: url.bareHost,
    port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    method: wanted.method ?? 'GET',
    agent: tls ? agents.https : agents.http,
    lookup,
    maxHeaderSize: MAX_HEADER_OCTETS,
    headers: {
      accept: 'application/json',
      // Nothing here decompresses: a small answer that becomes a huge one is not read.
      'accept-encoding': 'identity',
      'user-agent': 'portolan-gateway',
      ...wanted.headers,
      ...(wanted.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(wanted.body)) }),
    },
    ...(ca === undefined ? {} : { ca }),
  };
  try {
    request = (tls ? httpsRequest : httpRequest)(settings, (answer) => {
      answered = true;
      read(answer, host, wanted.maxBodyBytes ?? DEFAULT_MAX_BODY, fail, (whole) => {
        clearTimeout(timer);
        resolve(whole);
      });
    });
    const sent = request;
    sent.on('error', (error) => fail(failureOf(error, host, sent.reusedSocket && !answered)));
    request.end(wanted.body);
  } catch (error) {
    fail(failureOf(error, host));
  }
  return promise;
}

function read(
  answer: IncomingMessage,
  host: string,
  maxBodyBytes: number,
  fail: (failure: OutboundFailure) => void,
  done: (answer: OutboundAnswer) => void,
): void {
  const status = answer.statusCode ?? 0;
  if (status >= 300 && status < 400) {
    fail(new OutboundFailure('redirected', `${host} redirects (${status}), which is not followed`));
    return;
  }
  const encoding = answer.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    fail(new OutboundFailure('limit', `${host} answers in an encoding nobody asked for`));
    return;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  answer.on('data', (chunk: Uint8Array) => {
    length += chunk.length;
    if (length > maxBodyBytes) {
      fail(new OutboundFailure('limit', `the answer of ${host} is longer than ${maxBodyBytes} octets`));
    } else chunks.push(chunk);
  });
  answer.on('error', (error) => fail(failureOf(error, host)));
  answer.on('end', () => {
    if (answer.complete)
      done({ status, headers: answer.headers, body: Buffer.concat(chunks).toString('utf8') });
    else fail(new OutboundFailure('network', `${host} ended its answer too early`));
  });
}

function failureOf(error: unknown, host: string, stale = false): OutboundFailure {
  if (error instanceof OutboundFailure) return error;
  // A code and no more: messages of the HTTP module may quote header values.
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
  return new OutboundFailure('network', `${host} cannot be called (${code})`, { cause: error, stale });
}
