import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { clientBehind, type Networks, plainAddress } from '../client-address.ts';
import { fieldOf } from '../request.ts';
import type { AskedRequest, AuthorizationDesk, Ruling } from './desk.ts';
import { takeQuota } from './http-quota.ts';
import type { QuotaDesk } from './quota-desk.ts';

/*
 * `auth_request` of nginx, `forward_auth` of Caddy and Traefik: the proxy sends the head of the client's request to us and lets it pass
 * when we say 2xx. What the client asked for is in X-Forwarded-Method, -Uri, -Host and -Proto, which the proxy must set itself. The
 * policy may be named in the path that the proxy asks for, which no client can change: never in a header, which one could.
 */

/** `/authorize`: the policy of the route; `/authorize/NAMESPACE/NAME`: this one. Caddy leaves the client's query behind it. */
const PATH = /^\/authorize(?:\/([a-z0-9.-]+\/[a-z0-9.-]+))?(?:\?|$)/;
/** `http-quota.ts` */
const TAKE = '/v1/quota/take';
const MAX_HEADER_OCTETS = 64 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;

/** Of the request to us, not of the client's. */
const OURS = new Set([
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'te',
  'upgrade',
  'x-forwarded-method',
  'x-forwarded-uri',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-for',
]);

/** @param trustedPeers proxies that may ask; others get no answer but 403 @param quota absent: nobody counts here */
export function createHttpDesk(desk: AuthorizationDesk, trustedPeers: Networks, quota?: QuotaDesk): Server {
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_OCTETS, headersTimeout: HEADERS_TIMEOUT_MS, keepAliveTimeout: 60_000 },
    (message, reply) => {
      if (
        quota !== undefined &&
        message.url === TAKE &&
        trustedPeers.has(plainAddress(message.socket.remoteAddress))
      ) {
        takeQuota(quota, message, reply);
        return;
      }
      // Bodies are not looked at; one that comes all the same must not be taken for the next request.
      message.resume();
      const asked = readAsked(message, trustedPeers);
      if ('why' in asked) {
        end(reply, asked.status, `${asked.why}\n`);
        return;
      }
      const ruling = desk.decide(asked);
      if (ruling instanceof Promise)
        ruling.then(
          (late) => answer(reply, late),
          () => end(reply, 500),
        );
      else answer(reply, ruling);
    },
  );
  server.requestTimeout = HEADERS_TIMEOUT_MS;
  return server;
}

function end(reply: ServerResponse, status: number, text = ''): void {
  reply.writeHead(status, {
    'content-length': String(Buffer.byteLength(text)),
    'cache-control': 'no-store',
    'content-type': 'text/plain; charset=utf-8',
  });
  reply.end(text);
}

/** Why a proxy gets no decision: never 2xx, and in words for the person who configures it. */
interface Unasked {
  readonly status: 400 | 403 | 404;
  readonly why: string;
}

const PEER: Unasked = {
  status: 403,
  why: 'the address it comes from is not in gateway.authorization.trustedPeers',
};
const PATH_UNKNOWN: Unasked = {
  status: 404,
  why: 'ask /authorize, /authorize/NAMESPACE/POLICY for one AuthPolicy, or POST /v1/quota/take',
};

function unasked(why: string): Unasked {
  return { status: 400, why };
}

/** What the proxy asks, or why that cannot be answered. */
function readAsked(message: IncomingMessage, trustedPeers: Networks): AskedRequest | Unasked {
  const peer = plainAddress(message.socket.remoteAddress);
  if (!trustedPeers.has(peer)) return PEER;
  const path = PATH.exec(message.url ?? '');
  if (path === null) return PATH_UNKNOWN;
  const raw = message.rawHeaders;
  const fields: string[] = [];
  const said = new Map<string, string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    if (!OURS.has(name)) {
      fields.push(name, value);
      continue;
    }
    // Two of one: the proxy's own and the client's, and nobody knows which is which.
    if (said.has(name) && name.startsWith('x-forwarded-') && name !== 'x-forwarded-for')
      return unasked(`${name} stands there twice; the proxy must replace the client's`);
    const before = said.get(name);
    said.set(name, before === undefined ? value : `${before},${value}`);
  }
  const method = said.get('x-forwarded-method');
  const target = said.get('x-forwarded-uri');
  const authority = said.get('x-forwarded-host');
  const scheme = said.get('x-forwarded-proto');
  if (method === undefined) return unasked('x-forwarded-method is missing');
  if (target === undefined) return unasked('x-forwarded-uri is missing');
  if (authority === undefined) return unasked('x-forwarded-host is missing');
  if (scheme !== 'http' && scheme !== 'https') return unasked('x-forwarded-proto is neither http nor https');
  const connection = { address: peer, port: message.socket.remotePort ?? 0, peer, trusted: true };
  const forwardedFor = said.get('x-forwarded-for');
  const { address, port } =
    forwardedFor === undefined ? connection : clientBehind(connection, forwardedFor, trustedPeers);
  return {
    method,
    scheme,
    authority,
    target,
    fields,
    httpVersion: '1.1',
    // The fields are the client's own, passed on by the proxy: nothing in them may be believed as if the proxy had said it.
    source: { address, port, peer, trusted: false },
    tls: undefined,
    ...(path[1] === undefined ? {} : { policy: path[1] }),
  };
}

function answer(reply: ServerResponse, ruling: Ruling): void {
  const fields: string[] = ['x-request-id', ruling.requestId];
  if (ruling.allowed) {
    const set = ruling.decision?.set ?? [];
    fields.push(...set, 'content-length', '0');
    // Proxies copy what they find: an empty value takes the place of what the client made up.
    for (const name of ruling.identityNames) if (fieldOf(set, name) === undefined) fields.push(name, '');
    reply.writeHead(200, fields);
    reply.end();
    return;
  }
  const { denied } = ruling;
  const body = Buffer.from(denied.body);
  fields.push(...denied.fields, 'content-type', denied.contentType, 'content-length', String(body.length));
  reply.writeHead(denied.status, fields);
  reply.end(body);
}
