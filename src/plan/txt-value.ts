import { formatRdata, parseRdata } from '../dns/records/catalogue.ts';
import { TYPE } from '../dns/types.ts';

/** One character-string holds at most this many octets (RFC 1035 section 3.3). */
const MAX_STRING_OCTETS = 255;

/** ASCII text as one TXT record in canonical presentation form, cut into character-strings of 255 octets. */
export function txtValue(text: string): string {
  const octets = Buffer.from(text, 'latin1');
  const strings: Uint8Array[] = [];
  for (let at = 0; at < octets.length || strings.length === 0; at += MAX_STRING_OCTETS) {
    strings.push(octets.subarray(at, at + MAX_STRING_OCTETS));
  }
  return formatRdata({ type: 'TXT', strings });
}

/** What the character-strings of one TXT record say together; `undefined` for what is not TXT data. */
export function txtText(value: string): string | undefined {
  try {
    const rdata = parseRdata(TYPE.TXT, value);
    if (rdata.type !== 'TXT') return undefined;
    return Buffer.concat(rdata.strings).toString('latin1');
  } catch {
    return undefined;
  }
}
