import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { sha256Hex } from './digest.ts';

/**
 * Agents make certificate requests with these few lines of DER instead of an X.509 library: the library costs 22 MB of
 * resident memory in a process that must stay small, and a request of ours has no attribute but its names.
 */

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const SET = 0x31;
const ATTRIBUTES = 0xa0;
/** GeneralName `dNSName`, [2] IA5String (RFC 5280 section 4.2.1.6). */
const DNS_NAME = 0x82;
/** Object identifiers: extensionRequest (RFC 2985 section 5.4.2), subjectAltName. */
const EXTENSION_REQUEST = Buffer.from('06092a864886f70d01090e', 'hex');
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex');
/** AlgorithmIdentifiers (RFC 5758 section 3.2, RFC 4055 section 5). */
const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');
const ECDSA_WITH_SHA384 = Buffer.from('300a06082a8648ce3d040303', 'hex');
const RSA_WITH_SHA256 = Buffer.from('300d06092a864886f70d01010b0500', 'hex');

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
 * A PKCS#10 request (RFC 2986) for the key, DER, with an empty subject.
 * @param privateKeyPem an EC key on P-256 or P-384, or an RSA key
 * @param dnsNames subject alternative names; for an agent's own certificate none, because the hub ignores any name in it
 */
export function createCsr(privateKeyPem: string, dnsNames: readonly string[] = []): Buffer {
  const key = createPrivateKey(privateKeyPem);
  const info = tlv(
    SEQUENCE,
    tlv(INTEGER, Buffer.of(0)),
    tlv(SEQUENCE),
    spkiOf(privateKeyPem),
    dnsNames.length === 0 ? tlv(ATTRIBUTES) : tlv(ATTRIBUTES, requestOf(dnsNames)),
  );
  const isP384 = key.asymmetricKeyDetails?.namedCurve === 'secp384r1';
  const signature = sign(isP384 ? 'sha384' : 'sha256', info, { key, dsaEncoding: 'der' });
  const algorithm =
    key.asymmetricKeyType === 'rsa' ? RSA_WITH_SHA256 : isP384 ? ECDSA_WITH_SHA384 : ECDSA_WITH_SHA256;
  return tlv(SEQUENCE, info, algorithm, tlv(BIT_STRING, Buffer.of(0), signature));
}

/** The attribute that asks for an extension with these names. */
function requestOf(dnsNames: readonly string[]): Buffer {
  const names = tlv(SEQUENCE, ...dnsNames.map((name) => tlv(DNS_NAME, Buffer.from(name, 'ascii'))));
  const extension = tlv(SEQUENCE, SUBJECT_ALT_NAME, tlv(OCTET_STRING, names));
  return tlv(SEQUENCE, EXTENSION_REQUEST, tlv(SET, tlv(SEQUENCE, extension)));
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
