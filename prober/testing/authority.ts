// First: @peculiar/x509 needs it in place when it loads.
import 'reflect-metadata';

import type { webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** A certificate authority for one test run. */
export interface TestAuthority {
  /** Its root in PEM. */
  readonly ca: string;
  /** @param days validity relative to now; negative `to`: expired. */
  issue(
    names: readonly string[],
    days?: { from: number; to: number },
  ): Promise<{ cert: string; key: string }>;
}

export async function createTestAuthority(name = 'Prober Test CA'): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(Date.now() - 100 * DAY_MS),
    notAfter: new Date(Date.now() + 100 * DAY_MS),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    ca: root.toString('pem'),
    issue: (names, days = { from: -1, to: 30 }) => issueLeaf(root, keys, names, days),
  };
}

async function issueLeaf(
  root: X509Certificate,
  keys: webcrypto.CryptoKeyPair,
  names: readonly string[],
  days: { from: number; to: number },
): Promise<{ cert: string; key: string }> {
  const leafKeys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const leaf = await X509CertificateGenerator.create({
    subject: `CN=${names[0] ?? 'nobody'}`,
    issuer: root.subject,
    publicKey: leafKeys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(Date.now() + days.from * DAY_MS),
    notAfter: new Date(Date.now() + days.to * DAY_MS),
    extensions: [
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
      await AuthorityKeyIdentifierExtension.create(root),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', leafKeys.privateKey);
  return { cert: `${leaf.toString('pem')}\n`, key: PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}
