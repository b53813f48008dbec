import type { RecordType } from './contract.ts';
import { type Eui, eui } from './eui.ts';

/** A hardware address of 48 bits (RFC 7043 section 3). */
export type Eui48Rdata = Eui<'EUI48'>;

export const EUI48: RecordType<Eui48Rdata> = eui('EUI48', 6);
