import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { sha256Hex } from './digest.ts';

/**
 * Agents make certificate requests with these few lines of DER instead of an X.509 library: the library costs 22 MB of
 * resident memory in a process that must stay small, and a request of ours has no names and no attributes.
 */

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const ATTRIBUTES = 0xa0;
/** AlgorithmIdentifier of ecdsa-with-SHA256, 1.2.840.10045.4.3.2 (RFC 5758 section 3.2). */
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');

/** A new P-256 key as PKCS#8 PEM. */
export function newAgentKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** DER of the public key (SubjectPublicKeyInfo) of a private or public key. */
function spkiOf(key: KeyObject | string): Buffer {
  const isPublic = typeof key !== 'string' && key.type === 'public';
  return (isPublic ? key : createPublicKey(key)).export({ type: 'spki', format: 'der' });
}

/** The name of a key: SHA-256 of its SPKI, hex. */
export function spkiSha256Of(key: KeyObject | string): string {
  return sha256Hex(spkiOf(key));
}

/**
 * A PKCS#10 request (RFC 2986) for the key, DER: empty subject, no attributes, because the hub ignores any name in it.
 * `privateKeyPem` is a P-256 key.
 */
export function createCsr(privateKeyPem: string): Buffer {
  const info = tlv(
    SEQUENCE,
    tlv(INTEGER, Buffer.of(0)),
    tlv(SEQUENCE),
    spkiOf(privateKeyPem),
    tlv(ATTRIBUTES),
  );
  const signature = sign('sha256', info, { key: privateKeyPem, dsaEncoding: 'der' });
  return tlv(SEQUENCE, info, ECDSA_WITH_SHA256, tlv(BIT_STRING, Buffer.of(0), signature));
}

function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tag), lengthOf(body.length), body]);
}

function lengthOf(octets: number): Buffer {
  if (octets < 0x80) return Buffer.of(octets);
  if (octets < 0x100) return Buffer.of(0x81, octets);
  return Buffer.of(0x82, octets >> 8, octets & 0xff);
}
