import { createPrivateKey } from 'node:crypto';
import { readCertificate, splitPem } from '../../src/identity/certificate.ts';

/** What is wrong with a certificate and its key, if anything; `key` or `certificate` says which of the two. */
export interface PairProblem {
  readonly at: 'certificate' | 'key';
  readonly message: string;
}

/**
 * @param certificatePem the chain, leaf first
 * @returns `undefined` when they can be used together; that they are expired is for `expiryOf`
 */
export function pairProblem(certificatePem: string, keyPem: string): PairProblem | undefined {
  const [leaf] = splitPem(certificatePem);
  const certificate = leaf === undefined ? undefined : readCertificate(leaf);
  if (certificate === undefined) return { at: 'certificate', message: 'is no PEM certificate' };
  for (const [i, pem] of splitPem(certificatePem).entries())
    if (readCertificate(pem) === undefined)
      return { at: 'certificate', message: `has no valid certificate in place ${i + 1} of its chain` };
  try {
    if (certificate.checkPrivateKey(createPrivateKey(keyPem))) return undefined;
  } catch {
    return { at: 'key', message: 'is no PEM private key (without passphrase)' };
  }
  return { at: 'key', message: 'does not belong to the certificate' };
}

/** How long a certificate is good for. */
export function validityOf(
  certificatePem: string,
): { readonly fromMs: number; readonly toMs: number } | undefined {
  const certificate = readCertificate(splitPem(certificatePem)[0] ?? '');
  return certificate === undefined
    ? undefined
    : { fromMs: certificate.validFromDate.getTime(), toMs: certificate.validToDate.getTime() };
}
