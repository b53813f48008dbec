import { PortolanError } from '../errors/error.ts';

declare const brand: unique symbol;

/**
 * A fully qualified domain name in one canonical spelling: lower case, A-labels only, trailing dot
 * (`www.example.com.`, the root is `.`). Octets that are special in presentation form or not printable are spelt
 * `\DDD` (RFC 4343), a dot inside a label too, so every `.` in the text ends a label and equal names are equal strings.
 */
export type DomainName = string & { readonly [brand]: 'DomainName' };

/** Limits of RFC 1035 section 2.3.4, in octets of the wire form. */
export const MAX_NAME_OCTETS = 255;
export const MAX_LABEL_OCTETS = 63;

const SPECIAL = ' ".\\();@$';

const CANONICAL = /^[a-z0-9_*-]{1,63}(\.[a-z0-9_*-]{1,63})*\.?$/;

/** The canonical text of each octet inside a label. */
export const OCTET_TEXT: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  const char = String.fromCharCode(octet);
  if (octet <= 0x20 || octet >= 0x7f || SPECIAL.includes(char)) return `\\${String(octet).padStart(3, '0')}`;
  return char.toLowerCase();
});

/**
 * Parses what a person writes: upper case and a missing trailing dot are fine, U-labels become A-labels (RFC 5891),
 * `\.` and `\DDD` escape an octet.
 * @throws PortolanError DNS_NAME_INVALID
 */
export function parseName(text: string): DomainName {
  const result = tryParseName(text);
  if (typeof result === 'object') throw new PortolanError('DNS_NAME_INVALID', result.reason);
  return result;
}

/** As `parseName`, with the reason instead of an exception. */
export function tryParseName(text: string): DomainName | { readonly reason: string } {
  if (text === '') return { reason: 'a domain name must not be empty' };
  if (text === '.') return '.' as DomainName;
  // Nearly every name is canonical already but for the dot at the end.
  if (text.length < MAX_NAME_OCTETS - 1 && CANONICAL.test(text)) {
    return (text.endsWith('.') ? text : `${text}.`) as DomainName;
  }
  let name = text;
  if (/[^\x20-\x7e]/.test(text)) {
    const ascii = toAscii(text);
    if (ascii === undefined) return { reason: `"${text}" is not a valid internationalised domain name` };
    name = ascii;
  }
  let canonical = '';
  let labelOctets = 0;
  let octets = 1;
  const endLabel = (): string | undefined => {
    if (labelOctets === 0) return `"${text}" has an empty label`;
    if (labelOctets > MAX_LABEL_OCTETS) {
      return `"${text}" has a label of ${labelOctets} octets; at most ${MAX_LABEL_OCTETS} are allowed`;
    }
    octets += labelOctets + 1;
    labelOctets = 0;
    canonical += '.';
    return undefined;
  };
  for (let i = 0; i < name.length; i += 1) {
    const char = name.charAt(i);
    if (char === '.') {
      const reason = endLabel();
      if (reason !== undefined) return { reason };
      continue;
    }
    let octet = char.charCodeAt(0);
    if (char === '\\') {
      const escaped = readEscape(name, i);
      if (escaped === undefined) return { reason: `"${text}" has a bad escape; write \\DDD with 000 to 255` };
      octet = escaped.octet;
      i += escaped.length - 1;
    } else if (SPECIAL.includes(char)) {
      return { reason: `"${text}" has a character that must be escaped` };
    }
    canonical += OCTET_TEXT[octet] ?? '';
    labelOctets += 1;
  }
  if (labelOctets > 0) {
    const reason = endLabel();
    if (reason !== undefined) return { reason };
  }
  if (octets > MAX_NAME_OCTETS) {
    return { reason: `"${text}" is ${octets} octets long; at most ${MAX_NAME_OCTETS} are allowed` };
  }
  return canonical as DomainName;
}

/** The octet an escape at `text[at]` (a backslash) stands for, and how many characters it takes (RFC 1035 section 5.1). */
export function readEscape(
  text: string,
  at: number,
): { readonly octet: number; readonly length: number } | undefined {
  const digits = text.slice(at + 1, at + 4);
  if (/^\d{3}$/.test(digits)) {
    const octet = Number(digits);
    return octet > 255 ? undefined : { octet, length: 4 };
  }
  const code = text.charCodeAt(at + 1);
  if (Number.isNaN(code) || code > 255 || (code >= 0x30 && code <= 0x39)) return undefined;
  return { octet: code, length: 2 };
}

/** Labels from left to right in canonical spelling; the root has none. */
export function labelsOf(name: DomainName): readonly string[] {
  return name === '.' ? [] : name.slice(0, -1).split('.');
}

/** The name without its first label; `undefined` for the root. */
export function parentOf(name: DomainName): DomainName | undefined {
  if (name === '.') return undefined;
  const dot = name.indexOf('.');
  return (dot === name.length - 1 ? '.' : name.slice(dot + 1)) as DomainName;
}

/** True when `name` is `ancestor` or lies below it. */
export function isAtOrBelow(name: DomainName, ancestor: DomainName): boolean {
  if (ancestor === '.') return true;
  const extra = name.length - ancestor.length;
  if (extra === 0) return name === ancestor;
  return extra > 0 && name.charCodeAt(extra - 1) === 0x2e && name.endsWith(ancestor);
}

/** `name`, which lies below `from`, moved below `to` (RFC 6672 section 2.2); `undefined` when that would be too long. */
export function redirected(name: DomainName, from: DomainName, to: DomainName): DomainName | undefined {
  const kept = from === '.' ? name : name.slice(0, -from.length);
  const moved = `${kept}${to === '.' ? '' : to}` as DomainName;
  return wireLengthOf(moved) <= MAX_NAME_OCTETS ? moved : undefined;
}

export function isWildcard(name: DomainName): boolean {
  return name.startsWith('*.');
}

/** `*.` in front of `name`. */
export function wildcardUnder(name: DomainName): DomainName {
  return (name === '.' ? '*.' : `*.${name}`) as DomainName;
}

/** Octets of the uncompressed wire form, the root's final zero included. */
export function wireLengthOf(name: DomainName): number {
  if (name === '.') return 1;
  return 1 + (name.includes('\\') ? name.replace(/\\\d{3}/g, 'x').length : name.length);
}

/** UTS 46 through the URL parser, label by label so that `*` and `_` survive. */
function toAscii(name: string): string | undefined {
  const labels = name
    .normalize('NFC')
    .split(/[.\u3002\uff0e\uff61]/)
    .map((label) => {
      if (/^[\x20-\x7e]*$/.test(label)) return label;
      // What has a meaning in a URL (`ü@example`, `ü%2e`) must not get one here.
      if (/[^a-zA-Z0-9_*\x80-\u{10ffff}-]/u.test(label)) return undefined;
      try {
        // Some characters map to nothing, others to a dot.
        return /^([^.]+)\.test$/.exec(new URL(`http://${label}.test/`).hostname)?.[1];
      } catch {
        return undefined;
      }
    });
  return labels.includes(undefined) ? undefined : labels.join('.');
}
