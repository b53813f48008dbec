import { formatIpv6, parseIpv6 } from '../address.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** IPv6 address (RFC 3596). */
export interface AaaaRdata {
  readonly type: 'AAAA';
  /** Sixteen octets. */
  readonly address: Uint8Array;
}

export const AAAA: RecordType<AaaaRdata> = {
  code: TYPE.AAAA,
  example: '2001:db8::1',
  compresses: false,
  parse(fields) {
    const text = fields.word('the address');
    const address = parseIpv6(text);
    if (address === undefined) return fields.fail(`"${text}" is not an IPv6 address`);
    return { type: 'AAAA', address };
  },
  format: (rdata) => formatIpv6(rdata.address),
  encode: (rdata, writer) => writer.octets(rdata.address),
  decode: (reader) => ({ type: 'AAAA', address: reader.take(16) }),
};
