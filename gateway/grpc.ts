import type { AuthDenied } from './auth/contract.ts';
import { dashed, fieldName } from './field-names.ts';
import type { Normalised } from './normalise.ts';
import type { Fields } from './request.ts';

/*
 * What is different for calls of gRPC (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md): how the gateway says no, how long a call may take, and
 * what may come after its messages.
 */

/** gRPC codes for HTTP refusals (gRPC's http-grpc-status-mapping, and what its servers say where HTTP has the finer word). */
const STATUS: Readonly<Record<number, number>> = {
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
  501: 12,
  502: 14,
  503: 14,
  504: 4,
};
const GRPC = /^application\/grpc(?:$|[+; ])/;
const UNKNOWN = 2;
const PERMISSION_DENIED = 7;
/** A message is a header field: clients limit those, most of them to 8 KiB with all the rest. */
const MESSAGE_CHARACTERS = 1024;

/** A call: in HTTP/2, of this type or one with a suffix. Others, gRPC-Web among them, are answered as HTTP is. */
export function isGrpc(normal: Pick<Normalised, 'contentType' | 'httpVersion'> | undefined): boolean {
  return normal?.contentType !== undefined && normal.httpVersion === '2' && GRPC.test(normal.contentType);
}

/** Head of an answer that is a status alone, without messages ("Trailers-Only"). */
export function statusFields(httpStatus: number, message: string): string[] {
  return statusHead(STATUS[httpStatus] ?? UNKNOWN, message);
}

/**
 * A denial of a policy for a call: the policy's headers; its status as the code that gRPC has for it (`grpc-status` among the headers says
 * another one); its body, when that is text of its own, as the message.
 * @param otherwise the message where the policy has none
 */
export function denialFields({ status, fields, message }: AuthDenied, otherwise: string): string[] {
  const said = (message ?? otherwise).slice(0, MESSAGE_CHARACTERS);
  const head = statusHead(STATUS[status] ?? (status < 500 ? PERMISSION_DENIED : UNKNOWN), said);
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const value = fields[at + 1] ?? '';
    const before = name.startsWith('grpc-') ? head.indexOf(name) : -1;
    if (before >= 0) head[before + 1] = value;
    else if (name !== 'content-type' && name !== 'location') head.push(name, value);
  }
  return head;
}

function statusHead(status: number, message: string): string[] {
  return [
    ...['content-type', 'application/grpc'],
    ...['grpc-status', String(status)],
    ...['grpc-message', percentEncoded(message)],
  ];
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

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000001,
};

/** @param value of `grpc-timeout` @returns milliseconds; undefined when it is no such value */
export function grpcTimeoutMs(value: string): number | undefined {
  const [, amount, unit] = TIMEOUT.exec(value) ?? [];
  return amount === undefined || unit === undefined ? undefined : Number(amount) * (UNIT_MS[unit] ?? 0);
}

/**
 * Fields that a receiver must not find behind the content, because what they say was needed before it (RFC 9110 §6.5.1): framing, routing,
 * request modifiers, authentication, and how the content is to be read. Those that the gateway itself reads or writes are told by
 * `fieldName`.
 */
const NEVER_BEHIND = new Set([
  ...[
    'age',
    'cache-control',
    'date',
    'expires',
    'location',
    'max-forwards',
    'pragma',
    'range',
    'retry-after',
  ],
  ...[
    'set-cookie',
    'vary',
    'warning',
    'www-authenticate',
    'authentication-info',
    'proxy-authentication-info',
  ],
  ...['accept', 'accept-encoding', 'accept-charset', 'accept-language', 'from', 'referer', 'user-agent'],
]);

/**
 * Trailers of a call for its backend. Servers that merge them into the head would take from them what a policy has looked at there: names that
 * the gateway, its policies or proxies say are left out.
 * @param hidden names that only policies and proxies set, or that were taken from the head
 */
export function passedTrailers(trailers: Fields, hidden: (name: string) => boolean): Fields {
  const passed: string[] = [];
  for (let at = 0; at + 1 < trailers.length; at += 2) {
    const name = trailers[at] ?? '';
    const plain = dashed(name);
    if (fieldName(plain).kind !== 'endToEnd' || NEVER_BEHIND.has(plain)) continue;
    if (plain.startsWith('content-') || plain.startsWith('if-') || plain.startsWith('grpc-')) continue;
    if (!hidden(plain)) passed.push(name, trailers[at + 1] ?? '');
  }
  return passed;
}
