import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** The digest of a key: what DS and CDS are (RFC 4034 section 5.1, RFC 7344 section 3.1). */
export interface KeyDigest<T extends 'DS' | 'CDS'> {
  readonly type: T;
  readonly keyTag: number;
  readonly algorithm: number;
  /** 2: SHA-256 (RFC 4509), 4: SHA-384 (RFC 6605). */
  readonly digestType: number;
  readonly digest: Uint8Array;
}

export function keyDigest<T extends 'DS' | 'CDS'>(type: T): RecordType<KeyDigest<T>> {
  return {
    code: TYPE[type],
    example: '55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17',
    compresses: false,
    parse: (fields) => ({
      type,
      keyTag: fields.unsigned('the key tag', 16),
      algorithm: fields.unsigned('the algorithm', 8),
      digestType: fields.unsigned('the digest type', 8),
      digest: fields.hexRequired('the digest'),
    }),
    format: (rdata) =>
      `${rdata.keyTag} ${rdata.algorithm} ${rdata.digestType} ${Buffer.from(rdata.digest).toString('hex').toUpperCase()}`,
    encode(rdata, writer) {
      writer.u16(rdata.keyTag);
      writer.u8(rdata.algorithm);
      writer.u8(rdata.digestType);
      writer.octets(rdata.digest);
    },
    decode: (reader) => ({
      type,
      keyTag: reader.u16(),
      algorithm: reader.u8(),
      digestType: reader.u8(),
      digest: reader.rest('the digest'),
    }),
  };
}
