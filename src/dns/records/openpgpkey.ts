import { type Base64Data, base64Data } from './base64-data.ts';
import type { RecordType } from './contract.ts';

/** An OpenPGP public key of a mail address (RFC 7929). */
export type OpenpgpkeyRdata = Base64Data<'OPENPGPKEY'>;

export const OPENPGPKEY: RecordType<OpenpgpkeyRdata> = base64Data(
  'OPENPGPKEY',
  'mDMEY1234hYJKwYBBAHaRw8BAQdA',
);
