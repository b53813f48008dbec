import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';
import { escapeText } from './fields.ts';

/** What a host is (RFC 1035 section 3.3.2); today the minimal answer to ANY (RFC 8482 section 4.2). */
export interface HinfoRdata {
  readonly type: 'HINFO';
  readonly cpu: Uint8Array;
  readonly os: Uint8Array;
}

export const HINFO: RecordType<HinfoRdata> = {
  code: TYPE.HINFO,
  example: '"AMD64" "Linux"',
  compresses: false,
  parse: (fields) => ({
    type: 'HINFO',
    cpu: fields.charString('the processor'),
    os: fields.charString('the operating system'),
  }),
  format: (rdata) => `"${escapeText(rdata.cpu)}" "${escapeText(rdata.os)}"`,
  encode(rdata, writer) {
    writer.charString(rdata.cpu);
    writer.charString(rdata.os);
  },
  decode: (reader) => ({ type: 'HINFO', cpu: reader.charString(), os: reader.charString() }),
};
