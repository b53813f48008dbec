import { type DomainName, tryParseName } from '../../src/dns/name.ts';

/**
 * Spelling of names and values. Route 53 escapes octets as `\` and three OCTAL digits (`\052` is `*`), master files and this
 * program as three decimal ones. "DNS domain name format" and "TXT record type" in the Developer Guide:
 * https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
 */

/** `\052.example.com.` as a name of ours (`*.example.com.`); `undefined` when it is none. */
export function nameFromApi(text: string): DomainName | undefined {
  const name = tryParseName(decimalEscapes(text));
  return typeof name === 'string' ? name : undefined;
}

/** A name as requests have it. A `*` needs no escape there. */
export function nameToApi(name: string): string {
  return octalEscapes(name);
}

/** Octal escapes of a value become decimal ones; `\"` and `\\` stay. */
export function decimalEscapes(text: string): string {
  return replaceEscapes(text, /^[0-3][0-7]{2}$/, 8, (octet) => String(octet).padStart(3, '0'));
}

/** Decimal escapes of a value become octal ones; `\"` and `\\` stay. */
export function octalEscapes(text: string): string {
  return replaceEscapes(text, /^([01]\d\d|2[0-4]\d|25[0-5])$/, 10, (octet) =>
    octet.toString(8).padStart(3, '0'),
  );
}

function replaceEscapes(
  text: string,
  digits: RegExp,
  base: number,
  spell: (octet: number) => string,
): string {
  if (!text.includes('\\')) return text;
  let out = '';
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (char !== '\\') {
      out += char;
      continue;
    }
    const three = text.slice(i + 1, i + 4);
    if (digits.test(three)) {
      out += `\\${spell(Number.parseInt(three, base))}`;
      i += 3;
    } else {
      out += text.slice(i, i + 2);
      i += 1;
    }
  }
  return out;
}

/** `Z123` of `/hostedzone/Z123`, `C1` of `/change/C1`: the API takes both spellings and gives the long one. */
export function plainId(id: string): string {
  return id.replace(/^\/(hostedzone|change|healthcheck)\//, '');
}
