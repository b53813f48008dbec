import 'reflect-metadata';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A certificate with its key, PEM. */
export interface TestCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface TestLeaf {
  readonly dns?: readonly string[];
  readonly uris?: readonly string[];
  readonly ips?: readonly string[];
  readonly commonName?: string;
  /** Days from now until it ends; below zero: it ended. */
  readonly days?: number;
}

/** An authority of a test's own, for servers and clients alike. */
export interface TestAuthority {
  readonly certificatePem: string;
  issue(leaf: TestLeaf): Promise<TestCertificate>;
}

export async function testAuthority(name = 'a test authority'): Promise<TestAuthority> {
  const keys = await keyPair();
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    notBefore: daysFromNow(-400),
    notAfter: daysFromNow(400),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return {
    certificatePem: `${authority.toString('pem')}\n`,
    async issue({ dns = [], uris = [], ips = [], commonName = dns[0] ?? 'leaf', days = 30 }) {
      const leafKeys = await keyPair();
      const certificate = await x509.X509CertificateGenerator.create({
        issuer: authority.subjectName,
        subject: [{ CN: [commonName] }],
        notBefore: daysFromNow(Math.min(days, 0) - 1),
        notAfter: daysFromNow(days),
        signingAlgorithm: ALGORITHM,
        publicKey: leafKeys.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new x509.SubjectAlternativeNameExtension([
            ...dns.map((value) => ({ type: 'dns' as const, value })),
            ...uris.map((value) => ({ type: 'url' as const, value })),
            ...ips.map((value) => ({ type: 'ip' as const, value })),
          ]),
        ],
      });
      const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey));
      return {
        certificatePem: `${certificate.toString('pem')}\n`,
        keyPem: `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`,
      };
    },
  };
}

/** A key that fits no certificate here. */
export function strangeKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

async function keyPair(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 86_400_000);
}
