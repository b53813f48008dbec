import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** Name server of a zone (RFC 1035 section 3.3.11). */
export interface NsRdata {
  readonly type: 'NS';
  readonly target: DomainName;
}

export const NS: RecordType<NsRdata> = {
  code: TYPE.NS,
  example: 'ns1.example.com.',
  compresses: true,
  parse: (fields) => ({ type: 'NS', target: fields.name('the target') }),
  format: (rdata) => rdata.target,
  encode: (rdata, writer) => writer.name(rdata.target),
  decode: (reader) => ({ type: 'NS', target: reader.name() }),
};
