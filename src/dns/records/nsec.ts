import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';
import { formatTypes, parseTypes, readTypeBitmap, writeTypeBitmap } from './type-bitmap.ts';

/** What exists at a name, and that nothing exists between it and the next (RFC 4034 section 4). */
export interface NsecRdata {
  readonly type: 'NSEC';
  readonly next: DomainName;
  /** Ascending, each once. */
  readonly types: readonly number[];
}

export const NSEC: RecordType<NsecRdata> = {
  code: TYPE.NSEC,
  example: 'host.example.com. A MX RRSIG NSEC TYPE1234',
  compresses: false,
  parse: (fields) => ({ type: 'NSEC', next: fields.name('the next name'), types: parseTypes(fields) }),
  format: (rdata) => `${rdata.next} ${formatTypes(rdata.types)}`.trimEnd(),
  encode(rdata, writer) {
    writer.plainName(rdata.next);
    writeTypeBitmap(rdata.types, writer);
  },
  decode: (reader) => ({ type: 'NSEC', next: reader.name(), types: readTypeBitmap(reader) }),
};
