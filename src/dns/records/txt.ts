import { TYPE } from '../types.ts';
import { malformed } from '../wire/reader.ts';
import type { RecordType } from './contract.ts';
import { escapeText } from './fields.ts';

/** Text strings (RFC 1035 section 3.3.14). */
export interface TxtRdata {
  readonly type: 'TXT';
  /** At least one string, each of at most 255 octets. */
  readonly strings: readonly Uint8Array[];
}

export const TXT: RecordType<TxtRdata> = {
  code: TYPE.TXT,
  example: '"v=spf1 -all"',
  compresses: false,
  parse(fields) {
    const strings = [fields.charString('the text')];
    while (!fields.done) strings.push(fields.charString('the text'));
    return { type: 'TXT', strings };
  },
  format: (rdata) => rdata.strings.map((octets) => `"${escapeText(octets)}"`).join(' '),
  encode(rdata, writer) {
    for (const octets of rdata.strings) writer.charString(octets);
  },
  decode(reader) {
    if (reader.remaining === 0) malformed('a TXT record without a string');
    const strings: Uint8Array[] = [];
    while (reader.remaining > 0) strings.push(reader.charString());
    return { type: 'TXT', strings };
  },
};
