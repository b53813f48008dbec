import type { WireReader } from '../wire/reader.ts';
import type { WireWriter } from '../wire/writer.ts';
import type { Fields } from './fields.ts';

/** What DS and CDS records hold (RFC 4034 section 5.1, RFC 7344 section 3.1). */
export interface DigestData {
  readonly keyTag: number;
  readonly algorithm: number;
  /** 2: SHA-256 (RFC 4509), 4: SHA-384 (RFC 6605). */
  readonly digestType: number;
  readonly digest: Uint8Array;
}

export function parseDigestData(fields: Fields): DigestData {
  return {
    keyTag: fields.unsigned('the key tag', 16),
    algorithm: fields.unsigned('the algorithm', 8),
    digestType: fields.unsigned('the digest type', 8),
    digest: fields.hexRequired('the digest'),
  };
}

export function formatDigestData(rdata: DigestData): string {
  const digest = Buffer.from(rdata.digest).toString('hex').toUpperCase();
  return `${rdata.keyTag} ${rdata.algorithm} ${rdata.digestType} ${digest}`;
}

export function encodeDigestData(rdata: DigestData, writer: WireWriter): void {
  writer.u16(rdata.keyTag);
  writer.u8(rdata.algorithm);
  writer.u8(rdata.digestType);
  writer.octets(rdata.digest);
}

export function decodeDigestData(reader: WireReader): DigestData {
  return {
    keyTag: reader.u16(),
    algorithm: reader.u8(),
    digestType: reader.u8(),
    digest: reader.rest('the digest'),
  };
}
