import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { KeyAlgorithm } from '../resources/certificate-policy.ts';

const generate = promisify(generateKeyPair);

/** A new key as PKCS#8 PEM, made off the main thread: one of 4096 bits takes seconds. */
export async function newPrivateKey(algorithm: KeyAlgorithm): Promise<string> {
  const { privateKey } = await pairOf(algorithm);
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function pairOf(algorithm: KeyAlgorithm): Promise<{ readonly privateKey: KeyObject }> {
  switch (algorithm) {
    case 'ECDSA-P256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'ECDSA-P384':
      return generate('ec', { namedCurve: 'P-384' });
    case 'RSA-2048':
    case 'RSA-3072':
    case 'RSA-4096':
      return generate('rsa', { modulusLength: Number(algorithm.slice('RSA-'.length)) });
  }
}
