import { TYPE } from '../types.ts';
import { malformed } from '../wire/reader.ts';
import type { RecordType } from './contract.ts';
import { escapeText } from './fields.ts';

/** Who may send mail, as old zones have it beside the TXT record (RFC 7208 section 3.1 ended its use). */
export interface SpfRdata {
  readonly type: 'SPF';
  /** At least one string, each of at most 255 octets. */
  readonly strings: readonly Uint8Array[];
}

export const SPF: RecordType<SpfRdata> = {
  code: TYPE.SPF,
  example: '"v=spf1 -all"',
  compresses: false,
  parse(fields) {
    const strings = [fields.charString('the text')];
    while (!fields.done) strings.push(fields.charString('the text'));
    return { type: 'SPF', strings };
  },
  format: (rdata) => rdata.strings.map((octets) => `"${escapeText(octets)}"`).join(' '),
  encode(rdata, writer) {
    for (const octets of rdata.strings) writer.charString(octets);
  },
  decode(reader) {
    if (reader.remaining === 0) malformed('an SPF record without a string');
    const strings: Uint8Array[] = [];
    while (reader.remaining > 0) strings.push(reader.charString());
    return { type: 'SPF', strings };
  },
};
