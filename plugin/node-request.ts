import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { withoutCookies, withoutParameters } from '../gateway/auth/strip.ts';
import { clientBehind, plainAddress } from '../gateway/client-address.ts';
import type { AskedRequest, Ruling } from '../gateway/external/desk.ts';
import type { ConnectionTls } from '../gateway/request.ts';
import type { Portolan } from './portolan.ts';

/** What a handler finds as `request.portolan`. */
export interface Caller {
  /** `anonymous` where the route has no policy. */
  readonly principal: string;
  readonly method: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly keyId?: string;
  readonly plan?: string;
  readonly identity: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly requestId: string;
}

declare module 'node:http' {
  interface IncomingMessage {
    portolan?: Caller;
  }
}

/** Fields of which two would be read in two ways. */
const SINGLE = new Set(['host', 'authorization', 'content-length']);

/** The request of a node:http server as the engine takes it; undefined: it can be read in two ways. */
export function askedOf(message: IncomingMessage, portolan: Portolan): AskedRequest | undefined {
  const raw = message.rawHeaders;
  const fields: string[] = [];
  const seen = new Set<string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (SINGLE.has(name)) {
      if (seen.has(name)) return undefined;
      seen.add(name);
    }
    fields.push(name, raw[at + 1] ?? '');
  }
  const { socket } = message;
  const address = plainAddress(socket.remoteAddress);
  const trusted = portolan.trustedProxies.has(address);
  const direct = { address, port: socket.remotePort ?? 0, peer: address, trusted };
  const forwardedFor = single(message.headers['x-forwarded-for']);
  const secure = socket instanceof TLSSocket;
  const proto = trusted ? single(message.headers['x-forwarded-proto'])?.split(',').at(-1)?.trim() : undefined;
  return {
    method: message.method ?? 'GET',
    scheme: proto === 'http' || proto === 'https' ? proto : secure ? 'https' : 'http',
    authority: message.headers.host ?? single(message.headers[':authority']) ?? '',
    target: targetOf(message),
    fields,
    httpVersion: message.httpVersionMajor === 2 ? '2' : message.httpVersion === '1.0' ? '1.0' : '1.1',
    source:
      trusted && forwardedFor !== undefined
        ? clientBehind(direct, forwardedFor, portolan.trustedProxies)
        : direct,
    tls: secure ? tlsOf(socket) : undefined,
    policy: portolan.policy,
  };
}

/** What the client asked for: express, connect and fastify take a mount's path away from `url`, and keep the whole. */
function targetOf(message: IncomingMessage & { readonly originalUrl?: string }): string {
  return message.originalUrl ?? message.url ?? '/';
}

function tlsOf(socket: TLSSocket): ConnectionTls {
  return {
    serverName: typeof socket.servername === 'string' ? socket.servername : undefined,
    protocol: socket.getProtocol() ?? 'TLS',
    peerChain() {
      // A server that asks for certificates and does not insist says here whether the one shown is good.
      if (!socket.authorized) return [];
      const chain: Uint8Array[] = [];
      let certificate = socket.getPeerX509Certificate();
      while (certificate !== undefined && chain.length < 10) {
        chain.push(certificate.raw);
        certificate = certificate.issuerCertificate;
      }
      return chain;
    },
  };
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(',');
}

/** Credentials and made-up identities are taken from the request, and what the policy sets is put in. */
export function admit(message: IncomingMessage, ruling: Extract<Ruling, { readonly allowed: true }>): void {
  const { decision, principal, requestId } = ruling;
  const { headers } = message;
  for (const name of ruling.identityNames) delete headers[name];
  if (decision !== undefined) {
    for (const name of decision.removed) delete headers[name];
    for (let at = 0; at + 1 < decision.set.length; at += 2) {
      const name = decision.set[at];
      if (name !== undefined) headers[name] = decision.set[at + 1];
    }
    if (decision.removedCookies.length > 0 && headers.cookie !== undefined) {
      const kept = withoutCookies(headers.cookie, decision.removedCookies);
      if (kept === '') delete headers.cookie;
      else headers.cookie = kept;
    }
    if (decision.removedQuery.length > 0) {
      const urls: { url?: string | undefined; originalUrl?: string } = message;
      if (urls.url !== undefined) urls.url = withoutQuery(urls.url, decision.removedQuery);
      // Of express and connect.
      if (urls.originalUrl !== undefined)
        urls.originalUrl = withoutQuery(urls.originalUrl, decision.removedQuery);
      // Of HTTP/2.
      const path = headers[':path'];
      if (typeof path === 'string') headers[':path'] = withoutQuery(path, decision.removedQuery);
    }
  }
  admitRaw(message, ruling);
  const { name, method, roles, scopes, keyId, plan, identity } = principal;
  message.portolan = {
    principal: name,
    method,
    roles,
    scopes,
    ...(keyId === undefined ? {} : { keyId }),
    ...(plan === undefined ? {} : { plan }),
    identity,
    metadata: decision?.metadata ?? {},
    requestId,
  };
}

