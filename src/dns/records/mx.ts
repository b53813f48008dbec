import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** Mail exchange (RFC 1035 section 3.3.9; `0 .` refuses mail, RFC 7505). */
export interface MxRdata {
  readonly type: 'MX';
  /** Lower is tried first. */
  readonly preference: number;
  readonly exchange: DomainName;
}

export const MX: RecordType<MxRdata> = {
  code: TYPE.MX,
  example: '10 mail.example.com.',
  compresses: true,
  parse: (fields) => ({
    type: 'MX',
    preference: fields.unsigned('the preference', 16),
    exchange: fields.name('the mail server'),
  }),
  format: (rdata) => `${rdata.preference} ${rdata.exchange}`,
  encode(rdata, writer) {
    writer.u16(rdata.preference);
    writer.name(rdata.exchange);
  },
  decode: (reader) => ({ type: 'MX', preference: reader.u16(), exchange: reader.name() }),
};
