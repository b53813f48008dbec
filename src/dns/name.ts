import { PortolanError } from '../errors/error.ts';

declare const brand: unique symbol;

/**
 * A fully qualified domain name: lower case, A-labels only, trailing dot (`www.example.com.`, the root is `.`).
 * A label may hold `*`, `_` and, through RFC 4343 escapes (`\.`, `\DDD`), any octet.
 */
export type DomainName = string & { readonly [brand]: 'DomainName' };

const MAX_NAME_OCTETS = 255; // RFC 1035 section 2.3.4, wire form
const MAX_LABEL_OCTETS = 63;

/**
 * Parses what a person writes: upper case and a missing trailing dot are fine, U-labels become A-labels (RFC 5891).
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
  let name = text.endsWith('.') && !text.endsWith('\\.') ? text.slice(0, -1) : text;
  if (/[^\x20-\x7e]/.test(name)) {
    const ascii = toAscii(name);
    if (ascii === undefined) return { reason: `"${text}" is not a valid internationalised domain name` };
    name = ascii;
  }
  const labels = splitLabels(name);
  let octets = 1;
  for (const label of labels) {
    const length = labelOctets(label);
    if (length === undefined) return { reason: `"${text}" has a bad escape in the label "${label}"` };
    if (length === 0) return { reason: `"${text}" has an empty label` };
    if (length > MAX_LABEL_OCTETS) return { reason: `"${text}" has a label of ${length} octets; at most ${MAX_LABEL_OCTETS} are allowed` };
    if (/[\s"();@$]/.test(label.replace(/\\(\d{3}|.)/g, ''))) return { reason: `"${text}" has a character that must be escaped` };
    octets += length + 1;
  }
  if (octets > MAX_NAME_OCTETS) return { reason: `"${text}" is ${octets} octets long; at most ${MAX_NAME_OCTETS} are allowed` };
  return `${name.toLowerCase()}.` as DomainName;
}

/** Labels from left to right, escapes kept; the root has none. */
export function labelsOf(name: DomainName): readonly string[] {
  return name === '.' ? [] : splitLabels(name.slice(0, -1));
}

/** The name without its first label; `undefined` for the root. */
export function parentOf(name: DomainName): DomainName | undefined {
  if (name === '.') return undefined;
  const [first] = splitLabels(name.slice(0, -1));
  const rest = name.slice((first ?? '').length + 1);
  return (rest === '' ? '.' : rest) as DomainName;
}

/** True when `name` is `ancestor` or lies below it. */
export function isAtOrBelow(name: DomainName, ancestor: DomainName): boolean {
  if (ancestor === '.' || name === ancestor) return true;
  return name.endsWith(`.${ancestor}`) && !name.endsWith(`\\.${ancestor}`);
}

export function isWildcard(name: DomainName): boolean {
  return name.startsWith('*.');
}

/** `*.` in front of `name`. */
export function wildcardUnder(name: DomainName): DomainName {
  return (name === '.' ? '*.' : `*.${name}`) as DomainName;
}

function splitLabels(name: string): string[] {
  if (!name.includes('\\')) return name.split('.');
  const labels: string[] = [];
  let label = '';
  for (let i = 0; i < name.length; i += 1) {
    const char = name.charAt(i);
    if (char === '\\') {
      label += char + name.charAt(i + 1);
      i += 1;
    } else if (char === '.') {
      labels.push(label);
      label = '';
    } else {
      label += char;
    }
  }
  labels.push(label);
  return labels;
}

function labelOctets(label: string): number | undefined {
  if (!label.includes('\\')) return label.length;
  let octets = 0;
  for (let i = 0; i < label.length; i += 1, octets += 1) {
    if (label.charAt(i) !== '\\') continue;
    const digits = label.slice(i + 1, i + 4);
    if (/^\d{3}$/.test(digits)) {
      if (Number(digits) > 255) return undefined;
      i += 3;
    } else if (i + 1 < label.length) {
      i += 1;
    } else {
      return undefined;
    }
  }
  return octets;
}

/** UTS 46 through the URL parser, label by label so that `*` and `_` survive. */
function toAscii(name: string): string | undefined {
  const labels = name.normalize('NFC').split(/[.\u3002\uff0e\uff61]/).map((label) => {
    if (/^[\x20-\x7e]*$/.test(label)) return label;
    try {
      return new URL(`http://${label}.test/`).hostname.replace(/\.test$/, '');
    } catch {
      return undefined;
    }
  });
  return labels.includes(undefined) ? undefined : labels.join('.');
}
