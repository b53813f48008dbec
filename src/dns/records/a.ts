import { formatIpv4, parseIpv4 } from '../address.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** IPv4 address (RFC 1035 section 3.4.1). */
export interface ARdata {
  readonly type: 'A';
  /** Four octets. */
  readonly address: Uint8Array;
}

export const A: RecordType<ARdata> = {
  code: TYPE.A,
  example: '192.0.2.1',
  compresses: false,
  parse(fields) {
    const text = fields.word('the address');
    const address = parseIpv4(text);
    if (address === undefined) return fields.fail(`"${text}" is not an IPv4 address`);
    return { type: 'A', address };
  },
  format: (rdata) => formatIpv4(rdata.address),
  encode: (rdata, writer) => writer.octets(rdata.address),
  decode: (reader) => ({ type: 'A', address: reader.take(4) }),
};
