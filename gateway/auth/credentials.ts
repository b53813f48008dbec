import type { CredentialsLocation } from '../../src/policy/model.ts';
import type { Fields, GatewayRequest } from '../request.ts';

/** The request carries several where one is meant: which one counts would be a guess, so none does. */
export const DOUBTFUL = Symbol('more than one credential');

/** The credential, undefined when there is none, or DOUBTFUL. Never empty. */
export type Found = string | undefined | typeof DOUBTFUL;

/** What stands in the first of these places; in more than one place, or twice in one: DOUBTFUL. Allocates nothing for headers. */
export function findCredential(locations: readonly CredentialsLocation[], request: GatewayRequest): Found {
  let found: Found;
  for (const location of locations) {
    const here = at(location, request);
    if (here === undefined) continue;
    if (here === DOUBTFUL || found !== undefined) return DOUBTFUL;
    found = here;
  }
  return found;
}

function at(location: CredentialsLocation, request: GatewayRequest): Found {
  switch (location.in) {
    case 'header':
      return present(fieldOnce(request.fields, location.name));
    case 'authorization':
      return withScheme(fieldOnce(request.fields, 'authorization'), location.scheme);
    case 'query':
      return request.query === '' ? undefined : present(queryParameter(request.query, location.name));
    case 'cookie':
      return present(cookieOf(request.fields, location.name));
  }
}

function present(found: Found): Found {
  return found === '' ? undefined : found;
}

/** The value of a field that must not come twice. */
export function fieldOnce(fields: Fields, name: string): Found {
  let found: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== name) continue;
    if (found !== undefined) return DOUBTFUL;
    found = fields[i + 1] ?? '';
  }
  return found;
}

/**
 * The credentials of `Authorization: <scheme> <credentials>` (RFC 9110 section 11.6.2); undefined for another scheme. White space or a
 * comma inside is DOUBTFUL: no scheme that is used here has them, and a proxy that merged two fields leaves a comma.
 */
export function withScheme(field: Found, scheme: string): Found {
  if (typeof field !== 'string') return field;
  const length = scheme.length;
  if (field.length <= length || field.charCodeAt(length) !== SPACE || !startsWithScheme(field, scheme)) {
    return undefined;
  }
  let start = length;
  while (field.charCodeAt(start) === SPACE) start += 1;
  let end = field.length;
  while (end > start && field.charCodeAt(end - 1) === SPACE) end -= 1;
  for (let i = start; i < end; i += 1) {
    const code = field.charCodeAt(i);
    if (code <= SPACE || code === COMMA) return DOUBTFUL;
  }
  return present(field.slice(start, end));
}

const SPACE = 0x20;
const COMMA = 0x2c;

function startsWithScheme(field: string, scheme: string): boolean {
  if (field.startsWith(scheme)) return true;
  for (let i = 0; i < scheme.length; i += 1) {
    const a = field.charCodeAt(i);
    const b = scheme.charCodeAt(i);
    if (a === b) continue;
    // Letters differ in one bit between cases; for other characters that bit means something else.
    const letter = (a | 0x20) >= 0x61 && (a | 0x20) <= 0x7a;
    if (!letter || (a | 0x20) !== (b | 0x20)) return false;
  }
  return true;
}

/**
 * The value of a query parameter as a form decodes it (`+` is a space; names are decoded too, so that `api%5Fkey` is `api_key`).
 * Twice, or not decodable: DOUBTFUL.
 */
export function queryParameter(query: string, name: string): Found {
  let found: string | undefined;
  for (let start = 0; start <= query.length; ) {
    const next = query.indexOf('&', start);
    const end = next === -1 ? query.length : next;
    const equals = query.indexOf('=', start);
    const nameEnd = equals === -1 || equals > end ? end : equals;
    if (decoded(query.slice(start, nameEnd)) === name) {
      if (found !== undefined) return DOUBTFUL;
      found = nameEnd === end ? '' : decoded(query.slice(nameEnd + 1, end));
      if (found === undefined) return DOUBTFUL;
    }
    start = end + 1;
  }
  return found;
}

function decoded(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** The value of a cookie (RFC 6265 section 4.2.1; several Cookie fields are one, RFC 9113 section 8.2.3). Twice: DOUBTFUL. */
export function cookieOf(fields: Fields, name: string): Found {
  let found: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'cookie') continue;
    const value = fields[i + 1] ?? '';
    for (let start = 0; start <= value.length; ) {
      const next = value.indexOf(';', start);
      const end = next === -1 ? value.length : next;
      const equals = value.indexOf('=', start);
      if (equals !== -1 && equals < end && value.slice(start, equals).trim() === name) {
        if (found !== undefined) return DOUBTFUL;
        found = unquoted(value.slice(equals + 1, end).trim());
      }
      start = end + 1;
    }
  }
  return found;
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

/** `Authorization: Basic` (RFC 7617) as id and password; undefined when it is not Basic, DOUBTFUL when it cannot be read. */
export function basicCredentials(
  fields: Fields,
): { readonly id: string; readonly key: string } | undefined | typeof DOUBTFUL {
  const encoded = withScheme(fieldOnce(fields, 'authorization'), 'Basic');
  if (typeof encoded !== 'string') return encoded;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return DOUBTFUL;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? DOUBTFUL : { id: text.slice(0, colon), key: text.slice(colon + 1) };
}
