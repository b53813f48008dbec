import { readCertificate } from '../identity/certificate.ts';
import { sha256Hex } from '../identity/digest.ts';
import type { NameSet } from './model.ts';

/** What a leaf says of itself. */
export interface Leaf {
  /** Upper-case hex, without leading zeros beyond a full octet. */
  readonly serial: string;
  /** SHA-256 of its DER, hex. */
  readonly sha256: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DNS names, lower case, sorted. */
  readonly names: NameSet;
  /** RFC 9773 section 4.1; absent where it has no key identifier of its authority. */
  readonly ariId?: string;
}

/** The first certificate of a chain, PEM; undefined when it is none. */
export function readLeaf(chainPem: string): Leaf | undefined {
  const leaf = readCertificate(chainPem);
  if (leaf === undefined) return undefined;
  const der = leaf.raw;
  const serial = leaf.serialNumber;
  const authority = authorityKeyId(der);
  return {
    serial,
    sha256: sha256Hex(der),
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
    names: [...(leaf.subjectAltName ?? '').matchAll(/DNS:([^\s,"]+)/g)]
      .map(([, name = '']) => name.toLowerCase())
      .sort(),
    ...(authority === undefined
      ? {}
      : { ariId: `${authority.toString('base64url')}.${serialOctets(serial).toString('base64url')}` }),
  };
}

/** As in the certificate: a leading zero octet where the first bit is set, which Node leaves out. */
function serialOctets(serial: string): Buffer {
  const octets = Buffer.from(serial.length % 2 === 0 ? serial : `0${serial}`, 'hex');
  return (octets[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), octets]) : octets;
}

/** OID of the extension, and the OCTET STRING's tag that follows (it is never critical, RFC 5280 section 4.2.1.1). */
const AUTHORITY_KEY_ID = Buffer.from('0603551d2304', 'hex');

/** `keyIdentifier` [0] of the extension. Node reads everything else, but not this. */
function authorityKeyId(der: Buffer): Buffer | undefined {
  const at = der.indexOf(AUTHORITY_KEY_ID);
  if (at < 0) return undefined;
  const value = contentAt(der, at + AUTHORITY_KEY_ID.length - 1, 0x04);
  const sequence = value === undefined ? undefined : contentAt(value, 0, 0x30);
  const keyId = sequence === undefined ? undefined : contentAt(sequence, 0, 0x80);
  return keyId === undefined || keyId.length === 0 ? undefined : keyId;
}

function contentAt(der: Buffer, at: number, tag: number): Buffer | undefined {
  if (der[at] !== tag) return undefined;
  const first = der[at + 1] ?? 0;
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
  if (lengthOctets > 2) return undefined;
  const length = lengthOctets === 0 ? first : der.readUIntBE(at + 2, lengthOctets);
  const start = at + 2 + lengthOctets;
  return start + length > der.length ? undefined : der.subarray(start, start + length);
}
