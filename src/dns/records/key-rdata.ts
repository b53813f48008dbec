import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** A public key of a zone: what DNSKEY and CDNSKEY are (RFC 4034 section 2.1, RFC 7344 section 3.2). */
export interface ZonePublicKey<T extends 'DNSKEY' | 'CDNSKEY'> {
  readonly type: T;
  /** 256 is a zone key; 257 one that is also an entry point (a key-signing key). */
  readonly flags: number;
  /** Always 3. */
  readonly protocol: number;
  readonly algorithm: number;
  readonly publicKey: Uint8Array;
}

export function zonePublicKey<T extends 'DNSKEY' | 'CDNSKEY'>(type: T): RecordType<ZonePublicKey<T>> {
  return {
    code: TYPE[type],
    example:
      '257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==',
    compresses: false,
    parse: (fields) => ({
      type,
      flags: fields.unsigned('the flags', 16),
      protocol: fields.unsigned('the protocol', 8),
      algorithm: fields.unsigned('the algorithm', 8),
      publicKey: fields.base64Required('the public key'),
    }),
    format: (rdata) =>
      `${rdata.flags} ${rdata.protocol} ${rdata.algorithm} ${Buffer.from(rdata.publicKey).toString('base64')}`,
    encode(rdata, writer) {
      writer.u16(rdata.flags);
      writer.u8(rdata.protocol);
      writer.u8(rdata.algorithm);
      writer.octets(rdata.publicKey);
    },
    decode: (reader) => ({
      type,
      flags: reader.u16(),
      protocol: reader.u8(),
      algorithm: reader.u8(),
      publicKey: reader.rest('the public key'),
    }),
  };
}
