import { TYPE } from '../types.ts';
import { malformed } from '../wire/reader.ts';
import type { RecordType } from './contract.ts';
import { escapeText } from './fields.ts';

/** Which certification authorities may issue (RFC 8659 section 4). */
export interface CaaRdata {
  readonly type: 'CAA';
  /** 128 makes the property critical. */
  readonly flags: number;
  /** Such as `issue`, `issuewild`, `iodef`; lower case. */
  readonly tag: string;
  readonly value: Uint8Array;
}

const TAG = /^[a-z0-9]{1,255}$/;

export const CAA: RecordType<CaaRdata> = {
  code: TYPE.CAA,
  example: '0 issue "letsencrypt.org"',
  compresses: false,
  parse(fields) {
    const flags = fields.unsigned('the flags', 8);
    const tag = fields.word('the tag').toLowerCase();
    if (!TAG.test(tag)) fields.fail(`the tag "${tag}" may hold letters and digits only`);
    return { type: 'CAA', flags, tag, value: fields.octets('the value') };
  },
  format: (rdata) => `${rdata.flags} ${rdata.tag} "${escapeText(rdata.value)}"`,
  encode(rdata, writer) {
    writer.u8(rdata.flags);
    writer.u8(rdata.tag.length);
    for (let i = 0; i < rdata.tag.length; i += 1) writer.u8(rdata.tag.charCodeAt(i));
    writer.octets(rdata.value);
  },
  decode(reader) {
    const flags = reader.u8();
    const tag = Buffer.from(reader.charString()).toString('latin1').toLowerCase();
    if (!TAG.test(tag)) malformed('a CAA tag holds more than letters and digits');
    return { type: 'CAA', flags, tag, value: reader.take(reader.remaining) };
  },
};
