import { type CertificateAssociation, certificateAssociation } from './certificate-association.ts';
import type { RecordType } from './contract.ts';

/** The certificate of a mail address (RFC 8162). */
export type SmimeaRdata = CertificateAssociation<'SMIMEA'>;

export const SMIMEA: RecordType<SmimeaRdata> = certificateAssociation('SMIMEA');
