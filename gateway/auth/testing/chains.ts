import 'reflect-metadata';
import { generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A certificate of a test, with what is needed to issue below it. */
export interface Issued {
  readonly certificate: X509Certificate;
  readonly pem: string;
  readonly keys: { readonly publicKey: webcrypto.CryptoKey; readonly privateKey: webcrypto.CryptoKey };
  readonly name: x509.Name;
}

export interface Wanted {
  readonly subject: x509.X509CertificateCreateParamsName;
  /** Absent: self-signed. */
  readonly by?: Issued;
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly names?: readonly { readonly type: 'dns' | 'url'; readonly value: string }[];
  readonly usages?: readonly string[];
  /** Milliseconds around now. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly nameConstraints?: boolean;
}

/** Issues certificates that authorities should not, too. */
export async function issued(wanted: Wanted): Promise<Issued> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = Uint8Array.from(pair.publicKey.export({ type: 'spki', format: 'der' }));
  const pkcs8 = Uint8Array.from(pair.privateKey.export({ type: 'pkcs8', format: 'der' }));
  const keys = {
    publicKey: await webcrypto.subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
    privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']),
  };
  const name = new x509.Name(wanted.subject);
  const { by, ca = false, names = [], usages } = wanted;
  const now = Date.now();
  const made = await x509.X509CertificateGenerator.create({
    subject: name,
    issuer: by?.name ?? name,
    notBefore: new Date(now + (wanted.fromMs ?? -86_400_000)),
    notAfter: new Date(now + (wanted.toMs ?? 86_400_000)),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: by?.keys.privateKey ?? keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(ca, wanted.pathLength, true),
      ...(ca ? [new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)] : []),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names])]),
      ...(usages === undefined ? [] : [new x509.ExtendedKeyUsageExtension([...usages])]),
      ...(wanted.nameConstraints === true
        ? [new x509.Extension('2.5.29.30', true, Uint8Array.from([0x30, 0x00]))]
        : []),
    ],
  });
  const pem = `${made.toString('pem')}\n`;
  return { certificate: new X509Certificate(pem), pem, keys, name };
}

export const CLIENT_AUTH = x509.ExtendedKeyUsage.clientAuth;
export const SERVER_AUTH = x509.ExtendedKeyUsage.serverAuth;
