import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** A certificate or a revocation list (RFC 4398 section 2). */
export interface CertRdata {
  readonly type: 'CERT';
  /** Such as 1 for PKIX. */
  readonly format: number;
  readonly keyTag: number;
  /** DNSSEC algorithm number. */
  readonly algorithm: number;
  /** At least one octet. */
  readonly data: Uint8Array;
}

/** RFC 4398 section 2.1. */
const FORMATS: readonly (readonly [string, number])[] = [
  ['PKIX', 1],
  ['SPKI', 2],
  ['PGP', 3],
  ['IPKIX', 4],
  ['ISPKI', 5],
  ['IPGP', 6],
  ['ACPKIX', 7],
  ['IACPKIX', 8],
  ['URI', 253],
  ['OID', 254],
];
const FORMAT_NUMBERS: ReadonlyMap<string, number> = new Map(FORMATS);
const FORMAT_NAMES: ReadonlyMap<number, string> = new Map(FORMATS.map(([name, number]) => [number, name]));

/** RFC 4034 appendix A.1 and the registry that continues it; the presentation form may use either. */
const ALGORITHMS: ReadonlyMap<string, number> = new Map([
  ['RSAMD5', 1],
  ['DH', 2],
  ['DSA', 3],
  ['RSASHA1', 5],
  ['NSEC3RSASHA1', 7],
  ['RSASHA256', 8],
  ['RSASHA512', 10],
  ['ECDSAP256SHA256', 13],
  ['ECDSAP384SHA384', 14],
  ['ED25519', 15],
  ['ED448', 16],
  ['INDIRECT', 252],
  ['PRIVATEDNS', 253],
  ['PRIVATEOID', 254],
]);

export const CERT: RecordType<CertRdata> = {
  code: TYPE.CERT,
  example: 'PKIX 0 0 MIIBCgKCAQEA',
  compresses: false,
  parse: (fields) => ({
    type: 'CERT',
    format: fields.numberOrName('the certificate type', 16, FORMAT_NUMBERS),
    keyTag: fields.unsigned('the key tag', 16),
    algorithm: fields.numberOrName('the algorithm', 8, ALGORITHMS),
    data: fields.base64Required('the certificate'),
  }),
  format: (rdata) =>
    `${FORMAT_NAMES.get(rdata.format) ?? rdata.format} ${rdata.keyTag} ${rdata.algorithm} ${Buffer.from(rdata.data).toString('base64')}`,
  encode(rdata, writer) {
    writer.u16(rdata.format);
    writer.u16(rdata.keyTag);
    writer.u8(rdata.algorithm);
    writer.octets(rdata.data);
  },
  decode: (reader) => ({
    type: 'CERT',
    format: reader.u16(),
    keyTag: reader.u16(),
    algorithm: reader.u8(),
    data: reader.rest('a certificate'),
  }),
};
