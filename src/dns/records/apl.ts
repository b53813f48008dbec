import { formatIp, parseIpv4, parseIpv6 } from '../address.ts';
import { TYPE } from '../types.ts';
import { malformed } from '../wire/reader.ts';
import type { RecordType } from './contract.ts';

/** Lists of address blocks (RFC 3123 section 4). */
export interface AplRdata {
  readonly type: 'APL';
  readonly items: readonly AplItem[];
}

interface AplItem {
  /** 1 is IPv4, 2 is IPv6. */
  readonly family: 1 | 2;
  readonly prefixLength: number;
  readonly negated: boolean;
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
}

const FAMILIES = { 1: { octets: 4, parse: parseIpv4 }, 2: { octets: 16, parse: parseIpv6 } } as const;
const ITEM = /^(!?)([12]):([0-9a-fA-F.:]+)\/(\d{1,3})$/;

export const APL: RecordType<AplRdata> = {
  code: TYPE.APL,
  example: '1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:db8::/32',
  compresses: false,
  parse(fields) {
    const items: AplItem[] = [];
    while (!fields.done) {
      const text = fields.word('an address block');
      const [, bang, number, address, length] = ITEM.exec(text) ?? [];
      const family = number === '2' ? 2 : 1;
      const octets = address === undefined ? undefined : FAMILIES[family].parse(address);
      const prefixLength = Number(length);
      if (octets === undefined || prefixLength > 8 * octets.length)
        return fields.fail(`"${text}" is not a block such as 1:192.0.2.0/24`);
      items.push({ family, prefixLength, negated: bang === '!', address: octets });
    }
    return { type: 'APL', items };
  },
  // An empty list has no words; as a zone file's data it needs some.
  format: (rdata) =>
    rdata.items.length === 0
      ? '\\# 0'
      : rdata.items
          .map((i) => `${i.negated ? '!' : ''}${i.family}:${formatIp(i.address)}/${i.prefixLength}`)
          .join(' '),
  encode(rdata, writer) {
    for (const { family, prefixLength, negated, address } of rdata.items) {
      let length = address.length; // zeros at the end are left out (section 4)
      while (length > 0 && address[length - 1] === 0) length -= 1;
      writer.u16(family);
      writer.u8(prefixLength);
      writer.u8((negated ? 0x80 : 0) | length);
      writer.slice(address, 0, length);
    }
  },
  decode(reader) {
    const items: AplItem[] = [];
    while (reader.remaining > 0) {
      const family = reader.u16();
      if (family !== 1 && family !== 2)
        return malformed('an APL address family that is neither IPv4 nor IPv6');
      const address = new Uint8Array(FAMILIES[family].octets);
      const prefixLength = reader.u8();
      const head = reader.u8();
      const part = reader.take(head & 0x7f);
      if (part.length > address.length || prefixLength > 8 * address.length)
        malformed('an APL address block is too long');
      if (part.at(-1) === 0) malformed('an APL address ends with zeros');
      address.set(part);
      items.push({ family, prefixLength, negated: head > 0x7f, address });
    }
    return { type: 'APL', items };
  },
};
