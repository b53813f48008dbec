import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';
import { escapeText } from './fields.ts';

/** A URI for a service (RFC 7553 section 4). */
export interface UriRdata {
  readonly type: 'URI';
  /** Lower is tried first. */
  readonly priority: number;
  readonly weight: number;
  /** At least one octet, with no length before it. */
  readonly target: Uint8Array;
}

export const URI: RecordType<UriRdata> = {
  code: TYPE.URI,
  example: '10 1 "https://www.example.com/"',
  compresses: false,
  parse(fields) {
    const priority = fields.unsigned('the priority', 16);
    const weight = fields.unsigned('the weight', 16);
    const target = fields.octets('the target');
    if (target.length === 0) fields.fail('the target is empty');
    return { type: 'URI', priority, weight, target };
  },
  format: (rdata) => `${rdata.priority} ${rdata.weight} "${escapeText(rdata.target)}"`,
  encode(rdata, writer) {
    writer.u16(rdata.priority);
    writer.u16(rdata.weight);
    writer.octets(rdata.target);
  },
  decode: (reader) => ({
    type: 'URI',
    priority: reader.u16(),
    weight: reader.u16(),
    target: reader.rest('a URI target'),
  }),
};
