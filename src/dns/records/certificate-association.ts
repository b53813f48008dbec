import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** A certificate or key a service is bound to: what TLSA and SMIMEA are (RFC 6698 section 2). */
export interface CertificateAssociation<T extends 'TLSA' | 'SMIMEA'> {
  readonly type: T;
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly data: Uint8Array;
}

export function certificateAssociation<T extends 'TLSA' | 'SMIMEA'>(
  type: T,
): RecordType<CertificateAssociation<T>> {
  return {
    code: TYPE[type],
    example: '3 1 1 0D6FCE3B0A5C4A4BB8A1F2E3D4C5B6A798897A6B5C4D3E2F1A0B9C8D7E6F5A4B',
    compresses: false,
    parse: (fields) => ({
      type,
      usage: fields.unsigned('the certificate usage', 8),
      selector: fields.unsigned('the selector', 8),
      matchingType: fields.unsigned('the matching type', 8),
      data: fields.hexRequired('the certificate association data'),
    }),
    format: (rdata) =>
      `${rdata.usage} ${rdata.selector} ${rdata.matchingType} ${Buffer.from(rdata.data).toString('hex').toUpperCase()}`,
    encode(rdata, writer) {
      writer.u8(rdata.usage);
      writer.u8(rdata.selector);
      writer.u8(rdata.matchingType);
      writer.octets(rdata.data);
    },
    decode: (reader) => ({
      type,
      usage: reader.u8(),
      selector: reader.u8(),
      matchingType: reader.u8(),
      data: reader.rest('certificate association data'),
    }),
  };
}
