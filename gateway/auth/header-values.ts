import { celText } from '../../src/policy/cel-values.ts';

/**
 * A value as a header field carries it: UTF-8 octets in a Latin-1 string, without control characters (RFC 9110 section 5.5). Undefined
 * when there is nothing to say, or when the value would break the message apart.
 */
export function headerValue(value: unknown): string | undefined {
  const text = Array.isArray(value) && value.every(isText) ? value.join(',') : celText(value);
  if (text === undefined) return undefined;
  let plain = true;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return undefined;
    if (code > 0x7f) plain = false;
  }
  return plain ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

/** A place a browser may be sent to: an absolute http(s) URL, or a path of this host. */
export function redirectLocation(value: unknown): string | undefined {
  if (typeof value !== 'string' || headerValue(value) !== value) return undefined;
  // `//host` and `/\host` lead away while they look like paths.
  if (value.startsWith('/')) return /^\/[\\/]/.test(value) ? undefined : value;
  return /^https?:\/\//i.test(value) && URL.canParse(value) ? value : undefined;
}
