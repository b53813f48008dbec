import type { ForwardRequest } from '../contract.ts';
import {
  AUTHORITY,
  FORWARDED,
  IMPOSSIBLE,
  kindOfField,
  TARGET,
  TOKEN,
  writtenValue,
} from '../outgoing-fields.ts';

/** The client waits for a 100 before it sends the body (RFC 9110 §10.1.1). */
export function expectsContinue(request: ForwardRequest): boolean {
  if (request.body === undefined) return false;
  const { fields } = request;
  for (let at = 0; at < fields.length; at += 2)
    if (fields[at] === 'expect') return fields[at + 1]?.toLowerCase() === '100-continue';
  return false;
}

/**
 * The head of a request for HTTP/1.1, to be written as Latin-1. What follows the empty line can only be its body: every part is
 * looked at again, because policies and filters wrote some of it. Values with characters beyond Latin-1 are sent as UTF-8.
 * @returns undefined when it cannot be written
 */
export function requestHead(request: ForwardRequest, expecting: boolean): string | undefined {
  const { method, path, authority, fields, body, upgrade } = request;
  if (!TARGET.test(path) || !AUTHORITY.test(authority) || !TOKEN.test(method)) return undefined;
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n`;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const kind = kindOfField(name);
    if (kind === FORWARDED) {
      const value = writtenValue(fields[at + 1] ?? '');
      if (value === undefined) return undefined;
      head += `${name}: ${value}\r\n`;
    } else if (kind === IMPOSSIBLE) return undefined;
  }
  if (body !== undefined) {
    head +=
      body.length === undefined
        ? 'transfer-encoding: chunked\r\n'
        : `content-length: ${String(body.length)}\r\n`;
    if (expecting) head += 'expect: 100-continue\r\n';
  } else if (method === 'POST' || method === 'PUT' || method === 'PATCH') head += 'content-length: 0\r\n';
  if (upgrade !== undefined) {
    if (!TOKEN.test(upgrade)) return undefined;
    head += `connection: upgrade\r\nupgrade: ${upgrade}\r\n`;
  } else if (request.trailers) head += 'connection: te\r\nte: trailers\r\n';
  return `${head}\r\n`;
}
