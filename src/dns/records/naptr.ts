import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';
import { escapeText } from './fields.ts';

/** A rewriting rule for telephone numbers and URIs (RFC 3403 section 4; the replacement is never compressed). */
export interface NaptrRdata {
  readonly type: 'NAPTR';
  readonly order: number;
  readonly preference: number;
  readonly flags: Uint8Array;
  readonly services: Uint8Array;
  readonly regexp: Uint8Array;
  /** The root when the regexp is used. */
  readonly replacement: DomainName;
}

export const NAPTR: RecordType<NaptrRdata> = {
  code: TYPE.NAPTR,
  example: '100 10 "S" "SIP+D2U" "" _sip._udp.example.com.',
  compresses: false,
  parse: (fields) => ({
    type: 'NAPTR',
    order: fields.unsigned('the order', 16),
    preference: fields.unsigned('the preference', 16),
    flags: fields.charString('the flags'),
    services: fields.charString('the services'),
    regexp: fields.charString('the regular expression'),
    replacement: fields.name('the replacement'),
  }),
  format: (r) =>
    `${r.order} ${r.preference} "${escapeText(r.flags)}" "${escapeText(r.services)}" "${escapeText(r.regexp)}" ${r.replacement}`,
  encode(rdata, writer) {
    writer.u16(rdata.order);
    writer.u16(rdata.preference);
    writer.charString(rdata.flags);
    writer.charString(rdata.services);
    writer.charString(rdata.regexp);
    writer.plainName(rdata.replacement);
  },
  decode: (reader) => ({
    type: 'NAPTR',
    order: reader.u16(),
    preference: reader.u16(),
    flags: reader.charString(),
    services: reader.charString(),
    regexp: reader.charString(),
    replacement: reader.name(),
  }),
};
