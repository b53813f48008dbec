import type { ErrorCode } from '../src/errors/table.ts';
import { parseAuthority } from './authority.ts';
import { fieldName } from './field-names.ts';
import { normalisePath } from './normalise-path.ts';
import type { Fields } from './request.ts';

/** A request as its parser gave it. */
export interface RawRequest {
  readonly method: string;
  /** Request target or `:path`. */
  readonly target: string;
  readonly httpVersion: string;
  /** `name, value, …` as written; pseudo-fields of HTTP/2 are left out. */
  readonly rawFields: readonly string[];
  /** `:authority` of HTTP/2. */
  readonly authority: string | undefined;
}

export interface NormaliseRules {
  readonly scheme: 'http' | 'https';
  readonly keepDoubtfulPaths: boolean;
  readonly maxHeaderBytes: number;
}

/** Why a request is not let in. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A request in the one form that the rest of the gateway looks at; single values that it needs itself are taken out. */
export interface Normalised {
  readonly method: string;
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string;
  readonly query: string;
  /** End-to-end fields with `content-length` and `transfer-encoding`, without those below. */
  readonly fields: Fields;
  readonly contentLength: number | undefined;
  readonly chunked: boolean;
  /** `TE: trailers`. */
  readonly trailers: boolean;
  /** Lower case. */
  readonly upgrade: string | undefined;
  readonly expectsContinue: boolean;
  readonly contentType: string | undefined;
  readonly cookie: string | undefined;
  readonly origin: string | undefined;
  readonly forwardedFor: string | undefined;
  readonly forwardedProto: string | undefined;
  readonly forwardedHost: string | undefined;
  readonly forwarded: string | undefined;
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** More fields than this are a bomb, however short they are. */
export const MAX_FIELDS = 200;
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
const LENGTH = /^[0-9]{1,15}$/;
const ABSOLUTE = /^(https?):\/\/([^/?#]*)([^#]*)$/i;
/** Nominated by `Connection`, these would change how the message is read, not what this hop adds to it. */
const NOT_NOMINABLE = new Set(['host', 'content-length', 'transfer-encoding', 'content-type']);

/**
 * Reads a request in exactly one way, or not at all (RFC 9112 §3 and §6, RFC 9113 §8.2 and §8.3). The parsers in front (llhttp,
 * nghttp2) have refused what breaks the syntax; this refuses what they accept and another server might read otherwise.
 */
export function normalise(raw: RawRequest, rules: NormaliseRules): Normalised | Refusal {
  const { method, rawFields, httpVersion } = raw;
  if (httpVersion !== '1.1' && httpVersion !== '2' && httpVersion !== '1.0') {
    return malformed(`HTTP/${httpVersion} is not spoken here.`);
  }
  // No tunnels. That of a WebSocket over HTTP/2 has been turned into the GET that it stands for.
  if (method === 'CONNECT') return malformed('CONNECT is not spoken here.');
  // It gives back what the request had, credentials among it; a client must not send it with any (RFC 9110 §9.3.8).
  if (method === 'TRACE' || method === 'TRACK') {
    return { code: 'METHOD_UNSUPPORTED', message: `${method} is not spoken here.` };
  }
  if (rawFields.length > MAX_FIELDS * 2) {
    return { code: 'HEADERS_TOO_LARGE', message: `More than ${MAX_FIELDS} header fields.` };
  }
  let fields: string[] = [];
  let hostField: string | undefined;
  let nominated: string[] | undefined;
  let contentLength: number | undefined;
  let chunked = false;
  let trailers = false;
  let upgrade: string | undefined;
  let expectsContinue = false;
  let authorised = false;
  let contentType: string | undefined;
  let cookie: string | undefined;
  let cookieAt = -1;
  let origin: string | undefined;
  let forwardedFor: string | undefined;
  let forwardedProto: string | undefined;
  let forwardedHost: string | undefined;
  let forwarded: string | undefined;
  let requestId: string | undefined;
  let traceparent: string | undefined;
  let tracestate: string | undefined;
  let size = method.length + raw.target.length;

  for (let at = 0; at + 1 < rawFields.length; at += 2) {
    const written = rawFields[at] ?? '';
    const value = rawFields[at + 1] ?? '';
    const { name, kind } = fieldName(written);
    size += written.length + value.length + 4;
    switch (kind) {
      case 'endToEnd':
        fields.push(name, value);
        break;
      case 'hopByHop':
        break;
      case 'host':
        if (hostField !== undefined) return malformed('There is more than one Host.');
        hostField = value;
        break;
      case 'connection': {
        if (httpVersion === '2') return malformed('HTTP/2 has no Connection field.');
        const lower = value.toLowerCase();
        if (lower === 'keep-alive' || lower === 'close' || lower === 'upgrade') break;
        for (const part of lower.split(',')) {
          const token = part.trim();
          if (token === '' || token === 'keep-alive' || token === 'close' || token === 'upgrade') continue;
          if (!TOKEN.test(token)) return malformed('Connection names what is no field.');
          if (NOT_NOMINABLE.has(token)) return malformed(`Connection names ${token}.`);
          nominated ??= [];
          nominated.push(token);
        }
        break;
      }
      case 'contentLength':
        if (contentLength !== undefined) return malformed('There is more than one Content-Length.');
        if (!LENGTH.test(value)) return malformed('Content-Length is not a number.');
        contentLength = Number(value);
        fields.push(name, value);
        break;
      case 'transferEncoding':
        if (httpVersion !== '1.1') return malformed(`HTTP/${httpVersion} has no Transfer-Encoding.`);
        if (chunked) return malformed('There is more than one Transfer-Encoding.');
        if (value.toLowerCase() !== 'chunked') return malformed('Transfer-Encoding is not just `chunked`.');
        chunked = true;
        fields.push(name, 'chunked');
        break;
      case 'te':
        if (value.toLowerCase() === 'trailers') trailers = true;
        else if (httpVersion === '2') return malformed('TE of HTTP/2 is not `trailers`.');
        else if (/(?:^|,)\s*trailers\s*(?:,|$)/i.test(value)) trailers = true;
        break;
      case 'upgrade':
        if (upgrade !== undefined) return malformed('There is more than one Upgrade.');
        upgrade = value.toLowerCase();
        break;
      case 'expect':
        if (value.toLowerCase() !== '100-continue') return malformed('Only 100-continue can be expected.');
        expectsContinue = httpVersion !== '1.0';
        break;
      case 'authorization':
        if (authorised) return malformed('There is more than one Authorization.');
        authorised = true;
        fields.push(name, value);
        break;
      case 'contentType':
        if (contentType !== undefined) return malformed('There is more than one Content-Type.');
        contentType = value;
        fields.push(name, value);
        break;
      case 'cookie':
        // HTTP/2 clients may split it (RFC 9113 §8.2.3).
        if (cookieAt >= 0) {
          cookie = `${cookie}; ${value}`;
          fields[cookieAt] = cookie;
        } else {
          cookie = value;
          cookieAt = fields.push(name, value) - 1;
        }
        break;
      case 'origin':
        if (origin !== undefined) return malformed('There is more than one Origin.');
        origin = value;
        fields.push(name, value);
        break;
      case 'forwardedFor':
        forwardedFor = forwardedFor === undefined ? value : `${forwardedFor}, ${value}`;
        break;
      case 'forwardedProto':
        forwardedProto ??= value;
        break;
      case 'forwardedHost':
        forwardedHost ??= value;
        break;
      case 'forwarded':
        if (name === 'forwarded') forwarded = forwarded === undefined ? value : `${forwarded}, ${value}`;
        break;
      case 'requestId':
        requestId ??= value;
        break;
      case 'traceparent':
        // Two of them: neither can be believed (W3C Trace Context §3.2).
        traceparent = traceparent === undefined ? value : '';
        break;
      case 'tracestate':
        tracestate = tracestate === undefined ? value : `${tracestate},${value}`;
        break;
    }
  }

  if (size > rules.maxHeaderBytes) {
    return {
      code: 'HEADERS_TOO_LARGE',
      message: `The header section is longer than ${rules.maxHeaderBytes} octets.`,
    };
  }
  if (chunked && contentLength !== undefined) {
    return malformed('There are both Content-Length and Transfer-Encoding.');
  }
  if (nominated !== undefined) fields = withoutNominated(fields, nominated);

  let target = raw.target;
  let authority = raw.authority ?? hostField;
  if (raw.authority !== undefined && hostField !== undefined && !sameHost(raw.authority, hostField)) {
    return malformed('Host and :authority differ.');
  }
  if (target.charCodeAt(0) !== 0x2f) {
    const parts = httpVersion === '2' ? null : ABSOLUTE.exec(target);
    const [, scheme, named, rest] = parts ?? [];
    if (scheme === undefined || named === undefined || rest === undefined) {
      return malformed('The request target is neither a path nor an absolute URL.');
    }
    if (scheme.toLowerCase() !== rules.scheme) return malformed('The scheme of the target is another one.');
    if (authority === undefined || !sameHost(named, authority)) {
      return malformed('Host and the host of the request target differ.');
    }
    authority = named;
    target = rest.startsWith('/') ? rest : `/${rest}`;
  }
  if (authority === undefined) return malformed('There is no Host.');
  const parsed = parseAuthority(authority);
  if (parsed === undefined) return malformed('Host is not a host name with an optional port.');

  const split = normalisePath(target, rules.keepDoubtfulPaths);
  if ('fault' in split) {
    return {
      code: split.fault === 'doubtful' ? 'PATH_DOUBTFUL' : 'REQUEST_MALFORMED',
      message: `The path cannot be used: ${split.reason}.`,
    };
  }

  return {
    method,
    httpVersion,
    host: parsed.host,
    port: parsed.port,
    path: split.path,
    query: split.query,
    fields,
    contentLength,
    chunked,
    trailers,
    upgrade,
    expectsContinue,
    contentType,
    cookie,
    origin,
    forwardedFor,
    forwardedProto,
    forwardedHost,
    forwarded,
    requestId,
    traceparent,
    tracestate,
  };
}

function withoutNominated(fields: readonly string[], nominated: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    if (!nominated.includes(name)) kept.push(name, fields[at + 1] ?? '');
  }
  return kept;
}

function sameHost(one: string, other: string): boolean {
  if (one === other) return true;
  const first = parseAuthority(one);
  const second = parseAuthority(other);
  return first !== undefined && first.host === second?.host && first.port === second.port;
}

function malformed(message: string): Refusal {
  return { code: 'REQUEST_MALFORMED', message };
}
