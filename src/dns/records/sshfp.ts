import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** Fingerprint of a host's SSH key (RFC 4255 section 3). */
export interface SshfpRdata {
  readonly type: 'SSHFP';
  readonly algorithm: number;
  /** 1 is SHA-1, 2 is SHA-256. */
  readonly digestType: number;
  readonly fingerprint: Uint8Array;
}

export const SSHFP: RecordType<SshfpRdata> = {
  code: TYPE.SSHFP,
  example: '4 2 9F9A8B7C6D5E4F3A2B1C0D9E8F7A6B5C4D3E2F1A0B9C8D7E6F5A4B3C2D1E0F9A',
  compresses: false,
  parse: (fields) => ({
    type: 'SSHFP',
    algorithm: fields.unsigned('the algorithm', 8),
    digestType: fields.unsigned('the fingerprint type', 8),
    fingerprint: fields.hexRequired('the fingerprint'),
  }),
  format: (rdata) =>
    `${rdata.algorithm} ${rdata.digestType} ${Buffer.from(rdata.fingerprint).toString('hex').toUpperCase()}`,
  encode(rdata, writer) {
    writer.u8(rdata.algorithm);
    writer.u8(rdata.digestType);
    writer.octets(rdata.fingerprint);
  },
  decode: (reader) => ({
    type: 'SSHFP',
    algorithm: reader.u8(),
    digestType: reader.u8(),
    fingerprint: reader.rest('an SSHFP fingerprint'),
  }),
};
