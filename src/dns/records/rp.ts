import type { DomainName } from '../name.ts';
import { TYPE } from '../types.ts';
import type { RecordType } from './contract.ts';

/** The person responsible for a name (RFC 1183 section 2.2). */
export interface RpRdata {
  readonly type: 'RP';
  /** The mailbox, its `@` as a dot; the root when there is none. */
  readonly mailbox: DomainName;
  /** Where a TXT record says more; the root when there is none. */
  readonly text: DomainName;
}

export const RP: RecordType<RpRdata> = {
  code: TYPE.RP,
  example: 'admin.example.com. admin-info.example.com.',
  compresses: false,
  parse: (fields) => ({
    type: 'RP',
    mailbox: fields.name('the mailbox'),
    text: fields.name('the name with the text'),
  }),
  format: (rdata) => `${rdata.mailbox} ${rdata.text}`,
  encode(rdata, writer) {
    writer.plainName(rdata.mailbox);
    writer.plainName(rdata.text);
  },
  decode: (reader) => ({ type: 'RP', mailbox: reader.name(), text: reader.name() }),
};
