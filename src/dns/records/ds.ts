import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';
import {
  type DigestData,
  decodeDigestData,
  encodeDigestData,
  formatDigestData,
  parseDigestData,
} from './digest-rdata.ts';

/** The digest of a key of a delegated zone, in its parent (RFC 4034 section 5). */
export interface DsRdata extends DigestData {
  readonly type: 'DS';
}

export const DS: RecordType<DsRdata> = {
  code: TYPE.DS,
  example: '55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17',
  compresses: false,
  parse: (fields) => ({ type: 'DS', ...parseDigestData(fields) }),
  format: formatDigestData,
  encode: encodeDigestData,
  decode: (reader) => ({ type: 'DS', ...decodeDigestData(reader) }),
};
