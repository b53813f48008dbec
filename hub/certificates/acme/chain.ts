import { readCertificate, splitPem } from '../../../src/identity/certificate.ts';

const MAX_CERTIFICATES = 10;

/**
 * A chain as CAs send it (RFC 8555 section 9.1): certificates and nothing else, leaf first.
 * @returns undefined when it is none; a key or anything else that somebody slipped in is refused with it
 */
export function chainOf(body: string): string | undefined {
  const parts = splitPem(body);
  const labels = body.match(/-----BEGIN [^-]*-----/g) ?? [];
  if (parts.length === 0 || parts.length > MAX_CERTIFICATES || labels.length !== parts.length)
    return undefined;
  if (parts.some((pem) => readCertificate(pem) === undefined)) return undefined;
  return parts.join('');
}

/** Whether the issuer of its topmost certificate has this common name. */
export function leadsTo(chain: string, commonName: string): boolean {
  const top = readCertificate(splitPem(chain).at(-1) ?? '');
  return top?.issuer.split('\n').includes(`CN=${commonName}`) === true;
}
