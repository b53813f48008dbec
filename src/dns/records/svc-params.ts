import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../address.ts';
import { malformed, type WireReader } from '../wire/reader.ts';
import type { WireWriter } from '../wire/writer.ts';
import { escapeText, type Fields, unescapeText } from './fields.ts';

/** One service parameter; the value is its wire form, checked against its key (RFC 9460 sections 7 and 8). */
export interface SvcParam {
  readonly key: number;
  readonly value: Uint8Array;
}

/** How the value of one key is written; both directions give `undefined` for a value the key does not allow. */
interface SvcParamKind {
  readonly name: string;
  /** `undefined` text: the key stands alone, without `=`. */
  parse(text: string | undefined): Uint8Array | undefined;
  /** `''` for a key that stands alone. */
  format(value: Uint8Array): string | undefined;
}

const MANDATORY = 0;
const ALPN = 1;
const NO_DEFAULT_ALPN = 2;

const addresses = (
  size: 4 | 16,
  parse: (text: string) => Uint8Array | undefined,
  format: (octets: Uint8Array) => string,
): Omit<SvcParamKind, 'name'> => ({
  parse(text) {
    const list = text?.split(',').map(parse) ?? [];
    const known = list.filter((octets) => octets !== undefined);
    return known.length === 0 || known.length < list.length
      ? undefined
      : new Uint8Array(Buffer.concat(known));
  },
  format(value) {
    if (value.length === 0 || value.length % size !== 0) return undefined;
    return Array.from({ length: value.length / size }, (_, i) =>
      format(value.subarray(i * size, (i + 1) * size)),
    ).join(',');
  },
});

const opaque: Omit<SvcParamKind, 'name'> = {
  parse: (text) => (text === undefined ? new Uint8Array() : unescapeText(text)),
  format: (value) => escapeText(value),
};

