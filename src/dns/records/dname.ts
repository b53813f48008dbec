import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** An alias for everything below its owner (RFC 6672). */
export interface DnameRdata {
  readonly type: 'DNAME';
  readonly target: DomainName;
}

export const DNAME: RecordType<DnameRdata> = {
  code: TYPE.DNAME,
  example: 'www.example.net.',
  compresses: false, // RFC 6672 section 2.5
  parse: (fields) => ({ type: 'DNAME', target: fields.name('the target') }),
  format: (rdata) => rdata.target,
  encode: (rdata, writer) => writer.plainName(rdata.target),
  decode: (reader) => ({ type: 'DNAME', target: reader.name() }),
};
