import type { WireReader } from '../wire/reader.ts';
import type { WireWriter } from '../wire/writer.ts';
import type { Fields } from './fields.ts';

/** What DNSKEY and CDNSKEY records hold (RFC 4034 section 2.1, RFC 7344 section 3.2). */
export interface KeyData {
  /** 256 is a zone key; 257 one that is also an entry point (a key-signing key). */
  readonly flags: number;
  /** Always 3. */
  readonly protocol: number;
  readonly algorithm: number;
  readonly publicKey: Uint8Array;
}

export function parseKeyData(fields: Fields): KeyData {
  return {
    flags: fields.unsigned('the flags', 16),
    protocol: fields.unsigned('the protocol', 8),
    algorithm: fields.unsigned('the algorithm', 8),
    publicKey: fields.base64Required('the public key'),
  };
}

export function formatKeyData(rdata: KeyData): string {
  return `${rdata.flags} ${rdata.protocol} ${rdata.algorithm} ${Buffer.from(rdata.publicKey).toString('base64')}`;
}

export function encodeKeyData(rdata: KeyData, writer: WireWriter): void {
  writer.u16(rdata.flags);
  writer.u8(rdata.protocol);
  writer.u8(rdata.algorithm);
  writer.octets(rdata.publicKey);
}

export function decodeKeyData(reader: WireReader): KeyData {
  return {
    flags: reader.u16(),
    protocol: reader.u8(),
    algorithm: reader.u8(),
    publicKey: reader.rest('the public key'),
  };
}
