import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { PASSED_ON } from './passed-on.ts';
import { CLIENT, VOUCHER, type Vouching } from './voucher.ts';

export interface PassOnOptions {
  /** `https://host:port` of the API of the hub that leads, and its name; `undefined` while none is known. */
  readonly leader: () => { readonly identity: string; readonly api: string } | undefined;
  /** This hub's name. */
  readonly identity: string;
  /** Shows the leader for whom this hub asks. */
  readonly vouching: Pick<Vouching, 'headersFor'>;
  /** CAs of the leader's API certificate, PEM; the system's when left out. */
  readonly ca?: string;
}

/** Requests that only the leader can answer, given to it with the caller's own token. */
export interface PassOn {
  /** `undefined`: this hub answers by itself. Rejects with NOT_LEADER when the leader cannot be asked. */
  (endpoint: Endpoint, request: Request, client?: string): Promise<Response> | undefined;
  /** Since the start, by how they ended. */
  readonly counts: { readonly answered: number; readonly refused: number };
  /** Another hub leads: what the one before has not answered is refused, for it may be frozen and never answer. */
  cut(): void;
  /** As `cut`, and what comes later is refused as well. */
  close(): void;
}

/** Operations whose handlers read the store alone. A test runs each of them with nothing else there. */
const READS_THE_STORE: ReadonlySet<string> = new Set([
  'watchAll',
  'listAudit',
  'verifyAudit',
  'listUsage',
  'listTokens',
  'whoAmI',
  'metrics',
  'healthz',
  'readyz',
  'openapi',
]);

const MAX_UNDER_WAY = 256;
const MAX_SOCKETS = 64;
/** Longer than a leader takes for any request. */
const SILENCE_MS = 35_000;
/** Of one connection (RFC 9110 section 7.6.1), and those that the sender makes itself. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  PASSED_ON,
  CLIENT,
  VOUCHER,
]);

export function answersByItself({ id, method, path }: Pick<Endpoint, 'id' | 'method' | 'path'>): boolean {
  if (READS_THE_STORE.has(id)) return true;
  // Lists, watches and single objects of every kind.
  return method === 'GET' && path.startsWith('/apis/') && /^(list|get)/.test(id);
}

export function createPassOn(options: PassOnOptions): PassOn {
  const http = new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const https = new HttpsAgent({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    minVersion: 'TLSv1.2',
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  const counts = { answered: 0, refused: 0 };
  /** Each until its answer has arrived whole. */
  const open = new Set<ClientRequest>();
  let underWay = 0;
  let closed = false;

  async function pass(request: Request, client: string | undefined): Promise<Response> {
    const leader = options.leader();
    const before = request.headers.get(PASSED_ON);
    if (before !== null)
      throw notLeader(`this hub stands by, and ${before.slice(0, 80)} has passed the request on already`);
    if (closed) throw notLeader('this hub stands by no more: it takes over, or stops');
    if (leader === undefined) throw notLeader('this hub stands by, and no hub leads at the moment');
    if (underWay >= MAX_UNDER_WAY)
      throw new PortolanError(
        'NOT_READY',
        `${underWay} requests wait for the hub that leads, as many as may`,
      );
    underWay += 1;
    try {
      const answer = await send(leader, request, client);
      return responseOf(answer);
    } finally {
      underWay -= 1;
    }
  }

  function send(
    { identity, api }: { readonly identity: string; readonly api: string },
    request: Request,
    client: string | undefined,
  ): Promise<IncomingMessage> {
    const { pathname, search } = new URL(request.url);
    const target = new URL(api);
    const headers: Record<string, string> = {
      [PASSED_ON]: options.identity,
      ...options.vouching.headersFor(request, options.identity, client),
    };
    for (const [name, value] of request.headers) if (!NOT_PASSED.has(name)) headers[name] = value;
    return new Promise((resolve, reject) => {
      let connected = false;
      const secure = target.protocol === 'https:';
      const outgoing: ClientRequest = (secure ? httpsRequest : httpRequest)(
        {
          protocol: target.protocol,
          hostname: target.hostname.replace(/^\[|\]$/g, ''),
          port: target.port === '' ? (secure ? 443 : 80) : target.port,
          method: request.method,
          path: `${pathname}${search}`,
          headers,
          agent: secure ? https : http,
          signal: request.signal,
        },
        resolve,
      );
      open.add(outgoing);
      outgoing.once('close', () => open.delete(outgoing));
      outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error('no answer in time')));
      outgoing.once('socket', (socket) => {
        if (!socket.connecting) connected = true;
        else
          socket.once(secure ? 'secureConnect' : 'connect', () => {
            connected = true;
          });
      });
      outgoing.on('error', (cause) => {
        const what = connected
          ? `it did not answer (${messageOf(cause)}); whether it did what was asked is not known`
          : `it cannot be reached (${messageOf(cause)})`;
        reject(notLeader(`this hub stands by; ${identity} at ${api} leads, and ${what}`, cause));
      });
      const { body } = request;
      if (body === null) outgoing.end();
      else {
        const content = Readable.fromWeb(body);
        content.on('error', (error) => outgoing.destroy(error));
        content.pipe(outgoing);
      }
    });
  }

  function cut(): void {
    for (const outgoing of open) outgoing.destroy(new Error('it leads no more'));
  }

  const passOn = (endpoint: Endpoint, request: Request, client?: string): Promise<Response> | undefined => {
    if (answersByItself(endpoint)) return undefined;
    // While nobody leads this hub says what it knows.
    if (endpoint.id === 'status' && options.leader() === undefined) return undefined;
    return pass(request, client).then(
      (response) => {
        counts.answered += 1;
        return response;
      },
      (thrown: unknown) => {
        counts.refused += 1;
        throw thrown;
      },
    );
  };
  return Object.assign(passOn, {
    counts,
    cut,
    close() {
      closed = true;
      cut();
      http.destroy();
      https.destroy();
    },
  });
}

function responseOf(answer: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && !NOT_PASSED.has(name))
      headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  const status = answer.statusCode ?? 502;
  const bare = status === 204 || status === 304;
  if (bare) answer.resume();
  return new Response(bare ? null : Readable.toWeb(answer), { status, headers });
}

function notLeader(message: string, cause?: unknown): PortolanError {
  return new PortolanError('NOT_LEADER', message, {
    fix: 'Try again in some seconds, or ask the hub that leads (`portolan status` names it).',
    ...(cause === undefined ? {} : { cause }),
  });
}
