import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** A 16-bit number and a host whose name is never compressed: what AFSDB and KX are. */
export interface PreferredHost<T extends 'AFSDB' | 'KX'> {
  readonly type: T;
  /** AFSDB: the subtype; KX: lower is tried first. */
  readonly preference: number;
  readonly host: DomainName;
}

export function preferredHost<T extends 'AFSDB' | 'KX'>(
  type: T,
  words: { readonly example: string; readonly preference: string; readonly host: string },
): RecordType<PreferredHost<T>> {
  return {
    code: TYPE[type],
    example: words.example,
    compresses: false,
    parse: (fields) => ({
      type,
      preference: fields.unsigned(words.preference, 16),
      host: fields.name(words.host),
    }),
    format: (rdata) => `${rdata.preference} ${rdata.host}`,
    encode(rdata, writer) {
      writer.u16(rdata.preference);
      writer.plainName(rdata.host);
    },
    decode: (reader) => ({ type, preference: reader.u16(), host: reader.name() }),
  };
}
