/** A target taken apart, in its normal form. */
export interface NormalPath {
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
}

/** `malformed`: breaks RFC 3986; `doubtful`: servers read it in different ways. */
export type PathFault = { readonly fault: 'malformed' | 'doubtful'; readonly reason: string };

const PLAIN = 0;
const SLASH = 1;
const DOT = 2;
const QUESTION = 3;
/** Needs the slow way: `%`, `;`, a backslash and what must be encoded. */
const OTHER = 4;

const CLASS = new Uint8Array(256).fill(OTHER);
for (const plain of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,=:@") {
  CLASS[plain.charCodeAt(0)] = PLAIN;
}
CLASS[0x2f] = SLASH;
CLASS[0x2e] = DOT;
CLASS[0x3f] = QUESTION;

const QUERY = /^[!"$-~]*$/;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const ENCODED_VISIBLE = /["<>^`{|}]/;

/**
 * Brings an origin-form target (`/path?query`) into its normal form (RFC 3986 §6.2.2): unreserved octets decoded, hexadecimal
 * digits in upper case. What backends and routes could read as two different paths is doubtful: dot segments, `//`, `;`, encoded
 * slashes and backslashes, encoded control characters, octets that are not UTF-8.
 * @param keep resolve `//` and dot segments and let the rest pass, instead of refusing
 */
export function normalisePath(target: string, keep: boolean): NormalPath | PathFault {
  let previous = SLASH;
  let end = target.length;
  // The usual path needs no more than one look at each character.
  for (let at = 1; at < target.length; at += 1) {
    const kind = CLASS[target.charCodeAt(at) & 0xff] ?? OTHER;
    if (kind === PLAIN) previous = PLAIN;
    else if (kind === QUESTION) {
      end = at;
      break;
    } else if (kind === OTHER || previous === SLASH || target.charCodeAt(at) > 0xff) {
      return carefully(target, keep);
    } else previous = kind;
  }
  if (end === target.length) return { path: target, query: '' };
  const query = target.slice(end + 1);
  if (!QUERY.test(query)) return QUERY_FAULT;
  return { path: target.slice(0, end), query };
}

const QUERY_FAULT: PathFault = {
  fault: 'malformed',
  reason: 'the query has characters that must be encoded',
};

function carefully(target: string, keep: boolean): NormalPath | PathFault {
  const mark = target.indexOf('?');
  const query = mark < 0 ? '' : target.slice(mark + 1);
  if (!QUERY.test(query)) return QUERY_FAULT;
  const decoded = decodeUnreserved(mark < 0 ? target : target.slice(0, mark), keep);
  if (typeof decoded !== 'string') return decoded;
  const segments = decoded.split('/').slice(1);
  const inner = segments.slice(0, -1);
  const dots = segments.some((segment) => segment === '.' || segment === '..');
  if (!keep) {
    if (inner.includes('')) return doubtful('it has an empty segment');
    if (dots) return doubtful('it has dot segments');
    if (decoded.includes(';')) return doubtful('it has a parameter');
    return { path: decoded, query };
  }
  return { path: resolveDots(segments), query };
}

function decodeUnreserved(path: string, keep: boolean): string | PathFault {
  let out = '';
  let escapedBytes: number[] | undefined;
  for (let at = 0; at < path.length; at += 1) {
    const character = path.charAt(at);
    if (character === '%') {
      const hex = path.slice(at + 1, at + 3);
      if (!/^[0-9a-fA-F]{2}$/.test(hex)) return malformed('an escape has no two hexadecimal digits');
      const octet = Number.parseInt(hex, 16);
      if (octet === 0) return malformed('it has an encoded NUL');
      if (!keep) {
        if (octet === 0x2f || octet === 0x5c) return doubtful('it has an encoded slash');
        if (octet < 0x20 || octet === 0x7f) return doubtful('it has an encoded control character');
      }
      if (octet > 0x7f) {
        escapedBytes ??= [];
        escapedBytes.push(octet);
      }
      const text = String.fromCharCode(octet);
      out += UNRESERVED.test(text) ? text : `%${hex.toUpperCase()}`;
      at += 2;
      continue;
    }
    if (escapedBytes !== undefined) {
      if (!keep && !isUtf8(escapedBytes)) return doubtful('it has octets that are not UTF-8');
      escapedBytes = undefined;
    }
    const code = path.charCodeAt(at);
    if (character === '#') return malformed('it has a fragment');
    if (code <= 0x20 || code >= 0x7f) return malformed('it has characters that must be encoded');
    if (character === '\\') {
      if (!keep) return doubtful('it has a backslash');
      out += '%5C';
    } else if (ENCODED_VISIBLE.test(character)) {
      out += `%${code.toString(16).toUpperCase()}`;
    } else out += character;
  }
  if (!keep && escapedBytes !== undefined && !isUtf8(escapedBytes)) {
    return doubtful('it has octets that are not UTF-8');
  }
  return out;
}

function isUtf8(octets: readonly number[]): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(octets));
    return true;
  } catch {
    return false;
  }
}

/** RFC 3986 §5.2.4, after empty segments are dropped. */
function resolveDots(segments: readonly string[]): string {
  const out: string[] = [];
  const last = segments.at(-1);
  for (const segment of segments) {
    if (segment === '..') out.pop();
    else if (segment !== '.' && segment !== '') out.push(segment);
  }
  const folder = last === '' || last === '.' || last === '..';
  return `/${out.join('/')}${folder && out.length > 0 ? '/' : ''}`;
}

function malformed(reason: string): PathFault {
  return { fault: 'malformed', reason };
}

function doubtful(reason: string): PathFault {
  return { fault: 'doubtful', reason };
}
