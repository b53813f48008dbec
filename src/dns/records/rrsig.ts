import type { DomainName } from '../name.ts';
import { parseType, TYPE, typeName } from '../types.ts';
import type { WireWriter } from '../wire/writer.ts';
import type { RecordType } from './contract.ts';
import type { Fields } from './fields.ts';

/** A signature over an RRset (RFC 4034 section 3). Times are seconds since 1970, modulo 2^32. */
export interface RrsigRdata {
  readonly type: 'RRSIG';
  readonly typeCovered: number;
  readonly algorithm: number;
  /** Labels of the owner without the root and a leading `*`; fewer than the owner has: expanded from a wildcard. */
  readonly labels: number;
  readonly originalTtlSeconds: number;
  readonly expiration: number;
  readonly inception: number;
  readonly keyTag: number;
  /** The zone. */
  readonly signer: DomainName;
  readonly signature: Uint8Array;
}

export const RRSIG: RecordType<RrsigRdata> = {
  code: TYPE.RRSIG,
  example:
    'A 13 3 3600 20301231235959 20301201000000 55648 example.com. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==',
  compresses: false,
  parse: (fields) => ({
    type: 'RRSIG',
    typeCovered: coveredType(fields),
    algorithm: fields.unsigned('the algorithm', 8),
    labels: fields.unsigned('the labels', 8),
    originalTtlSeconds: fields.unsigned('the original TTL', 32),
    expiration: time(fields, 'the expiration'),
    inception: time(fields, 'the inception'),
    keyTag: fields.unsigned('the key tag', 16),
    signer: fields.name('the signer'),
    signature: fields.base64Required('the signature'),
  }),
  format: (r) =>
    `${typeName(r.typeCovered)} ${r.algorithm} ${r.labels} ${r.originalTtlSeconds} ${formatTime(r.expiration)} ${formatTime(r.inception)} ${r.keyTag} ${r.signer} ${Buffer.from(r.signature).toString('base64')}`,
  encode(rdata, writer) {
    encodeRrsigHead(rdata, writer);
    writer.octets(rdata.signature);
  },
  decode: (reader) => ({
    type: 'RRSIG',
    typeCovered: reader.u16(),
    algorithm: reader.u8(),
    labels: reader.u8(),
    originalTtlSeconds: reader.u32(),
    expiration: reader.u32(),
    inception: reader.u32(),
    keyTag: reader.u16(),
    signer: reader.name(),
    signature: reader.rest('the signature'),
  }),
};

/** Everything but the signature: what is signed together with the set (RFC 4034 section 3.1.8.1). */
export function encodeRrsigHead(rdata: Omit<RrsigRdata, 'type' | 'signature'>, writer: WireWriter): void {
  writer.u16(rdata.typeCovered);
  writer.u8(rdata.algorithm);
  writer.u8(rdata.labels);
  writer.u32(rdata.originalTtlSeconds);
  writer.u32(rdata.expiration);
  writer.u32(rdata.inception);
  writer.u16(rdata.keyTag);
  writer.plainName(rdata.signer); // never compressed (RFC 4034 section 3.1.7)
}

function coveredType(fields: Fields): number {
  const text = fields.word('the type covered');
  return parseType(text) ?? fields.fail(`"${text}" is no record type`);
}

/** `YYYYMMDDHHmmSS` in UTC, or seconds (RFC 4034 section 3.2). */
function time(fields: Fields, field: string): number {
  const text = fields.word(field);
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(text);
  if (parts === null) {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
    return value >= 0 && value <= 0xffff_ffff ? value : fields.fail(`${field} is "${text}", not a time`);
  }
  const [, year, month, day, hour, minute, second] = parts;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const date = new Date(iso);
  // A day that does not exist becomes another one.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== iso)
    return fields.fail(`${field} is "${text}", not a date that exists`);
  const seconds = date.getTime() / 1000;
  return seconds >= 0 && seconds <= 0xffff_ffff
    ? seconds
    : fields.fail(`${field} is "${text}", not between 1970 and 2106`);
}

function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace(/\D/g, '');
}
