import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';
import {
  type DigestData,
  decodeDigestData,
  encodeDigestData,
  formatDigestData,
  parseDigestData,
} from './digest-rdata.ts';

/** The DS that the parent is asked to publish (RFC 7344 section 3.1). */
export interface CdsRdata extends DigestData {
  readonly type: 'CDS';
}

export const CDS: RecordType<CdsRdata> = {
  code: TYPE.CDS,
  example: '55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17',
  compresses: false,
  parse: (fields) => ({ type: 'CDS', ...parseDigestData(fields) }),
  format: formatDigestData,
  encode: encodeDigestData,
  decode: (reader) => ({ type: 'CDS', ...decodeDigestData(reader) }),
};
