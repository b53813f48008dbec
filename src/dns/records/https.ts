import type { RecordType } from './contract.ts';
import { type ServiceBinding, serviceBinding } from './svcb.ts';

/** How to reach a web origin (RFC 9460 section 9). */
export type HttpsRdata = ServiceBinding<'HTTPS'>;

export const HTTPS: RecordType<HttpsRdata> = serviceBinding('HTTPS');
