import type { RecordType } from './contract.ts';
import { type Eui, eui } from './eui.ts';

/** A hardware address of 64 bits (RFC 7043 section 4). */
export type Eui64Rdata = Eui<'EUI64'>;

export const EUI64: RecordType<Eui64Rdata> = eui('EUI64', 8);
