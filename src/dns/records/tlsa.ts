import { type CertificateAssociation, certificateAssociation } from './certificate-association.ts';
import type { RecordType } from './contract.ts';

/** The certificate or key of a TLS server (RFC 6698). */
export type TlsaRdata = CertificateAssociation<'TLSA'>;

export const TLSA: RecordType<TlsaRdata> = certificateAssociation('TLSA');
