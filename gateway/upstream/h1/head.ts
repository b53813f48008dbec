import type { Fields } from '../../request.ts';

/** Octets a head (or the trailers) of a backend may have; more breaks the answer. */
export const MAX_HEAD_OCTETS = 65_536;
const MAX_FIELDS = 256;

/** How the octets after a head are to be read (RFC 9112 §6.3). */
export const NO_BODY = 0;
export const SIZED = 1;
export const CHUNKED = 2;
export const UNTIL_CLOSE = 3;
export type Framing = typeof NO_BODY | typeof SIZED | typeof CHUNKED | typeof UNTIL_CLOSE;

/** A head that was read and found to mean one thing only. */
export interface ParsedHead {
  readonly status: number;
  /** Names in lower case, in the order received; without fields of the connection. */
  readonly fields: Fields;
  /** As if the request were a GET. */
  readonly framing: Framing;
  /** Octets, with `SIZED`. */
  readonly length: number;
  /** The backend keeps the connection after this answer. */
  readonly keepAlive: boolean;
  /** Seconds the backend says it keeps an idle connection (`Keep-Alive: timeout`); 0: it did not say. */
  readonly idleSeconds: number;
  /** What `Upgrade` names, in lower case. */
  readonly upgrade: string | undefined;
}

/**
 * Status line and field lines without the last two line ends, as Latin-1. Strict where leniency would let two readers see
 * different things (RFC 9112 §5, §11.2): line ends are CR LF, no folding, no space before a colon, no control characters.
 */
const HEAD =
  /^HTTP\/1\.[01] [1-5][0-9][0-9](?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*)*$/;
const LINES = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*(?:\r\n|$))*$/;
const LENGTH = /^[0-9]{1,15}$/;
const KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=([0-9]{1,6})(?:$|[,\s])/i;

/** Names as backends write them → lower case. Bounded: a backend that makes names up does not fill the memory. */
const lowered = new Map<string, string>();
const MAX_LOWERED = 512;

function lower(name: string): string {
  const known = lowered.get(name);
  if (known !== undefined) return known;
  const lowerCase = name.toLowerCase();
  if (lowered.size < MAX_LOWERED) lowered.set(name, lowerCase);
  return lowerCase;
}

/**
 * Reads a whole head.
 * @param text Latin-1, from the status line to before the empty line
 * @returns what is wrong with it, in words that follow "the backend sent", when it cannot be trusted
 */
export function parseHead(text: string): ParsedHead | string {
  if (!HEAD.test(text)) return whyNot(text);
  const status = (text.charCodeAt(9) - 48) * 100 + (text.charCodeAt(10) - 48) * 10 + text.charCodeAt(11) - 48;
  const http10 = text.charCodeAt(7) === 48;
  const fields: string[] = [];
  let length = -1;
  let chunked = false;
  let close = http10;
  let idleSeconds = 0;
  let upgrade: string | undefined;
  let nominated: string[] | undefined;
  let count = 0;
  for (let at = text.indexOf('\r\n'); at >= 0; ) {
    const start = at + 2;
    at = text.indexOf('\r\n', start);
    const end = at < 0 ? text.length : at;
    const colon = text.indexOf(':', start);
    const name = lower(text.slice(start, colon));
    const value = trimmed(text, colon + 1, end);
    count += 1;
    if (count > MAX_FIELDS) return 'more fields than are read';
    switch (name) {
      case 'content-length':
        if (length >= 0) return 'two content-length fields';
        if (!LENGTH.test(value)) return 'a content-length that is no number';
        length = Number(value);
        break;
      case 'transfer-encoding':
        if (chunked || value.toLowerCase() !== 'chunked') return 'a transfer-encoding other than chunked';
        chunked = true;
        continue;
      case 'connection':
        for (const option of value.toLowerCase().split(',')) {
          const nominee = option.trim();
          if (nominee === 'close') close = true;
          else if (nominee !== '' && nominee !== 'keep-alive') {
            nominated ??= [];
            nominated.push(nominee);
          }
        }
        continue;
      case 'keep-alive':
        idleSeconds = Number(KEEP_ALIVE_TIMEOUT.exec(value)?.[1] ?? 0);
        continue;
      case 'upgrade':
        upgrade = value.toLowerCase();
        continue;
      case 'proxy-connection':
      case 'te':
        continue;
    }
    fields.push(name, value);
  }
  if (chunked && length >= 0) return 'both content-length and transfer-encoding';
  if (chunked && http10) return 'a transfer-encoding in HTTP/1.0';
  const empty = status < 200 || status === 204 || status === 304;
  // RFC 9110 §8.6: no content-length in 1xx and 204; whoever reads it would wait for a body that does not come.
  const dropLength = length >= 0 && (status < 200 || status === 204);
  return {
    status,
    fields: nominated === undefined && !dropLength ? fields : without(fields, nominated ?? [], dropLength),
    framing: empty ? NO_BODY : chunked ? CHUNKED : length >= 0 ? SIZED : UNTIL_CLOSE,
    length: Math.max(length, 0),
    keepAlive: !close,
    idleSeconds,
    upgrade,
  };
}

/** Fields that end a body or name its receiver mean nothing, or harm, after it (RFC 9110 §6.5.1). */
const NOT_IN_TRAILERS = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade', 'trailer'],
  ...['content-length', 'host', 'content-encoding', 'content-type', 'content-range', 'cache-control'],
  ...['authorization', 'set-cookie', 'location', 'www-authenticate'],
]);

/**
 * Field lines after the last chunk, without the empty line.
 * @returns what is wrong, as `parseHead`
 */
export function parseTrailers(text: string): Fields | string {
  if (!LINES.test(text)) return 'trailers that cannot be read';
  const fields: string[] = [];
  for (let start = 0; start < text.length; ) {
    const at = text.indexOf('\r\n', start);
    const end = at < 0 ? text.length : at;
    const colon = text.indexOf(':', start);
    const name = lower(text.slice(start, colon));
    if (!NOT_IN_TRAILERS.has(name)) fields.push(name, trimmed(text, colon + 1, end));
    if (fields.length > 2 * MAX_FIELDS) return 'more trailers than are read';
    start = end + 2;
  }
  return fields;
}

/** Optional white space around a value is no part of it (RFC 9112 §5); only space and tab, not what `trim` takes. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

function without(fields: Fields, names: readonly string[], length: boolean): Fields {
  const kept: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    if (names.includes(name) && name !== 'content-length') continue;
    if (length && name === 'content-length') continue;
    kept.push(name, fields[at + 1] ?? '');
  }
  return kept;
}

function whyNot(text: string): string {
  const end = text.indexOf('\r\n');
  const line = end < 0 ? text : text.slice(0, end);
  return /^HTTP\/1\.[01] [1-5][0-9][0-9](?: [\t\x20-\x7e\x80-\xff]*)?$/.test(line)
    ? 'a field line that cannot be read'
    : 'a status line that cannot be read';
}
