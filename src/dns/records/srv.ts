import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** Where a service runs (RFC 2782; the target is never compressed). */
export interface SrvRdata {
  readonly type: 'SRV';
  /** Lower is tried first. */
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: DomainName;
}

export const SRV: RecordType<SrvRdata> = {
  code: TYPE.SRV,
  example: '10 60 5060 sip.example.com.',
  compresses: false,
  parse: (fields) => ({
    type: 'SRV',
    priority: fields.unsigned('the priority', 16),
    weight: fields.unsigned('the weight', 16),
    port: fields.unsigned('the port', 16),
    target: fields.name('the target'),
  }),
  format: (rdata) => `${rdata.priority} ${rdata.weight} ${rdata.port} ${rdata.target}`,
  encode(rdata, writer) {
    writer.u16(rdata.priority);
    writer.u16(rdata.weight);
    writer.u16(rdata.port);
    writer.plainName(rdata.target);
  },
  decode: (reader) => ({
    type: 'SRV',
    priority: reader.u16(),
    weight: reader.u16(),
    port: reader.u16(),
    target: reader.name(),
  }),
};