const KINDS: ReadonlyMap<number, SvcParamKind> = new Map<number, SvcParamKind>([
  [MANDATORY, { name: 'mandatory', parse: parseMandatory, format: formatMandatory }],
  [ALPN, { name: 'alpn', parse: parseAlpn, format: formatAlpn }],
  [
    NO_DEFAULT_ALPN,
    {
      name: 'no-default-alpn',
      parse: (text) => (text === undefined ? new Uint8Array() : undefined),
      format: (value) => (value.length === 0 ? '' : undefined),
    },
  ],
  [
    3,
    {
      name: 'port',
      parse(text) {
        const port = text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : 0x1_0000;
        return port > 0xffff ? undefined : Uint8Array.of(port >> 8, port & 0xff);
      },
      format: (value) => (value.length === 2 ? String(((value[0] ?? 0) << 8) | (value[1] ?? 0)) : undefined),
    },
  ],
  [4, { name: 'ipv4hint', ...addresses(4, parseIpv4, formatIpv4) }],
  [
    5,
    {
      name: 'ech',
      parse(text) {
        if (text === undefined || text === '' || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
        const octets = Buffer.from(text, 'base64');
        return octets.toString('base64') === text ? new Uint8Array(octets) : undefined;
      },
      format: (value) => (value.length === 0 ? undefined : Buffer.from(value).toString('base64')),
    },
  ],
  [6, { name: 'ipv6hint', ...addresses(16, parseIpv6, formatIpv6) }],
  [7, { name: 'dohpath', ...opaque }], // RFC 9461
]);

const KEYS: ReadonlyMap<string, number> = new Map([...KINDS].map(([key, kind]) => [kind.name, key]));

/** Reads `key=value` fields to the end. @throws PortolanError DNS_RECORD_INVALID */
export function parseSvcParams(fields: Fields): readonly SvcParam[] {
  const params = new Map<number, Uint8Array>();
  while (!fields.done) {
    const word = fields.word('a parameter');
    const equals = word.indexOf('=');
    const name = (equals < 0 ? word : word.slice(0, equals)).toLowerCase();
    const key = parseKey(name);
    if (key === undefined)
      return fields.fail(`"${name}" is no known service parameter (others are written key65280)`);
    if (params.has(key)) return fields.fail(`the parameter ${name} stands twice`);
    const text = equals < 0 ? undefined : unquote(word.slice(equals + 1));
    const numeric = KINDS.has(key) && name.startsWith('key'); // `key3="\001\187"`: the wire form of a known key
    const kind = numeric ? opaque : (KINDS.get(key) ?? opaque);
    const value = kind.parse(text);
    if (value === undefined || (KINDS.get(key)?.format(value) === undefined && KINDS.has(key))) {
      return fields.fail(`the parameter ${name} has a value it does not allow`);
    }
    if (value.length > 0xffff) return fields.fail(`the parameter ${name} is longer than 65535 octets`);
    params.set(key, value);
  }
  const list = [...params].map(([key, value]) => ({ key, value })).sort((a, b) => a.key - b.key);
  const wrong = inconsistency(list);
  if (wrong !== undefined) return fields.fail(wrong);
  return list;
}

/** One word for each parameter. */
export function formatSvcParams(params: readonly SvcParam[]): readonly string[] {
  return params.map(({ key, value }) => {
    const text = (KINDS.get(key) ?? opaque).format(value);
    const name = keyName(key);
    return text ? `${name}="${text}"` : name;
  });
}

export function encodeSvcParams(params: readonly SvcParam[], writer: WireWriter): void {
  for (const { key, value } of params) {
    writer.u16(key);
    writer.u16(value.length);
    writer.octets(value);
  }
}

/** @throws PortolanError DNS_WIRE_MALFORMED */
export function decodeSvcParams(reader: WireReader): readonly SvcParam[] {
  const params: SvcParam[] = [];
  let last = -1;
  while (reader.remaining > 0) {
    const key = reader.u16();
    if (key <= last) malformed('service parameters are not in ascending order');
    last = key;
    const value = reader.take(reader.u16());
    const kind = KINDS.get(key);
    if (kind !== undefined && kind.format(value) === undefined) {
      malformed(`the service parameter ${kind.name} has a value it does not allow`);
    }
    params.push({ key, value });
  }
  const wrong = inconsistency(params);
  if (wrong !== undefined) malformed(wrong);
  return params;
}

/** What the parameters of one record demand of each other (RFC 9460 sections 7.1.1 and 8). */
function inconsistency(params: readonly SvcParam[]): string | undefined {
  const keys = new Set(params.map((param) => param.key));
  if (keys.has(NO_DEFAULT_ALPN) && !keys.has(ALPN)) return 'no-default-alpn needs alpn beside it';
  const mandatory = params.find((param) => param.key === MANDATORY);
  const missing = mandatory && mandatoryKeys(mandatory.value)?.find((key) => !keys.has(key));
  return missing === undefined ? undefined : `mandatory names ${keyName(missing)}, which is not there`;
}

function parseKey(name: string): number | undefined {
  const known = KEYS.get(name);
  if (known !== undefined) return known;
  const match = /^key(0|[1-9]\d{0,4})$/.exec(name);
  const key = match === null ? 0xffff : Number(match[1]);
  return key < 0xffff ? key : undefined; // 65535 is reserved as invalid
}

function keyName(key: number): string {
  return KINDS.get(key)?.name ?? `key${key}`;
}

function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function parseMandatory(text: string | undefined): Uint8Array | undefined {
  const names = text === undefined ? [] : text.split(',');
  const keys = names.map((name) => parseKey(name.toLowerCase())).filter((key) => key !== undefined);
  if (keys.length < names.length) return undefined;
  const octets: number[] = [];
  for (const key of keys.sort((a, b) => a - b)) octets.push(key >> 8, key & 0xff);
  return Uint8Array.from(octets);
}

function formatMandatory(value: Uint8Array): string | undefined {
  return mandatoryKeys(value)?.map(keyName).join(',');
}

/** Strictly ascending, at least one, never `mandatory` itself. */
function mandatoryKeys(value: Uint8Array): readonly number[] | undefined {
  if (value.length === 0 || value.length % 2 !== 0) return undefined;
  const keys: number[] = [];
  for (let i = 0; i < value.length; i += 2) {
    const key = ((value[i] ?? 0) << 8) | (value[i + 1] ?? 0);
    if (key <= (keys.at(-1) ?? MANDATORY) || key === 0xffff) return undefined;
    keys.push(key);
  }
  return keys;
}

/** A comma-separated list inside a character-string: two levels of escapes (RFC 9460 appendix A.1). */
function parseAlpn(text: string | undefined): Uint8Array | undefined {
  const list = text === undefined ? undefined : unescapeText(text);
  if (list === undefined) return undefined;
  const ids: number[][] = [[]];
  for (let i = 0; i < list.length; i += 1) {
    const octet = list[i] ?? 0;
    if (octet === 0x2c) {
      ids.push([]);
    } else if (octet === 0x5c) {
      i += 1;
      const escaped = list[i];
      if (escaped === undefined) return undefined;
      ids.at(-1)?.push(escaped);
    } else {
      ids.at(-1)?.push(octet);
    }
  }
  if (ids.some((id) => id.length === 0 || id.length > 255)) return undefined;
  return Uint8Array.from(ids.flatMap((id) => [id.length, ...id]));
}

function formatAlpn(value: Uint8Array): string | undefined {
  const ids: string[] = [];
  for (let at = 0; at < value.length; ) {
    const length = value[at] ?? 0;
    if (length === 0 || at + 1 + length > value.length) return undefined;
    const id = value.subarray(at + 1, at + 1 + length);
    const escaped = Array.from(id).flatMap((octet) =>
      octet === 0x2c || octet === 0x5c ? [0x5c, octet] : [octet],
    );
    ids.push(escapeText(Uint8Array.from(escaped)));
    at += length + 1;
  }
  return ids.length === 0 ? undefined : ids.join(',');
}
