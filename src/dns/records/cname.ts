import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** The canonical name of an alias (RFC 1035 section 3.3.1). */
export interface CnameRdata {
  readonly type: 'CNAME';
  readonly target: DomainName;
}

export const CNAME: RecordType<CnameRdata> = {
  code: TYPE.CNAME,
  example: 'www.example.com.',
  compresses: true,
  parse: (fields) => ({ type: 'CNAME', target: fields.name('the target') }),
  format: (rdata) => rdata.target,
  encode: (rdata, writer) => writer.name(rdata.target),
  decode: (reader) => ({ type: 'CNAME', target: reader.name() }),
};
