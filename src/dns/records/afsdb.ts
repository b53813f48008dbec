import type { RecordType } from './contract.ts';
import { type PreferredHost, preferredHost } from './preferred-host.ts';

/** A server of an AFS cell (RFC 1183 section 1, RFC 5864). */
export type AfsdbRdata = PreferredHost<'AFSDB'>;

export const AFSDB: RecordType<AfsdbRdata> = preferredHost('AFSDB', {
  example: '1 afs.example.com.',
  preference: 'the subtype',
  host: 'the server',
});
