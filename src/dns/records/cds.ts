import type { RecordType } from './contract.ts';
import { type KeyDigest, keyDigest } from './digest-rdata.ts';

/** The DS that the parent is asked to publish (RFC 7344 section 3.1). */
export type CdsRdata = KeyDigest<'CDS'>;

export const CDS: RecordType<CdsRdata> = keyDigest('CDS');
