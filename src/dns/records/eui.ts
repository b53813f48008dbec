import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** A hardware address (RFC 7043). */
export interface Eui<T extends 'EUI48' | 'EUI64'> {
  readonly type: T;
  /** 6 octets for EUI48, 8 for EUI64. */
  readonly address: Uint8Array;
}

export function eui<T extends 'EUI48' | 'EUI64'>(type: T, octets: 6 | 8): RecordType<Eui<T>> {
  const shape = new RegExp(`^[0-9a-f]{2}(-[0-9a-f]{2}){${octets - 1}}$`, 'i');
  return {
    code: TYPE[type],
    example: octets === 6 ? '00-00-5e-00-53-2a' : '00-00-5e-ef-10-00-00-2a',
    compresses: false,
    parse(fields) {
      const text = fields.word('the address');
      if (!shape.test(text))
        fields.fail(`the address is "${text}", not ${octets} pairs of hexadecimal digits joined by hyphens`);
      return { type, address: new Uint8Array(Buffer.from(text.replaceAll('-', ''), 'hex')) };
    },
    format: (rdata) => Array.from(rdata.address, (octet) => octet.toString(16).padStart(2, '0')).join('-'),
    encode: (rdata, writer) => writer.octets(rdata.address),
    decode: (reader) => ({ type, address: reader.take(octets) }),
  };
}
