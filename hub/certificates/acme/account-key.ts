import { createPublicKey, generateKeyPair, type webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, FlattenedSign, importPKCS8, type JWK } from 'jose';
import { PortolanError } from '../../../src/errors/error.ts';

const generate = promisify(generateKeyPair);

/** P-256: the one kind of key that every CA takes (RFC 8555 section 6.2). */
export interface AccountKey {
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicJwk: JWK;
  /** RFC 7638, SHA-256, base64url: the second half of key authorizations (section 8.1). */
  readonly thumbprint: string;
}

/** @returns PKCS#8 PEM */
export async function newAccountKey(): Promise<string> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** @throws PortolanError STORE_CORRUPT */
export async function openAccountKey(pem: string): Promise<AccountKey> {
  try {
    const { kty, crv, x, y } = createPublicKey(pem).export({ format: 'jwk' });
    if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined)
      throw new Error('no P-256 key');
    const publicJwk: JWK = { kty, crv, x, y };
    return {
      privateKey: await importPKCS8(pem, 'ES256'),
      publicJwk,
      thumbprint: await calculateJwkThumbprint(publicJwk),
    };
  } catch {
    // What was thrown may quote the key (I33).
    throw new PortolanError('STORE_CORRUPT', "the stored key of the Issuer's account cannot be read");
  }
}

/** What a CA gave a customer to bind accounts with. */
export interface ExternalAccount {
  readonly keyId: string;
  /** base64url, as the CA gives it. */
  readonly hmacKey: string;
}

/**
 * The binding of RFC 8555 section 7.3.4, by HS256: what every CA that asks for one takes, whatever the length of its key.
 * @throws PortolanError ISSUER_REFUSED
 */
export async function externalAccountBinding(
  { keyId, hmacKey }: ExternalAccount,
  { publicJwk }: AccountKey,
  newAccountUrl: string,
): Promise<object> {
  const text = hmacKey.trim();
  // Some CAs show plain base64.
  if (!/^[A-Za-z0-9_+/-]{16,}={0,2}$/.test(text))
    throw new PortolanError(
      'ISSUER_REFUSED',
      'the HMAC key of `spec.acme.externalAccountBinding` is not base64url',
      { fix: 'Put the HMAC key into the Secret exactly as the CA shows it.' },
    );
  return new FlattenedSign(new TextEncoder().encode(JSON.stringify(publicJwk)))
    .setProtectedHeader({ alg: 'HS256', kid: keyId, url: newAccountUrl })
    .sign(Buffer.from(text, 'base64url'));
}
