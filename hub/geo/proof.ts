import { createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { PortolanError } from '../../src/errors/error.ts';
import { sha256Hex } from '../../src/identity/digest.ts';

/** What comes with a database: its SHA-256 in hex, or an Ed25519 signature over its octets, base64. */
export interface GeoProof {
  readonly sha256?: string | undefined;
  readonly signature?: string | undefined;
}

/**
 * That these octets are what the publisher published. With trusted keys only a signature counts: whoever can replace the file can
 * replace its checksum too.
 * @param trustedKeys Ed25519 public keys, PEM
 * @returns the SHA-256, hex
 * @throws PortolanError GEO_DATABASE_UNTRUSTED
 */
export function checkProof(bytes: Uint8Array, proof: GeoProof, trustedKeys: readonly string[]): string {
  const digest = sha256Hex(bytes);
  if (trustedKeys.length > 0) {
    if (proof.signature === undefined)
      throw untrusted(
        'this hub takes signed databases only',
        'Give --signature with the file of the signature.',
      );
    const signature = Buffer.from(proof.signature, 'base64');
    const signed = trustedKeys.some((pem) => verify(null, bytes, createPublicKey(pem), signature));
    if (!signed) throw untrusted('no trusted key made its signature');
  } else if (proof.sha256 === undefined) {
    throw untrusted(
      'nothing says what it should be',
      'Give --sha256 with the checksum that its publisher shows, or configure geo.trustedKeys and give --signature.',
    );
  }
  if (proof.sha256 !== undefined && !sameDigest(digest, proof.sha256))
    throw untrusted(`its SHA-256 is ${digest}, not ${proof.sha256.slice(0, 64)}`);
  return digest;
}

function sameDigest(digest: string, given: string): boolean {
  const wanted = Buffer.from(given.toLowerCase());
  return wanted.length === digest.length && timingSafeEqual(wanted, Buffer.from(digest));
}

function untrusted(why: string, fix?: string): PortolanError {
  return new PortolanError(
    'GEO_DATABASE_UNTRUSTED',
    `the GeoIP database is refused: ${why}`,
    fix === undefined ? {} : { fix },
  );
}
