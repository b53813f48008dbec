import type { RecordType } from './contract.ts';
import { type ZonePublicKey, zonePublicKey } from './key-rdata.ts';

/** The DNSKEY that the parent is asked to make a DS of (RFC 7344 section 3.2). */
export type CdnskeyRdata = ZonePublicKey<'CDNSKEY'>;

export const CDNSKEY: RecordType<CdnskeyRdata> = zonePublicKey('CDNSKEY');
