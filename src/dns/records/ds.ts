import type { RecordType } from './contract.ts';
import { type KeyDigest, keyDigest } from './digest-rdata.ts';

/** The digest of a key of a delegated zone, in its parent (RFC 4034 section 5). */
export type DsRdata = KeyDigest<'DS'>;

export const DS: RecordType<DsRdata> = keyDigest('DS');
