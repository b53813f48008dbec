import { createHash, generateKeyPairSync, webcrypto } from 'node:crypto';

/** PEM both. */
export interface AlpnCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** `id-pe-acmeIdentifier` (RFC 8737 section 6.1). */
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** A CA looks at once and does not look at its life; a wrong clock should not matter. */
const LIFE_MS = 7 * 86_400_000;

/**
 * What a CA has to be shown for tls-alpn-01 (RFC 8737 section 3): self-signed, the name as its only one, and the critical extension with
 * the digest of the key authorization.
 */
export async function alpnCertificate(wanted: {
  /** Without wildcard. */
  readonly name: string;
  readonly keyAuthorization: string;
  readonly nowMs: number;
  readonly randomBytes: (count: number) => Uint8Array;
}): Promise<AlpnCertificate> {
  // Loaded only where such a challenge is wanted.
  await import('reflect-metadata');
  const lib = await import('@peculiar/x509');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = Uint8Array.from(privateKey.export({ type: 'pkcs8', format: 'der' }));
  const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }));
  const digest = createHash('sha256').update(wanted.keyAuthorization, 'utf8').digest();
  const certificate = await lib.X509CertificateGenerator.createSelfSigned({
    serialNumber: Buffer.concat([Buffer.of(0x41), wanted.randomBytes(15)]).toString('hex'),
    name: [{ CN: ['portolan acme-tls/1'] }],
    notBefore: new Date(wanted.nowMs - LIFE_MS),
    notAfter: new Date(wanted.nowMs + LIFE_MS),
    signingAlgorithm: ALGORITHM,
    keys: {
      privateKey: await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']),
      publicKey: await webcrypto.subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
    },
    extensions: [
      new lib.SubjectAlternativeNameExtension([{ type: 'dns', value: wanted.name }]),
      // An OCTET STRING of 32 octets.
      new lib.Extension(ACME_IDENTIFIER, true, Buffer.concat([Buffer.of(0x04, digest.length), digest])),
    ],
  });
  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
