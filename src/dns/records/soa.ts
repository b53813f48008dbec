import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** Start of a zone of authority (RFC 1035 section 3.3.13). */
export interface SoaRdata {
  readonly type: 'SOA';
  /** The primary name server. */
  readonly primary: DomainName;
  /** The mailbox of the person responsible, its `@` as a dot. */
  readonly mailbox: DomainName;
  readonly serial: number;
  readonly refreshSeconds: number;
  readonly retrySeconds: number;
  readonly expireSeconds: number;
  /** How long a negative answer may be kept (RFC 2308 section 4). */
  readonly minimumSeconds: number;
}

export const SOA: RecordType<SoaRdata> = {
  code: TYPE.SOA,
  example: 'ns1.example.com. hostmaster.example.com. 1 3600 600 604800 300',
  compresses: true,
  parse: (fields) => ({
    type: 'SOA',
    primary: fields.name('the primary name server'),
    mailbox: fields.name('the mailbox'),
    serial: fields.unsigned('the serial', 32),
    refreshSeconds: fields.seconds('the refresh time'),
    retrySeconds: fields.seconds('the retry time'),
    expireSeconds: fields.seconds('the expire time'),
    minimumSeconds: fields.seconds('the negative TTL'),
  }),
  format: (r) =>
    `${r.primary} ${r.mailbox} ${r.serial} ${r.refreshSeconds} ${r.retrySeconds} ${r.expireSeconds} ${r.minimumSeconds}`,
  encode(rdata, writer) {
    writer.name(rdata.primary);
    writer.name(rdata.mailbox);
    writer.u32(rdata.serial);
    writer.u32(rdata.refreshSeconds);
    writer.u32(rdata.retrySeconds);
    writer.u32(rdata.expireSeconds);
    writer.u32(rdata.minimumSeconds);
  },
  decode: (reader) => ({
    type: 'SOA',
    primary: reader.name(),
    mailbox: reader.name(),
    serial: reader.u32(),
    refreshSeconds: reader.u32(),
    retrySeconds: reader.u32(),
    expireSeconds: reader.u32(),
    minimumSeconds: reader.u32(),
  }),
};
