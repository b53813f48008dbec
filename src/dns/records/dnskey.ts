import type { RecordType } from './contract.ts';
import { type ZonePublicKey, zonePublicKey } from './key-rdata.ts';

/** A public key of the zone (RFC 4034 section 2). */
export type DnskeyRdata = ZonePublicKey<'DNSKEY'>;

export const DNSKEY: RecordType<DnskeyRdata> = zonePublicKey('DNSKEY');