/** The same for `rawHeaders` and `headersDistinct`, which some frameworks read. */
function admitRaw(message: IncomingMessage, ruling: Extract<Ruling, { readonly allowed: true }>): void {
  const { rawHeaders: raw, headers } = message;
  const { decision, identityNames } = ruling;
  let kept = 0;
  let cookies = 0;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const written = raw[at] ?? '';
    const name = written.toLowerCase();
    let value = raw[at + 1] ?? '';
    if (identityNames.has(name) || decision?.removed.includes(name) === true) continue;
    if (decision !== undefined && isSet(decision.set, name)) continue;
    if (name === 'cookie' && decision !== undefined && decision.removedCookies.length > 0) {
      cookies += 1;
      if (cookies > 1 || headers.cookie === undefined) continue;
      value = headers.cookie;
    } else if (name === ':path' && typeof headers[name] === 'string') value = headers[name];
    raw[kept] = written;
    raw[kept + 1] = value;
    kept += 2;
  }
  raw.length = kept;
  if (decision !== undefined) raw.push(...decision.set);
  // Node makes it at the first use, out of as many raw headers as there were: it would fail. HTTP/2 has none.
  if (!('headersDistinct' in message)) return;
  const distinct: Record<string, string[]> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    const values = Object.hasOwn(distinct, name) ? distinct[name] : undefined;
    if (values !== undefined) values.push(value);
    else if (name !== '__proto__') distinct[name] = [value];
  }
  message.headersDistinct = distinct;
}

function isSet(set: readonly string[], name: string): boolean {
  for (let at = 0; at < set.length; at += 2) if (set[at] === name) return true;
  return false;
}

function withoutQuery(url: string, names: readonly string[]): string {
  const mark = url.indexOf('?');
  if (mark < 0) return url;
  const query = withoutParameters(url.slice(mark + 1), names);
  return url.slice(0, mark) + (query === '' ? '' : `?${query}`);
}

/** Status, headers and body of a refusal, for frameworks that write it themselves. */
export function refusalOf(ruling: Extract<Ruling, { readonly allowed: false }>): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} {
  const { fields, contentType, status, body } = ruling.denied;
  const headers: Record<string, string> = { 'content-type': contentType };
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at];
    if (name !== undefined) headers[name] = fields[at + 1] ?? '';
  }
  return { status, headers, body };
}

export function refuse(reply: ServerResponse, ruling: Extract<Ruling, { readonly allowed: false }>): void {
  const { status, headers, body } = refusalOf(ruling);
  reply.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
  reply.end(body);
}

/** What limits leave, for the client. */
export function tellLimits(reply: ServerResponse, fields: readonly string[]): void {
  for (let at = 0; at + 1 < fields.length; at += 2) reply.setHeader(fields[at] ?? '', fields[at + 1] ?? '');
}

/** Calls one of the two; at once when everything is known. */
export function ask(
  portolan: Portolan,
  message: IncomingMessage,
  allowed: (ruling: Extract<Ruling, { readonly allowed: true }>) => void,
  refused: (ruling: Extract<Ruling, { readonly allowed: false }>) => void,
): void {
  const asked = askedOf(message, portolan);
  if (asked === undefined) {
    refused(MALFORMED);
    return;
  }
  const settle = (ruling: Ruling): void => {
    if (!ruling.allowed) {
      refused(ruling);
      return;
    }
    admit(message, ruling);
    allowed(ruling);
  };
  const ruling = portolan.decide(asked);
  if (ruling instanceof Promise) void ruling.then(settle);
  else settle(ruling);
}

const MALFORMED: Extract<Ruling, { readonly allowed: false }> = {
  allowed: false,
  requestId: '',
  denied: {
    allowed: false,
    status: 400,
    code: 'REQUEST_MALFORMED',
    fields: ['connection', 'close'],
    contentType: 'application/problem+json',
    body: `${JSON.stringify({ type: 'https://portolan.dev/errors/REQUEST_MALFORMED', status: 400, code: 'REQUEST_MALFORMED' })}\n`,
  },
};
