import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** Octets that are written in base64 and nothing else: what OPENPGPKEY and DHCID are. */
export interface Base64Data<T extends 'OPENPGPKEY' | 'DHCID'> {
  readonly type: T;
  /** At least one octet. */
  readonly data: Uint8Array;
}

export function base64Data<T extends 'OPENPGPKEY' | 'DHCID'>(
  type: T,
  example: string,
): RecordType<Base64Data<T>> {
  return {
    code: TYPE[type],
    example,
    compresses: false,
    parse: (fields) => ({ type, data: fields.base64Required('the data') }),
    format: (rdata) => Buffer.from(rdata.data).toString('base64'),
    encode: (rdata, writer) => writer.octets(rdata.data),
    decode: (reader) => ({ type, data: reader.rest(`${type} data`) }),
  };
}
