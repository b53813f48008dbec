import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { PortolanError } from '../../errors/error.ts';
import type { DomainName } from '../name.ts';
import type { DnskeyRdata } from '../records/dnskey.ts';
import type { DsRdata } from '../records/ds.ts';
import { canonicalRdata, PlainWriter } from './canonical.ts';

/** ECDSA on curve P-256 with SHA-256 (RFC 6605), the one algorithm that keys are made for. */
export const ECDSAP256SHA256 = 13;

/** Flags of a DNSKEY (RFC 4034 section 2.1.1): a zone-signing key, and a key-signing key (with the entry-point bit). */
export const KEY_FLAGS = { zoneSigning: 256, keySigning: 257 } as const;
export type KeyFlags = (typeof KEY_FLAGS)[keyof typeof KEY_FLAGS];

/** Digest types of DS records that are made here. */
export const DIGEST_TYPE = { SHA256: 2, SHA384: 4 } as const;
export type DigestType = (typeof DIGEST_TYPE)[keyof typeof DIGEST_TYPE];

/** A DNSSEC key pair. */
export interface KeyPair {
  readonly dnskey: DnskeyRdata;
  /** RFC 4034 appendix B. Two keys of a zone may share one. */
  readonly keyTag: number;
  /** PKCS #8 DER: secret. */
  readonly privateKey: Uint8Array;
}

const COORDINATE = 32; // octets of one coordinate of a P-256 point

/** Makes a P-256 key from the operating system's randomness. */
export function generateKey(flags: KeyFlags): KeyPair {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return keyPairOf(new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })), flags);
}

/** The public side of a stored private key. @throws PortolanError DNSSEC_KEY_INVALID when it is no P-256 key */
export function keyPairOf(privateKey: Uint8Array, flags: KeyFlags): KeyPair {
  const key = privateKeyFrom(privateKey);
  const dnskey: DnskeyRdata = {
    type: 'DNSKEY',
    flags,
    protocol: 3,
    algorithm: ECDSAP256SHA256,
    publicKey: pointOf(createPublicKey(key)),
  };
  return { dnskey, keyTag: keyTagOf(dnskey), privateKey };
}

/** Reads PKCS #8 DER. @throws PortolanError DNSSEC_KEY_INVALID */
export function privateKeyFrom(privateKey: Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw new PortolanError('DNSSEC_KEY_INVALID', 'the private key is not PKCS #8 DER', { cause });
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new PortolanError('DNSSEC_KEY_INVALID', 'the private key is not on the curve P-256');
  return key;
}

/** The public key that a DNSKEY of algorithm 13 holds: x and y (RFC 6605 section 4); `undefined` when it holds no point of the curve. */
export function publicKeyFrom(dnskey: Pick<DnskeyRdata, 'algorithm' | 'publicKey'>): KeyObject | undefined {
  const { algorithm, publicKey } = dnskey;
  if (algorithm !== ECDSAP256SHA256 || publicKey.length !== 2 * COORDINATE) return undefined;
  const coordinate = (from: number): string =>
    Buffer.from(publicKey.subarray(from, from + COORDINATE)).toString('base64url');
  try {
    const jwk = { kty: 'EC', crv: 'P-256', x: coordinate(0), y: coordinate(COORDINATE) };
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** RFC 4034 appendix B. */
export function keyTagOf(dnskey: DnskeyRdata): number {
  let sum = 0;
  canonicalRdata(dnskey).forEach((octet, at) => {
    sum += at % 2 === 0 ? octet << 8 : octet;
  });
  return (sum + (sum >> 16)) & 0xffff;
}

/** The DS that a parent publishes for this key of the zone (RFC 4034 section 5.1.4, RFC 4509, RFC 6605). */
export function dsOf(origin: DomainName, dnskey: DnskeyRdata, digestType: DigestType): DsRdata {
  const writer = new PlainWriter(1024);
  writer.plainName(origin);
  writer.octets(canonicalRdata(dnskey));
  const digest = createHash(digestType === DIGEST_TYPE.SHA256 ? 'sha256' : 'sha384')
    .update(writer.buffer.subarray(0, writer.offset))
    .digest();
  return {
    type: 'DS',
    keyTag: keyTagOf(dnskey),
    algorithm: dnskey.algorithm,
    digestType,
    digest: new Uint8Array(digest),
  };
}

function pointOf(key: KeyObject): Uint8Array {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return new Uint8Array(Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]));
}
