import { type Base64Data, base64Data } from './base64-data.ts';
import type { RecordType } from './contract.ts';

/** Which DHCP client a name belongs to (RFC 4701). */
export type DhcidRdata = Base64Data<'DHCID'>;

export const DHCID: RecordType<DhcidRdata> = base64Data(
  'DHCID',
  'AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=',
);
