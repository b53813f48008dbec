import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { messageOf } from '../../src/errors/error.ts';

/** A certificate with its key, as it is given to TLS. */
export interface Certificate {
  /** Hex; of certificate and key together. */
  readonly digest: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** DNS names it is valid for, lower case; `*.` stands for exactly one label (RFC 9525 §6.3). */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type ReadCertificate =
  | { readonly usable: true; readonly certificate: Certificate }
  | { readonly usable: false; readonly reason: string };

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Reads a certificate (its chain after it) and its key, both PEM. Does not throw; an expired one is usable: browsers say so. */
export function readCertificate(certificatePem: string, keyPem: string): ReadCertificate {
  if (keyPem === '') return { usable: false, reason: 'its key, which this agent made, is not there' };
  try {
    const leaf = new X509Certificate(certificatePem);
    if (!leaf.checkPrivateKey(createPrivateKey(keyPem)))
      return { usable: false, reason: 'the private key belongs to another certificate' };
    const digest = createHash('sha256').update(certificatePem).update('\0').update(keyPem).digest('hex');
    return {
      usable: true,
      certificate: {
        digest,
        certificatePem,
        keyPem,
        names: namesOf(leaf),
        notBeforeMs: leaf.validFromDate.getTime(),
        notAfterMs: leaf.validToDate.getTime(),
      },
    };
  } catch (thrown) {
    return { usable: false, reason: `it cannot be read: ${messageOf(thrown)}` };
  }
}

/** The CA certificates of a PEM bundle. @throws what OpenSSL says of one that cannot be read */
export function readBundle(pem: string): readonly string[] {
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new Error('it has no certificate');
  for (const one of found) new X509Certificate(one);
  return found;
}

/** `DNS:a.example, DNS:*.b.example, IP Address:…`; quoted where a name has characters that could be read otherwise. */
function namesOf(leaf: X509Certificate): readonly string[] {
  return (leaf.subjectAltName ?? '')
    .split(', ')
    .flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []));
}

/** The certificate is valid for this host. @param host lower case */
export function certificateCovers(names: readonly string[], host: string): boolean {
  const dot = host.indexOf('.');
  const wildcard = dot < 0 ? undefined : `*${host.slice(dot)}`;
  return names.some((name) => name === host || name === wildcard);
}
