/**
 * Numbers and names of the DNS protocol (IANA "Domain Name System (DNS) Parameters").
 * A number without a name here is spelt `TYPE123` / `CLASS123` (RFC 3597 section 5).
 */

/** Resource record types, and the query-only types 251 to 255. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  DNAME: 39,
  OPT: 41,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  EUI48: 108,
  EUI64: 109,
  NXNAME: 128,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
} as const;

export const CLASS = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const;

export const OPCODE = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5, DSO: 6 } as const;

/** Response codes; 16 and above need EDNS (RFC 6891 section 6.1.3). */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;

/** EDNS option codes. */
export const EDNS_OPTION = {
  NSID: 3,
  CLIENT_SUBNET: 8,
  COOKIE: 10,
  TCP_KEEPALIVE: 11,
  PADDING: 12,
  EDE: 15,
} as const;

const TYPE_NAMES = namesByNumber(TYPE);
const CLASS_NAMES = namesByNumber(CLASS);
const RCODE_NAMES = namesByNumber(RCODE);
const OPCODE_NAMES = namesByNumber(OPCODE);
const RCODE_NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries(RCODE));
const TYPE_NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries(TYPE));

export function typeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `TYPE${type}`;
}

export function className(value: number): string {
  return CLASS_NAMES.get(value) ?? `CLASS${value}`;
}

export function rcodeName(rcode: number): string {
  return RCODE_NAMES.get(rcode) ?? `RCODE${rcode}`;
}

export function opcodeName(opcode: number): string {
  return OPCODE_NAMES.get(opcode) ?? `OPCODE${opcode}`;
}

/** The number of a type name in any case, `TYPE123` included; `undefined` when there is no such type. */
export function parseType(text: string): number | undefined {
  const upper = text.toUpperCase();
  const known = TYPE_NUMBERS.get(upper);
  if (known !== undefined) return known;
  const match = /^TYPE(0|[1-9]\d{0,4})$/.exec(upper);
  if (match === null) return undefined;
  const value = Number(match[1]);
  return value <= 0xffff ? value : undefined;
}

/** The number of a response code's name in any case; `undefined` when there is no such code. */
export function parseRcode(text: string): number | undefined {
  return RCODE_NUMBERS.get(text.toUpperCase());
}

/** Types that only make sense in a message, never as zone data (RFC 6895 section 3.1: OPT, 128 to 255). */
export function isMetaType(type: number): boolean {
  return type === 0 || type === TYPE.OPT || (type >= 128 && type <= 255);
}

function namesByNumber(table: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(table).map(([name, value]) => [value, name]));
}
