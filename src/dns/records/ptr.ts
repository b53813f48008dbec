import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** A name elsewhere in the tree, mostly for addresses (RFC 1035 section 3.3.12). */
export interface PtrRdata {
  readonly type: 'PTR';
  readonly target: DomainName;
}

export const PTR: RecordType<PtrRdata> = {
  code: TYPE.PTR,
  example: 'host.example.com.',
  compresses: true,
  parse: (fields) => ({ type: 'PTR', target: fields.name('the target') }),
  format: (rdata) => rdata.target,
  encode: (rdata, writer) => writer.name(rdata.target),
  decode: (reader) => ({ type: 'PTR', target: reader.name() }),
};
