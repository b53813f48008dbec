import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';
import { decodeKeyData, encodeKeyData, formatKeyData, type KeyData, parseKeyData } from './key-rdata.ts';

/** The DNSKEY that the parent is asked to make a DS of (RFC 7344 section 3.2). */
export interface CdnskeyRdata extends KeyData {
  readonly type: 'CDNSKEY';
}

export const CDNSKEY: RecordType<CdnskeyRdata> = {
  code: TYPE.CDNSKEY,
  example:
    '257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==',
  compresses: false,
  parse: (fields) => ({ type: 'CDNSKEY', ...parseKeyData(fields) }),
  format: formatKeyData,
  encode: encodeKeyData,
  decode: (reader) => ({ type: 'CDNSKEY', ...decodeKeyData(reader) }),
};
