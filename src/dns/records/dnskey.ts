import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';
import { decodeKeyData, encodeKeyData, formatKeyData, type KeyData, parseKeyData } from './key-rdata.ts';

/** A public key of the zone (RFC 4034 section 2). */
export interface DnskeyRdata extends KeyData {
  readonly type: 'DNSKEY';
}

export const DNSKEY: RecordType<DnskeyRdata> = {
  code: TYPE.DNSKEY,
  example:
    '257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==',
  compresses: false,
  parse: (fields) => ({ type: 'DNSKEY', ...parseKeyData(fields) }),
  format: formatKeyData,
  encode: encodeKeyData,
  decode: (reader) => ({ type: 'DNSKEY', ...decodeKeyData(reader) }),
};
